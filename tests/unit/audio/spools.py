"""Spools to test with, and disks that fail as they are told to."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from tui.audio.spool import Spool

SECOND = 16_000
PLENTY = 1_000_000
"""Bytes of room that no test fills."""

real_write = os.write


def sound(start: int, end: int) -> bytes:
    """Samples that tell their absolute index, so that one in the wrong place shows."""
    index = np.arange(start, end, dtype=np.int64)
    return (index * 40_503 ^ index >> 9).astype("<u2").tobytes()


def append(spool: Spool, samples: int) -> None:
    """Capture so many more samples."""
    spool.append(sound(spool.end, spool.end + samples))


def kept(folder: Path) -> Spool:
    """A spool that writes there."""
    spool = Spool()
    spool.keep_in(folder)
    return spool


def files(folder: Path) -> list[str]:
    """Names of what lies in a folder."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def held_in_memory(spool: Spool) -> int:
    """Bytes."""
    return sum(len(block) for block in spool._memory._blocks)


def small(patch: pytest.MonkeyPatch, *, block: int, file: int, memory: int, limit: int) -> None:
    """Units and limits in samples that a test reaches soon."""
    patch.setattr("tui.audio.spool._BLOCK", block * 2)
    patch.setattr("tui.audio.spool._UNIT", block)
    patch.setattr("tui.audio.spool.FILE_SAMPLES", file)
    patch.setattr("tui.audio.spool_files.FILE_SAMPLES", file)
    patch.setattr("tui.audio.spool.MEMORY_SAMPLES", memory)
    patch.setattr("tui.audio.spool.MEMORY_LIMIT", limit * 2)


class SmallDisk:
    """`os.write` to a folder that takes so many bytes, behind a script of faults, call by call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.room = PLENTY
        """Bytes that fit into the folder."""
        self.script: list[int | None] = []
        """Errno to raise; 0 to write nothing; `None` to write half."""
        self.refused = False
        """Whether something could not be written."""

    def __call__(self, fd: int, data: bytes | memoryview) -> int:
        most = len(data)
        match self.script.pop(0) if self.script else -1:
            case None:
                most = most // 2
            case 0:
                most = 0
            case int(number) if number > 0:
                self.refused = True
                raise OSError(number, os.strerror(number))
        used = sum(path.stat().st_size for path in self.folder.iterdir())
        grows = max(0, os.lseek(fd, 0, os.SEEK_CUR) + most - os.fstat(fd).st_size)
        most -= max(0, used + grows - self.room)
        if most <= 0:
            self.refused = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_write(fd, bytes(data)[:most])
