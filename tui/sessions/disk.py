"""Bytes on their way to the disk: appended now, made durable soon after."""

import contextlib
import errno
import fcntl
import os
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_INTERVAL = 1.0
"""Seconds between two syncs: each costs milliseconds, and a disk that sleeps costs seconds."""
_LOCK_LIMIT = 0.5
"""Seconds until somebody who holds a file's lock is no reader: those hold it for an instant."""
_LOCK_STEP = 0.01


class AppendedFile:
    """A private file that grows line by line, locked while it is open.

    A line is in the file whole or not at all. Lines that cannot be written stay in memory, in
    order, and are tried again before the next one.
    """

    def __init__(self, fd: int) -> None:
        """Takes the descriptor over; `create` and `reopen` make one."""
        self._fd = fd
        self._size = 0
        self._pending: deque[bytes] = deque()
        self._torn = False
        self.error: OSError | None = None
        """Why lines are waiting; `None` while all are written."""

    @classmethod
    def create(cls, path: Path) -> "AppendedFile":
        """A new file. Raises `OSError`."""
        fd = _new_private(path, os.O_APPEND)
        with contextlib.suppress(OSError):  # some network folders know no locks
            fcntl.flock(fd, fcntl.LOCK_EX)
        return cls(fd)

    @classmethod
    def reopen(cls, path: Path) -> "AppendedFile":
        """A file that is there; to be used from `keep` on.

        Raises `BlockingIOError` where somebody else writes it, and `OSError`.
        """
        fd = os.open(path, os.O_RDWR | os.O_APPEND)
        try:
            _lock(fd)
        except OSError:
            os.close(fd)
            raise
        return cls(fd)

    @contextlib.contextmanager
    def reader(self) -> Iterator[BinaryIO]:
        """What is in a reopened file, from its beginning."""
        with open(os.dup(self._fd), "rb") as reader:
            reader.seek(0)
            yield reader

    def keep(self, size: int, rest: Path) -> None:
        """Go on behind the first `size` bytes; what follows them is moved to a new file `rest`.

        Raises `OSError`, with all bytes where they were.
        """
        if os.fstat(self._fd).st_size > size:
            with self.reader() as reader:
                reader.seek(size)
                _copy(reader, rest)
            os.ftruncate(self._fd, size)
        self._size = size

    def append(self, line: bytes) -> None:
        """Write a line behind all others."""
        self._pending.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what is waiting, as far as it can be written."""
        try:
            self._cut()
            while self._pending:
                self._write(self._pending[0])
                self._pending.popleft()
            self.error = None
        except OSError as error:
            self.error = error
            with contextlib.suppress(OSError):
                self._cut()

    def _write(self, line: bytes) -> None:
        self._torn = True
        rest = memoryview(line)
        while rest:
            written = os.write(self._fd, rest)
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            rest = rest[written:]
        self._size += len(line)
        self._torn = False

    def _cut(self) -> None:
        """Take away the part of a line that a failed write left behind."""
        if self._torn:
            os.ftruncate(self._fd, self._size)
            self._torn = False

    def sync(self, folders: tuple[Path, ...]) -> "DiskSync":
        """The thread that makes this file and its entry in `folders` durable."""
        return DiskSync(os.dup(self._fd), folders)

    def close(self) -> None:
        """Unlock and close; what is written later stays in memory."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class DiskSync:
    """Syncs one growing file when asked, at most once a second, in a thread of its own."""

    def __init__(self, fd: int, folders: tuple[Path, ...]) -> None:
        """Takes the descriptor `fd` over; syncs `folders` once."""
        self._fd = fd
        self._folders = folders
        self._asked = threading.Event()
        self._finishing = threading.Event()
        self.failure: OSError | None = None
        """The first refusal. It stands: a later success does not bring back what was lost."""
        self._thread = threading.Thread(target=self._run, name="disk-sync", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Let what is written by now reach the disk soon."""
        self._asked.set()

    def finish(self, limit: float) -> None:
        """Sync a last time and wait for it, for at most `limit` seconds."""
        self._finishing.set()
        self._asked.set()
        self._thread.join(limit)

    def _run(self) -> None:
        for folder in self._folders:
            _sync_folder(folder)
        finished = False
        while not finished:
            self._asked.wait()
            self._asked.clear()
            finished = self._finishing.is_set()
            self._sync()
            self._finishing.wait(_INTERVAL)
        os.close(self._fd)

    def _sync(self) -> None:
        try:
            _to_disk(self._fd)
        except OSError as error:
            self.failure = self.failure or error


def _new_private(path: Path, flags: int = 0) -> int:
    """A descriptor of a new file that is for this user's eyes alone."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | flags, 0o600)
    os.fchmod(fd, 0o600)  # whatever the umask took away or left
    return fd


def _lock(fd: int) -> None:
    deadline = time.monotonic() + _LOCK_LIMIT
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_LOCK_STEP)


def _copy(source: BinaryIO, path: Path) -> None:
    """The rest of `source` as a durable new file, whole or not at all."""
    try:
        with open(_new_private(path), "wb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            _to_disk(copy.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _to_disk(fd: int) -> None:
    try:
        if sys.platform == "darwin":  # its fsync leaves data in the drive's cache
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that syncs nothing
            raise


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
