"""Bytes on their way to the disk: appended now, made durable soon after."""

import contextlib
import errno
import fcntl
import os
import sys
import threading
from collections import deque
from pathlib import Path

_INTERVAL = 1.0
"""Seconds between two syncs: each costs milliseconds, and a disk that sleeps costs seconds."""


class AppendedFile:
    """A new private file that grows line by line, locked while it is open.

    A line is in the file whole or not at all. Lines that cannot be written stay in memory, in
    order, and are tried again before the next one.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self._fd = os.open(path, flags, 0o600)
        self._size = 0
        self._pending: deque[bytes] = deque()
        self._torn = False
        self.error: OSError | None = None
        """Why lines are waiting; `None` while all are written."""
        os.fchmod(self._fd, 0o600)  # whatever the umask took away or left
        with contextlib.suppress(OSError):  # some network folders know no locks
            fcntl.flock(self._fd, fcntl.LOCK_EX)

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
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                self.failure = self.failure or error


def _to_disk(fd: int) -> None:
    if sys.platform == "darwin":  # its fsync leaves data in the drive's cache
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(fd)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
