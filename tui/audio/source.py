"""What captty can listen to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tui.captions import CapttyError

CHUNK_SAMPLES = 800
"""50 ms: what a source hands over at a time."""

MONITOR = "Monitor of "
"""How PulseAudio and PipeWire begin the name of a source that is what the machine plays."""


class SourceError(CapttyError):
    """A sound that cannot be had."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What the screen and the journal say about a source."""

    kind: str
    """`file`, `demo`, `mic`, `url`, `stream` or `stdin`."""
    name: str
    """Clean text: a file's, device's or station's name; never an address with a key in it."""
    samples: int | None = None
    """Its length at 16 000 Hz as far as it tells beforehand."""
    live: bool = False
    """Whether it comes at its own pace: what there is at once is late already, and is read so."""
    waits: bool = True
    """Whether it stands still while nobody reads; else what comes in a pause is not heard."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Sound that should stand here and could not be had: silence takes its place."""

    samples: int
    """At 16 000 Hz. A source that misses more than a minute at once stands still instead: it gives
    the minute, and tells the rest in the cause."""
    cause: str
    """In a few words for people, clean."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why no sound comes now, though the source has not ended."""

    sentence: str
    """Clean, for people: what and why, and when it goes on; empty when sound comes again."""


@dataclass(frozen=True, slots=True)
class Switched:
    """The sound comes from somewhere else now, as where the default microphone changed."""

    name: str
    """Clean text."""


Fact = Missed | Trouble | Switched
"""What a source tells besides sound, between two samples."""


class Source(Protocol):
    """A sound, read by one thread."""

    @property
    def info(self) -> SourceInfo:
        """What the source is."""
        ...

    def chunks(self) -> Iterator[bytes | Fact]:
        """PCM16 little-endian mono at 16 000 Hz: `CHUNK_SAMPLES` samples each, fewer in the last.

        Facts stand where they belong between them. Blocks while it decodes or waits; a source that
        goes by tells every second at least that it still has no sound, as `Missed`. Raises
        `SourceError` where the sound breaks off.
        """
        ...

    def close(self) -> None:
        """Let go of the file or device; may be called twice."""
        ...


class Ended:
    """A source that has already given all it had."""

    def __init__(self, info: SourceInfo) -> None:
        self.info = info

    def chunks(self) -> Iterator[bytes | Fact]:
        """None."""
        return iter(())

    def close(self) -> None:
        """Nothing is open."""
