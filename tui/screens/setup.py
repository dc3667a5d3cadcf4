"""What the dashboard is given when it starts."""

from dataclasses import dataclass
from pathlib import Path

from tui.screens.unfinished import FindUnfinished, FinishSession
from tui.widgets.sounds import FindDevices


@dataclass(frozen=True, slots=True)
class Setup:
    """The wishes of the user, and where things are found and kept."""

    source: str = ""
    """What is captioned at once: a path, a URL, `mic`, `mic:NAME`, `-` or `demo`; empty to ask."""
    start: float = 0.0
    """Seconds into it where captions begin."""
    language: str | None = None
    """Code; `None` for detection."""
    server: str = ""
    """Name or address; empty for this machine."""
    find_devices: FindDevices | None = None
    """Lists the microphones; called on threads. Without it the default one alone is offered."""
    recent_languages: Path | None = None
    """The file that keeps the languages used before; without it they last as long as this run."""
    recent_sounds: Path | None = None
    """The same for sounds."""
    saves: bool = True
    """Whether sessions are kept; else none can be recorded."""
    low_bandwidth: bool = False
    """Whether bytes to the terminal are dear."""
    unfinished: FindUnfinished | None = None
    """Finds what was interrupted; called on threads. Without it nothing is offered."""
    finish_session: FinishSession | None = None
    """Finishes it; called on threads."""
