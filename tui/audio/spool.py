"""Every captured sample, kept until there is evidence that it is no longer needed."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tui.audio.spool_files import FILE_SAMPLES, SpoolFiles, Unread
from tui.captions import CapttyError, clean

MEMORY_SAMPLES = 960_000
"""The newest 60 s stay in memory, whether they are on disk or not."""
MEMORY_LIMIT = 64 * 1024 * 1024
"""Bytes in memory at most: 35 minutes, for when there is no disk to write to."""

_BYTES = 2
_BLOCK = 32_768
"""Bytes kept together: about one second. Memory is given back in these units."""
_UNIT = _BLOCK // _BYTES
"""Samples in them."""
_NO_ROOM = "there was no room to keep it"
_GONE = "its file is gone"


class SpoolError(CapttyError):
    """Audio that was left behind and cannot be had."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Captured samples that cannot be had any more."""

    start: int
    """Absolute index of the first one."""
    end: int
    """Absolute index behind the last one."""
    cause: str
    """Why, in a few words for people."""

    def touches(self, other: "Loss") -> bool:
        """Whether both are one, as nothing is between them."""
        near = self.end == other.start or other.end == self.start
        return near and self.cause == other.cause


class Spool:
    """PCM16 mono sound by absolute sample index. Not thread-safe: one owner uses it.

    The newest part is in memory; what `persist` has written outlives the process. What must be
    given up for want of room is the oldest part; what the disk does not give back is silence.
    """

    def __init__(self, start: int = 0) -> None:
        """Nothing yet; `start` is the absolute index of the first sample to come."""
        self.trouble: str | None = None
        """One sentence while audio is not written to the disk."""
        self._start = start
        self._memory = _Memory(start)
        self._files: SpoolFiles | None = None
        self._lost: list[Loss] = []

    @classmethod
    def recover(cls, folder: Path) -> "Spool":
        """What a process left in `folder`, from the oldest sample to the newest.

        What is missing between is lost, and silence. Trimmed samples that shared a file with needed
        ones are back. Empty where nothing was left; raises `SpoolError` where the folder cannot be
        read.
        """
        try:
            files = SpoolFiles.found(folder)
        except OSError as error:
            raise SpoolError(
                f"the audio kept in {clean(str(folder))} cannot be read "
                f"({error.strerror or error}): check that the folder is yours and its disk works"
            ) from error
        spool = cls(files.newest.end if files.newest else 0)
        spool._files = files
        spool._start = files.oldest.start if files.oldest else 0
        spool._lose(files.gaps(spool._start, spool.end), _GONE)
        return spool

    @property
    def start(self) -> int:
        """Absolute index of the first sample still held."""
        return self._start

    @property
    def end(self) -> int:
        """Absolute index behind the last sample."""
        return self._memory.end

    def append(self, pcm: bytes) -> int:
        """Keep whole PCM16 samples behind the last one; returns the new `end`.

        Raises `ValueError` for half a sample: every index behind it would be wrong.
        """
        if len(pcm) % _BYTES:
            raise ValueError(f"{len(pcm)} bytes are no whole PCM16 samples: append even lengths")
        self._memory.append(pcm)
        if self._memory.size > MEMORY_LIMIT:
            self._make_room()
        return self.end

    def read(self, start: int, most: int) -> bytes:
        """The sound from absolute index `start`, `most` samples of it or what there is.

        Empty at `end`. Samples that the disk does not give back are lost, and silence from then
        on. Raises `ValueError` where samples were trimmed, given up or not captured yet.
        """
        if not self._start <= start <= self.end:
            raise ValueError(
                f"sample {start} is not held: the spool has {self._start} up to {self.end}"
            )
        last = min(start + max(most, 0), self.end)
        edge = self._memory.start
        old = self._read_files(start, min(last, edge)) if start < edge else b""
        return old + self._memory.read(max(start, edge), last)

    def trim(self, upto: int) -> None:
        """Let go of everything before absolute index `upto`.

        A stale index moves nothing back, and one that lies ahead trims no further than `end`.
        """
        self._start = min(max(upto, self._start), self.end)
        self._memory.trim(self._start)
        if self._files:
            self._files.trim(self._start)

    def take_lost(self) -> list[Loss]:
        """What was lost since the last call.

        What was given up from the front ends at `start` or before; what lies behind `start` is
        silence, told once, unless `give_way` took it into memory and it is lost from there.
        """
        lost, self._lost = self._lost, []
        return lost

    def keep_in(self, folder: Path) -> None:
        """Let `persist` write into `folder`, made when it is needed, if it has no folder yet."""
        self._files = self._files or SpoolFiles(folder)

    def persist(self) -> None:
        """Write up to 30 s of what is not written yet; what the disk refuses stays in memory."""
        if self._files is None:
            return
        try:
            self._write(self._files)
            self.trouble = None
        except OSError as error:
            self.trouble = (
                f"the audio is kept in memory only ({error.strerror or error}); captty tries "
                "again, so free some space or check the disk"
            )
        self._forget_written()

    def give_way(self) -> None:
        """Leave the room of one file on the disk to the text; `persist` takes it back.

        It is the newest file, which goes into memory; where it does not fit, the oldest is lost.
        """
        if self._files:
            self._free_one(self._files)
            self.trouble = (
                "the audio is kept in memory only, as the disk has no room to spare for it; "
                "captty tries again, so free some space"
            )

    def discard(self) -> None:
        """Let go of everything; no file is left, and none is written any more."""
        self.trim(self.end)
        if self._files:
            self._files.remove()
        self._files = None
        self.trouble = None

    def close(self) -> None:
        """Write all the rest and close the file; files stay."""
        self.persist()
        while self._files and self._unwritten(self.end) and not self.trouble:
            self.persist()
        if self._files:
            self._files.close()

    def _unwritten(self, upto: int) -> list[tuple[int, int]]:
        """The intervals before absolute index `upto` that are in memory only."""
        start = max(self._memory.start, self._start)
        if self._files:
            return self._files.gaps(start, upto)
        return [(start, upto)] if start < upto else []

    def _write(self, files: SpoolFiles) -> None:
        for at, last in self._unwritten(self.end)[:1]:
            last = min(last, at + FILE_SAMPLES)
            while at < last:
                at = files.write(at, self._memory.read(at, last))

    def _forget_written(self) -> None:
        """Take from memory what is on disk, all but the newest."""
        written = next((start for start, _ in self._unwritten(self.end)), self.end)
        self._memory.trim(min(written, self.end - MEMORY_SAMPLES))

    def _make_room(self) -> None:
        """Give up the oldest until memory is within its limit.

        A file that goes leaves room on a full disk for what is waiting in memory.
        """
        self._forget_written()
        while self._memory.size > MEMORY_LIMIT:
            if self._files and self._lose_oldest(self._files):
                self.persist()
            if self._memory.size > MEMORY_LIMIT:
                self._lose_block()

    def _free_one(self, files: SpoolFiles) -> None:
        if (newest := files.newest) is None:
            return
        grows = max(0, self._memory.start - max(newest.base, self._start))
        if grows and self._memory.size + (grows + _UNIT) * _BYTES > MEMORY_LIMIT:
            self._lose_oldest(files)
        elif self._take_back(files, grows):
            files.free(newest)

    def _take_back(self, files: SpoolFiles, samples: int) -> bool:
        """Let memory begin earlier; not where it takes another try to read what was there."""
        edge = self._memory.start
        start = max(edge - -(-samples // _UNIT) * _UNIT, self._start)
        pcm, unread = files.read(start, max(start, edge))
        if any(failed.passing for failed in unread):
            return False
        self._miss(files, unread)
        self._memory.prepend(pcm)
        return True

    def _read_files(self, start: int, last: int) -> bytes:
        if self._files is None:
            return bytes((last - start) * _BYTES)
        pcm, unread = self._files.read(start, last)
        self._miss(self._files, unread)
        return pcm

    def _miss(self, files: SpoolFiles, unread: list[Unread]) -> None:
        """Let what could not be read be silence; what memory has of it is written anew."""
        for failed in unread:
            files.forget(failed.start, failed.end)
            told = f"it could not be read ({failed.error.strerror or failed.error})"
            cause = _GONE if isinstance(failed.error, FileNotFoundError) else told
            self._lose([(failed.start, min(failed.end, self._memory.start))], cause)

    def _lose_oldest(self, files: SpoolFiles) -> bool:
        """Give up the oldest file, but for what memory has of it; returns whether it is gone."""
        edge = self._memory.start
        freed = files.free(files.oldest) if files.oldest else []
        self._lose([(part.start, min(part.end, edge)) for part in freed], _NO_ROOM)
        self._trim_silence()
        return bool(freed)

    def _lose_block(self) -> None:
        """Give up the oldest block in memory, but for what the disk has of it."""
        upto = self._memory.start + _UNIT
        self._lose(self._unwritten(upto), _NO_ROOM)
        self._memory.trim(upto)
        self._trim_silence()

    def _trim_silence(self) -> None:
        """Begin at the first sample that is in a file or in memory."""
        oldest = self._files.oldest if self._files else None
        edge = self._memory.start
        self.trim(min(oldest.start, edge) if oldest else edge)

    def _lose(self, intervals: Iterable[tuple[int, int]], cause: str) -> None:
        """Tell of samples that are lost, those of them that were not trimmed."""
        for start, end in intervals:
            loss = Loss(max(start, self._start), end, cause)
            if loss.start >= end:
                continue
            if self._lost and self._lost[-1].touches(loss):
                last = self._lost.pop()
                loss = replace(loss, start=min(last.start, loss.start), end=max(last.end, end))
            self._lost.append(loss)


class _Memory:
    """The newest samples, in blocks of which all but the last are full."""

    def __init__(self, start: int) -> None:
        self._blocks: deque[bytearray] = deque()
        self.start = start
        """Absolute index of the first sample, or of the filling before it."""
        self.end = start
        """Absolute index behind the last sample."""

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return (self.end - self.start) * _BYTES

    def append(self, pcm: bytes) -> None:
        """Hold whole samples behind the last one."""
        rest = memoryview(pcm)
        while rest:
            room = self._room()
            self._blocks[-1] += rest[:room]
            rest = rest[room:]
        self.end += len(pcm) // _BYTES

    def prepend(self, pcm: bytes) -> None:
        """Hold samples before the first; if they are no full blocks, nothing comes before them."""
        for stop in range(len(pcm), 0, -_BLOCK):
            self._blocks.appendleft(
                bytearray(pcm[max(0, stop - _BLOCK) : stop].rjust(_BLOCK, b"\0"))
            )
            self.start -= _UNIT

    def read(self, start: int, last: int) -> bytes:
        """The samples from absolute index `start` up to `last`, all of which must be held."""
        first = (start - self.start) * _BYTES
        stop = (last - self.start) * _BYTES
        return b"".join(
            self._blocks[number][max(first - number * _BLOCK, 0) : stop - number * _BLOCK]
            for number in range(first // _BLOCK, -(-stop // _BLOCK))
        )

    def trim(self, upto: int) -> None:
        """Let go of the full blocks that lie wholly before absolute index `upto`."""
        for _ in range(max(0, (upto - self.start) // _UNIT)):
            self._blocks.popleft()
            self.start += _UNIT

    def _room(self) -> int:
        """Bytes that the last block still takes; begins a block where it is full."""
        if not self._blocks or len(self._blocks[-1]) == _BLOCK:
            self._blocks.append(bytearray())
        return _BLOCK - len(self._blocks[-1])
