"""What happened to a session besides words."""

from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """The kinds of event that a session knows."""

    CONNECTED = "connected"
    PAUSED = "paused"
    RESUMED = "resumed"
    ERROR = "error"
    """The server complained, and goes on."""
    BROKEN = "broken"
    """The connection or the source broke: the transcript is incomplete from here on."""


@dataclass(frozen=True, slots=True)
class Event:
    """One happening on the session's timeline."""

    kind: EventKind
    at: int
    """Absolute sample index."""
    text: str = ""
    """Clean text for people; may be empty."""
