"""What a spool lacks, taken from the recording of the same session."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tui.audio.recording import read_recording
from tui.audio.source import SourceError
from tui.audio.spool import SpoolError
from tui.audio.spool_files import FILE_SAMPLES, SpoolFiles
from tui.captions import clean

_FILE_BYTES = FILE_SAMPLES * 2
_NEVER = 2**62
"""A sample that no session reaches."""


def refill(folder: Path, start: int, recordings: Iterable[tuple[int, Path]]) -> None:
    """Write into the spool in `folder` what it lacks from absolute index `start` on.

    `recordings` are files of sound with the absolute indexes of their first samples; one that
    cannot be read gives nothing. Raises `SpoolError` where there is no room; nothing is lost then.
    """
    try:
        files = SpoolFiles.found(folder)
        for first, path in recordings:
            for at, last in files.gaps(max(start, first), _NEVER):
                _fill(files, at, last, path, first)
        files.close()
    except OSError as error:
        raise SpoolError(
            f"the recording cannot be brought into {clean(str(folder))} "
            f"({error.strerror or error}): free some space or check the disk, it is all still there"
        ) from error


def _fill(files: SpoolFiles, at: int, last: int, path: Path, first: int) -> None:
    """Write the sound from absolute index `at` up to `last`, as far as the recording goes."""
    for pcm in _full_files(_sound(path, at - first), last - at):
        at = files.write(at, pcm)


def _sound(path: Path, start: int) -> Iterator[bytes]:
    """A recording from its sample `start` up to where it cannot be read any more."""
    try:
        yield from read_recording(path, start)
    except SourceError:
        return


def _full_files(pieces: Iterator[bytes], samples: int) -> Iterator[bytes]:
    """So many samples at most, in pieces that fill a file of the spool each, and a rest."""
    held, left = bytearray(), samples * 2
    for piece in pieces:
        held += piece[:left]
        left -= len(piece)
        if left <= 0:
            break
        while len(held) >= _FILE_BYTES:
            yield bytes(held[:_FILE_BYTES])
            del held[:_FILE_BYTES]
    yield from (
        bytes(held[start : start + _FILE_BYTES]) for start in range(0, len(held), _FILE_BYTES)
    )
