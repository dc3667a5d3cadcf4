"""What is heard, and how its level is shown."""

from tui.audio.ballistics import Fault
from tui.audio.source import SourceInfo
from tui.live.feed import Snapshot, State
from tui.screens.possible import listens
from tui.widgets.meter import LevelMeter
from tui.widgets.sounds import Sounds


class Hearing:
    """The sound of a session, by the name that it has now."""

    def __init__(self, sounds: Sounds) -> None:
        self._sounds = sounds
        self._kind = ""
        self.name = ""
        """Clean; empty as long as no sound is open."""

    def begin(self, info: SourceInfo | None) -> None:
        """Another sound is heard; `None` for none so far."""
        self._kind, self.name = (info.kind, info.name) if info else ("", "")

    @property
    def kind(self) -> str:
        """Of the sound: that of its source, or `monitor`."""
        return "monitor" if self._sounds.is_monitor(self.name) else self._kind

    def show(self, snapshot: Snapshot, meter: LevelMeter) -> None:
        """Have the level shown, or why there is none."""
        captured = snapshot.progress.captured
        if snapshot.silence and listens(snapshot.state):
            gone = Fault.GONE if self.kind in ("mic", "monitor") else Fault.NO_SOUND
            meter.show(None, captured, gone)
        elif snapshot.state not in (State.LIVE, State.RECONNECTING):
            meter.show(None, captured)
        elif snapshot.level:
            meter.show(snapshot.level, captured)
