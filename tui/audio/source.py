"""What captty can listen to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tui.captions import CapttyError

CHUNK_SAMPLES = 800
"""50 ms: what a source hands over at a time."""


class SourceError(CapttyError):
    """A sound that cannot be had."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What the screen and the journal say about a source."""

    kind: str
    """`file` or `demo`."""
    name: str
    """Clean text: a file's name."""
    samples: int | None = None
    """Its length at 16 000 Hz as far as it tells beforehand."""


class Source(Protocol):
    """A sound, read by one thread."""

    @property
    def info(self) -> SourceInfo:
        """What the source is."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """PCM16 little-endian mono at 16 000 Hz: `CHUNK_SAMPLES` samples each, fewer in the last.

        Blocks while it decodes or waits. Raises `SourceError` where the sound breaks off.
        """
        ...

    def close(self) -> None:
        """Let go of the file or device; may be called twice."""
        ...


class Ended:
    """A source that has already given all it had."""

    def __init__(self, info: SourceInfo) -> None:
        self.info = info

    def chunks(self) -> Iterator[bytes]:
        """None."""
        return iter(())

    def close(self) -> None:
        """Nothing is open."""
