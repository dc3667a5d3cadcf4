"""Every captured sample, kept until there is evidence that it is no longer needed."""

import contextlib
from collections import deque
from pathlib import Path

from tui.audio.spool_files import FILE_SAMPLES, SpoolFile, SpoolFiles
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


class SpoolError(CapttyError):
    """Audio that was left behind and cannot be had."""


class Spool:
    """PCM16 mono sound by absolute sample index. Not thread-safe: one owner uses it.

    The newest part is in memory; what `persist` has written outlives the process. Held is always
    one contiguous run: what must be given up for want of room is its oldest part.
    """

    def __init__(self, start: int = 0) -> None:
        """Nothing yet; `start` is the absolute index of the first sample to come."""
        self.trouble: str | None = None
        """One sentence while audio is not written to the disk."""
        self._start = start
        self._memory = _Memory(start)
        self._files: SpoolFiles | None = None
        self._lost: list[tuple[int, int]] = []

    @classmethod
    def recover(cls, folder: Path) -> "Spool":
        """What a process left in `folder`: the longest run that ends at the newest sample.

        Trimmed samples that shared a file with needed ones are back. Empty where nothing was
        left; raises `SpoolError` where the folder cannot be read.
        """
        try:
            files = SpoolFiles.found(folder)
        except OSError as error:
            raise SpoolError(
                f"the audio kept in {clean(str(folder))} cannot be read "
                f"({error.strerror or error}): check that the folder is yours and its disk works"
            ) from error
        spool = cls(files.end)
        spool._files = files
        spool._start = files.oldest.start if files.oldest else files.end
        return spool

    @property
    def start(self) -> int:
        """Absolute index of the first sample still held."""
        return self._start

    @property
    def end(self) -> int:
        """Absolute index behind the last sample."""
        return self._memory.end

    @property
    def samples(self) -> int:
        """How many samples are held."""
        return self.end - self._start

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

        Empty at `end`. Raises `ValueError` where samples were trimmed, lost or not captured yet;
        those that the disk does not give back are lost from then on.
        """
        if not self._start <= start <= self.end:
            raise self._not_held(start)
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

    def take_lost(self) -> list[tuple[int, int]]:
        """The samples given up since the last call, as intervals from first to behind the last."""
        lost, self._lost = self._lost, []
        return lost

    def keep_in(self, folder: Path) -> None:
        """Let `persist` write into `folder` from now on; it is made when it is needed."""
        if self._files is None or self._files.folder != folder:
            if self._files:
                self._take_back(self._files)
            self._files = SpoolFiles(folder)

    def persist(self) -> None:
        """Write what is held and not written yet; what the disk refuses stays in memory."""
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
        self._forget_written(self._files)

    def give_way(self) -> None:
        """Leave the room on the disk to the text, until `persist` is called again."""
        if self._files:
            self._take_back(self._files)
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
        """Write the rest and close the file; files stay."""
        self.persist()
        if self._files:
            self._files.close()

    def _write(self, files: SpoolFiles) -> None:
        while (at := max(files.end, self._start)) < self.end:
            files.append(at, self._memory.read(at, min(at + FILE_SAMPLES, self.end)))

    def _forget_written(self, files: SpoolFiles) -> None:
        """Take from memory what is on disk, all but the newest."""
        self._memory.trim(min(files.end, self.end - MEMORY_SAMPLES))

    def _make_room(self) -> None:
        """Give up the oldest until memory is within its limit.

        A file that goes leaves room on a full disk for what is waiting in memory.
        """
        if self._files:
            self._forget_written(self._files)
        while self._memory.size > MEMORY_LIMIT:
            if self._files and self._files.oldest:
                self._lose(self._files.oldest.end)
                self.persist()
            else:
                self._lose(self._memory.start + _UNIT)

    def _take_back(self, files: SpoolFiles) -> None:
        """Hold in memory what is on disk, as far as it fits, and delete the files."""
        self._lose(self._memory.start - (MEMORY_LIMIT - self._memory.size) // _BLOCK * _UNIT)
        while self._start < (edge := self._memory.start):
            with contextlib.suppress(ValueError):  # lost by now: `start` has moved on
                self._memory.prepend(self._read_files(max(self._start, edge - _UNIT), edge))
        files.remove()

    def _read_files(self, start: int, last: int) -> bytes:
        pieces = []
        while self._files and start < last:
            file = self._files.holding(start)
            try:
                pieces.append(file.read(start, last))
            except OSError:
                self._lose_file(self._files, file)
                raise self._not_held(start) from None
            start = file.end
        return b"".join(pieces)

    def _lose_file(self, files: SpoolFiles, file: SpoolFile) -> None:
        """Give up what only this file had, and the samples before; write the rest anew."""
        edge = self._memory.start
        if file.end > edge:
            files.clear()
        self._lose(min(file.end, edge))

    def _lose(self, upto: int) -> None:
        """Give up the oldest samples, those before absolute index `upto`."""
        start = self._start
        self.trim(upto)
        if self._start > start:
            if self._lost and self._lost[-1][1] == start:
                start = self._lost.pop()[0]
            self._lost.append((start, self._start))

    def _not_held(self, sample: int) -> ValueError:
        return ValueError(
            f"sample {sample} is not held: the spool has {self._start} up to {self.end}"
        )


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
        """Hold a block before the first; one that is short must be the last to be put there."""
        self._blocks.appendleft(bytearray(pcm.rjust(_BLOCK, b"\0")))
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
