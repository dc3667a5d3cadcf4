"""The part of the spool that lies on disk: raw PCM16 files, one behind the other."""

import contextlib
import errno
import os
import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

FILE_SAMPLES = 480_000
"""Samples in a full file: 30 s at 16 kHz. The disk gets its room back in these units."""

_BYTES = 2
_NAME = re.compile(r"[0-9]{12}\.pcm", re.ASCII)


@dataclass(slots=True)
class SpoolFile:
    """One file, named by the absolute index of its first sample."""

    path: Path
    """Where it lies."""
    start: int
    """Absolute index of its first sample."""
    end: int
    """Absolute index behind the last sample to be taken from it."""

    def read(self, start: int, last: int) -> bytes:
        """The samples from absolute index `start`, up to `last` or the file's end.

        Raises `OSError`, also where the file has become shorter than it was.
        """
        rest = (min(last, self.end) - start) * _BYTES
        offset = (start - self.start) * _BYTES
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

    def remove(self) -> None:
        """Delete it; one that cannot be deleted stays where it is."""
        with contextlib.suppress(OSError):
            self.path.unlink()


class SpoolFiles:
    """Files that hold one contiguous run of samples, written at its end, deleted at its start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Where the files lie; made when the first one is."""
        self._files: list[SpoolFile] = []
        self._fd = -1

    @classmethod
    def found(cls, folder: Path) -> "SpoolFiles":
        """What a process left behind: the longest run that ends at the newest sample.

        Empty where the folder is missing. Raises `OSError` where it cannot be read.
        """
        files = cls(folder)
        found = [file for file in _files_in(folder) if file.start < file.end]
        start = max((file.end for file in found), default=0)
        for file in sorted(found, key=lambda file: file.start, reverse=True):
            if file.start < start <= file.end:
                file.end = start
                start = file.start
                files._files.insert(0, file)
        return files

    @property
    def oldest(self) -> SpoolFile | None:
        """The first file; `None` where there is none."""
        return self._files[0] if self._files else None

    @property
    def end(self) -> int:
        """Absolute index behind the last sample written, 0 where there is no file."""
        return self._files[-1].end if self._files else 0

    def holding(self, sample: int) -> SpoolFile:
        """The file with this sample, which must have been written and not trimmed."""
        return self._files[bisect_right(self._files, sample, key=lambda file: file.start) - 1]

    def append(self, at: int, pcm: bytes) -> None:
        """Write from absolute index `at` what goes into one file; `end` tells how far that is.

        `at` is `end` unless there is no file. Raises `OSError`; what was written before the error
        counts, half a sample does not.
        """
        if self._fd < 0 or at - self._files[-1].start >= FILE_SAMPLES:
            self._begin(at)
        file = self._files[-1]
        try:
            self._write(file, pcm[: (file.start + FILE_SAMPLES - at) * _BYTES])
        finally:
            if file.start == file.end:
                self.close()
                self._files.pop().remove()

    def trim(self, upto: int) -> None:
        """Delete the files that have no sample from absolute index `upto` on."""
        self._drop(bisect_right(self._files, upto, key=lambda file: file.end))

    def clear(self) -> None:
        """Delete all files of the run."""
        self._drop(len(self._files))

    def remove(self) -> None:
        """Delete every file of sound in the folder, and the folder if nothing else is in it."""
        self.clear()
        with contextlib.suppress(OSError):
            for file in _files_in(self.folder):
                file.remove()
            self.folder.rmdir()

    def close(self) -> None:
        """Close the file being written; what is appended later begins a new one."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _begin(self, at: int) -> None:
        self.close()
        _make_private(self.folder)
        path = self.folder / f"{at:012d}.pcm"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._files.append(SpoolFile(path, at, at))
        with contextlib.suppress(OSError):  # some file systems know no modes
            os.fchmod(self._fd, 0o600)  # whatever the umask took away

    def _write(self, file: SpoolFile, pcm: bytes) -> None:
        """Write behind the last whole sample, over the half one that an error left there."""
        os.lseek(self._fd, (file.end - file.start) * _BYTES, os.SEEK_SET)
        written = 0
        try:
            while written < len(pcm):
                more = os.write(self._fd, memoryview(pcm)[written:])
                if not more:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                written += more
        finally:
            file.end += written // _BYTES

    def _drop(self, count: int) -> None:
        """Delete the first `count` files."""
        if count and count == len(self._files):
            self.close()
        for file in self._files[:count]:
            file.remove()
        del self._files[:count]


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
    return SpoolFile(Path(entry.path), start, start + entry.stat().st_size // _BYTES)


def _make_private(folder: Path) -> None:
    """Make a folder for this user's eyes alone, unless there is one."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(0o700)
        folder.chmod(0o700)
