"""What happened to a session besides words."""

from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """The kinds of event that a session knows."""

    CONNECTED = "connected"
    RECONNECTED = "reconnected"
    """A new connection goes on where an old one broke: a word at this seam may differ."""
    LANGUAGE = "language"
    """From here on another language is recognised."""
    PAUSED = "paused"
    RESUMED = "resumed"
    RECOVERED = "recovered"
    """An interrupted session was taken up again."""
    GAP = "gap"
    """Audio was lost from `at` to `until`."""
    SOURCE = "source"
    """From here on the sound comes from somewhere else; the text is its name."""
    UNCONFIRMED = "unconfirmed"
    """The server did not confirm what was said from `at` to `until`; the audio is kept."""
    ERROR = "error"
    """The server complained, and goes on."""
    BROKEN = "broken"
    """The session broke off: the transcript is incomplete from here on."""


@dataclass(frozen=True, slots=True)
class Event:
    """One happening on the session's timeline."""

    kind: EventKind
    at: int
    """Absolute sample index."""
    text: str = ""
    """Clean text for people; may be empty."""
    until: int | None = None
    """Absolute sample index behind its last sample, where it has a length."""
