"""The audio beside a session's record: what waits to be captioned, and what was recorded."""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tui.captions import SAMPLE_RATE
from tui.sessions.lines import RECORDING, SPOOL

Interval = tuple[int, int]
"""Absolute indexes of the first sample and behind the last one."""

_NAME = re.compile(r"([0-9]{12})\.(opus|pcm)", re.ASCII)
_SAMPLE = 2
"""Bytes of PCM16."""
_OPUS_RATE = 48_000
"""Samples a second by which Ogg Opus counts, whatever was recorded (RFC 7845, 4)."""
_DELAY = slice(38, 40)
"""Where the first page tells how many of them come before the sound (RFC 7845, 5.1)."""
_LARGEST_PAGES = 2 * 65_307
"""Bytes at the end of a file that hold one page of Ogg at least (RFC 3533, 6)."""


@dataclass(frozen=True, slots=True)
class AudioFile:
    """One file of a session's recording, Ogg Opus."""

    start: int
    """Absolute index of its first sample."""
    path: Path

    @property
    def end(self) -> int:
        """Absolute index behind its last sample; `start` where it holds none, or cannot be read."""
        try:
            with self.path.open("rb") as file:
                delay = int.from_bytes(file.read(_DELAY.stop)[_DELAY], "little")
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LARGEST_PAGES))
                counted = _last_position(file.read())
        except OSError:
            return self.start
        return self.start + max(0, counted - delay) * SAMPLE_RATE // _OPUS_RATE


def recordings(folder: Path) -> list[AudioFile]:
    """The files of a session's recording, by their first samples."""
    found = _files(folder / RECORDING, "opus")
    return sorted((AudioFile(at, path) for at, path in found), key=lambda file: file.start)


def spooled(folder: Path) -> list[Interval]:
    """The parts of a session's audio that wait in its spool, in any order."""
    found = []
    with contextlib.suppress(OSError):
        for at, path in _files(folder / SPOOL, "pcm"):
            found.append((at, at + path.stat().st_size // _SAMPLE))
    return found


def length_from(intervals: Iterable[Interval], start: int) -> int:
    """How many samples from absolute index `start` on lie in one of the intervals, or several."""
    samples = 0
    for first, last in sorted(intervals):
        start = max(start, first)
        samples += max(0, last - start)
        start = max(start, last)
    return samples


def _files(folder: Path, suffix: str) -> Iterator[tuple[int, Path]]:
    """The files in a folder that are named by the index of their first sample, with it."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name = _NAME.fullmatch(entry.name)
            if name and name[2] == suffix and entry.is_file(follow_symlinks=False):
                yield int(name[1]), Path(entry.path)


def _last_position(pages: bytes) -> int:
    """How many samples were counted at the end of the last whole page of Ogg; 0 without one."""
    at = pages.rfind(b"OggS")
    while at >= 0:
        page = pages[at:]
        lengths = page[27 : 27 + page[26]] if len(page) > 26 else b""
        position = int.from_bytes(page[6:14], "little", signed=True)
        if lengths and len(page) >= 27 + len(lengths) + sum(lengths) and position >= 0:
            return position
        at = pages.rfind(b"OggS", 0, at)
    return 0
