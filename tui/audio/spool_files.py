"""The part of the spool that lies on disk: raw PCM16 files, one behind the other."""

import contextlib
import errno
import os
import re
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, replace
from pathlib import Path

FILE_SAMPLES = 480_000
"""Samples in a full file: 30 s at 16 kHz. The disk gets its room back in these units."""

_BYTES = 2
_NAME = re.compile(r"[0-9]{12}\.pcm", re.ASCII)
_PASSING = {errno.EMFILE, errno.ENFILE, errno.EINTR, errno.EAGAIN, errno.ENOMEM}
"""Errors that say nothing of the file."""


@dataclass(slots=True)
class SpoolFile:
    """One file, or what is to be taken from it between parts that are not."""

    path: Path
    """Where it lies; named by the absolute index of the first sample in it."""
    base: int
    """That index."""
    start: int
    """Absolute index of the first sample to be taken from it."""
    end: int
    """Absolute index behind the last sample to be taken from it."""

    def read(self, start: int, last: int) -> bytes:
        """The samples from absolute index `start` up to `last`, both within `start` and `end`.

        Raises `OSError`, also where the file has become shorter than it was.
        """
        rest = (last - start) * _BYTES
        offset = (start - self.base) * _BYTES
        pieces = []
        fd = os.open(self.path, os.O_RDONLY)
        try:
            while rest:
                pieces.append(piece := os.pread(fd, rest, offset))
                if not piece:
                    raise OSError(errno.EIO, "the file has become shorter")
                offset += len(piece)
                rest -= len(piece)
        finally:
            os.close(fd)
        return b"".join(pieces)

    def without(self, start: int, last: int) -> "list[SpoolFile]":
        """What is left of it before `start` and behind `last`; an empty one if nothing is."""
        head = replace(self, end=min(self.end, max(start, self.start)))
        tail = replace(self, start=max(self.start, min(last, self.end)))
        return [part for part in (head, tail) if part.start < part.end] or [head]

    def remove(self) -> None:
        """Delete it; one that cannot be deleted stays where it is."""
        with contextlib.suppress(OSError):
            self.path.unlink()


@dataclass(frozen=True, slots=True)
class Unread:
    """Samples that a file does not give."""

    start: int
    """Absolute index of the first one."""
    end: int
    """Absolute index behind the last one."""
    error: OSError
    """Why."""

    @property
    def passing(self) -> bool:
        """Whether the file may well be read another time."""
        return self.error.errno in _PASSING


class SpoolFiles:
    """Files that hold samples in order, with gaps where some are missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Where the files lie; made when the first one is."""
        self._files: list[SpoolFile] = []
        """In order of their samples, no two with the same one."""
        self._open: SpoolFile | None = None
        self._fd = -1

    @classmethod
    def found(cls, folder: Path) -> "SpoolFiles":
        """What a process left behind; of samples that are there twice, those of the newer file.

        Empty where the folder is missing. Raises `OSError` where it cannot be read.
        """
        files = cls(folder)
        for file in sorted(_files_in(folder), key=lambda file: file.start):
            if file.start < file.end:
                files.forget(file.start, file.end)
                files._insert(file)
        return files

    @property
    def oldest(self) -> SpoolFile | None:
        """The first file; `None` where there is none."""
        return self._files[0] if self._files else None

    @property
    def newest(self) -> SpoolFile | None:
        """The last file; `None` where there is none."""
        return self._files[-1] if self._files else None

    def gaps(self, start: int, last: int) -> list[tuple[int, int]]:
        """The intervals between absolute indexes `start` and `last` that no file holds."""
        gaps = []
        for file in self._files[self._touching(start, last)]:
            if file.start > start:
                gaps.append((start, file.start))
            start = file.end
        return [*gaps, (start, last)] if start < last else gaps

    def read(self, start: int, last: int) -> tuple[bytes, list[Unread]]:
        """The sound from absolute index `start` up to `last`, and what could not be read of it.

        Silence is in its place, and where there is no file. It is the rest of the file, from the
        first sample that was wanted on; no more than what was wanted if the error is passing.
        """
        pcm = bytearray((last - start) * _BYTES)
        unread = []
        for file in self._files[self._touching(start, last)]:
            first, stop = max(start, file.start), min(last, file.end)
            try:
                pcm[(first - start) * _BYTES : (stop - start) * _BYTES] = file.read(first, stop)
            except OSError as error:
                failed = Unread(first, stop, error)
                unread.append(failed if failed.passing else replace(failed, end=file.end))
        return bytes(pcm), unread

    def forget(self, start: int, last: int) -> None:
        """Let there be a gap from absolute index `start` up to `last`; no file is deleted."""
        self.close()
        touching = self._touching(start, last)
        self._files[touching] = [
            part for file in self._files[touching] for part in file.without(start, last)
        ]

    def write(self, at: int, pcm: bytes) -> int:
        """Write into a gap, from absolute index `at`, what goes into one file; returns its end.

        Raises `OSError`; what was written before the error counts, half a sample does not.
        """
        file = self._open
        full = file and at - file.base >= FILE_SAMPLES
        if file is None or full or file.end != at or file is not self.newest:
            file = self._begin(at)
        try:
            self._write(file, pcm[: (file.base + FILE_SAMPLES - at) * _BYTES])
        finally:
            if file.start == file.end:
                self.free(file)
        return file.end

    def trim(self, upto: int) -> None:
        """Delete the files that have no sample from absolute index `upto` on."""
        count = bisect_right(self._files, upto, key=lambda file: file.end)
        gone, self._files = self._files[:count], self._files[count:]
        kept = {file.path for file in self._files} if gone else set()
        for file in gone:
            if file is self._open:
                self.close()
            if file.path not in kept:
                file.remove()

    def free(self, file: SpoolFile) -> list[SpoolFile]:
        """Delete a file; returns all parts of it, none where it cannot be deleted."""
        try:
            file.path.unlink(missing_ok=True)
        except OSError:
            return []
        return self._omit(file.path)

    def remove(self) -> None:
        """Delete every file of sound in the folder, and the folder if nothing else is in it."""
        self.close()
        self._files.clear()
        with contextlib.suppress(OSError):
            for file in _files_in(self.folder):
                file.remove()
            self.folder.rmdir()

    def close(self) -> None:
        """Close the file being written; what is written later begins a new one."""
        if self._open:
            self._open = None
            os.close(self._fd)

    def _touching(self, start: int, last: int) -> slice:
        """Where in the list the files are that have samples between these two."""
        first = bisect_right(self._files, start, key=lambda file: file.end)
        return slice(first, bisect_left(self._files, last, lo=first, key=lambda file: file.start))

    def _insert(self, file: SpoolFile) -> None:
        insort(self._files, file, key=lambda file: file.start)

    def _omit(self, path: Path) -> list[SpoolFile]:
        """Take all parts of a file from the list."""
        if self._open and self._open.path == path:
            self.close()
        parts = [file for file in self._files if file.path == path]
        self._files = [file for file in self._files if file.path != path]
        return parts

    def _begin(self, at: int) -> SpoolFile:
        self.close()
        _make_private(self.folder)
        path = self.folder / f"{at:012d}.pcm"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._omit(path)  # one that could not be read from its first sample on
        self._open = file = SpoolFile(path, at, at, at)
        self._insert(file)
        with contextlib.suppress(OSError):  # some file systems know no modes
            os.fchmod(self._fd, 0o600)  # whatever the umask took away
        return file

    def _write(self, file: SpoolFile, pcm: bytes) -> None:
        """Write behind the last whole sample, over the half one that an error left there."""
        os.lseek(self._fd, (file.end - file.base) * _BYTES, os.SEEK_SET)
        written = 0
        try:
            while written < len(pcm):
                more = os.write(self._fd, memoryview(pcm)[written:])
                if not more:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                written += more
        finally:
            file.end += written // _BYTES


def _files_in(folder: Path) -> list[SpoolFile]:
    """The files of sound in a folder, in any order; none where it is missing."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return []
    with entries:
        return [
            _measured(entry)
            for entry in entries
            if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        ]


def _measured(entry: "os.DirEntry[str]") -> SpoolFile:
    start = int(entry.name.removesuffix(".pcm"))
    return SpoolFile(Path(entry.path), start, start, start + entry.stat().st_size // _BYTES)


def _make_private(folder: Path) -> None:
    """Make a folder for this user's eyes alone, unless there is one."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(0o700)
        folder.chmod(0o700)
