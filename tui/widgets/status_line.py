"""The status line: what the session is doing, in words, on one row."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.widgets.wrap import Measured, cells

_GAP = "  "
_LEAST_NAME, _MOST_NAME = 6, 24
"""Cells without which a name is left out, and with which it has enough."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the status line shows."""

    state: str = "READY"
    """A word in capitals, and which attempt it is where it counts them."""
    seconds: int = 0
    """Of audio so far."""
    total: int | None = None
    """Seconds of the whole source, where they are known."""
    language: str = ""
    """Code of what is recognised now; empty where it is detected."""
    server: str = ""
    engine: str = ""
    lag: float | None = None
    """Seconds between speech and its newest text."""
    unsent: int = 0
    """Seconds of audio that wait to be sent."""
    reconnects: int = 0
    """How often a connection was replaced."""
    recording: bool = False
    """Whether the sound is kept to be listened to."""
    source: str = ""
    """What is heard, where it is named nowhere else; clean."""

    def facts(self, room: int) -> str:
        """As many facts as fit into so many cells, the most important first.

        The length of the source gives way to what tells how far the text is behind.
        """
        time, length = duration(self.seconds), self._length
        needed = [time + length, *self._delays]
        if sum(len(_GAP + fact) for fact in needed) > room:
            needed[0] = time
        line = _joined([*needed, self.language or "auto", self._reconnects], room)
        line += self._named(min(_MOST_NAME, room - len(line) - len(_GAP)))
        return line + _joined([self.engine, self.server], room - cells(line))

    def _named(self, room: int) -> str:
        """What is heard, as far as it fits; nothing where that tells little."""
        if not self.source or room < _LEAST_NAME:
            return ""
        if cells(self.source) <= room:
            return _GAP + self.source
        return _GAP + self.source[: Measured(self.source).rows(room - 1)[0].end].rstrip() + "…"

    @property
    def _length(self) -> str:
        return "" if self.total is None else f"/{duration(self.total)}"

    @property
    def _delays(self) -> list[str]:
        unsent = [f"{self.unsent} s unsent"] if self.unsent else []
        return [*unsent, *([f"lag {self.lag:.1f} s"] if self.lag is not None else [])]

    @property
    def _reconnects(self) -> str:
        plural = "" if self.reconnects == 1 else "s"
        return f"{self.reconnects} reconnect{plural}" if self.reconnects else ""


class StatusLine(Widget):
    """One row; leaves out the least important where it is narrow."""

    DEFAULT_CSS = "StatusLine { height: 1; width: 1fr; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"status--state", "status--recording"}

    status: reactive[Status] = reactive(Status(), layout=False)

    def render(self) -> Content:
        """The state in a field of its own, then as many facts as fit."""
        state, mark = f" {self.status.state} ", " REC " if self.status.recording else ""
        facts = self.status.facts(self.size.width - len(state + mark))
        style = self.get_visual_style
        return Content.assemble(
            (state, style("status--state")), (mark, style("status--recording")), facts
        )


def _joined(facts: Iterable[str], room: int) -> str:
    """Those that fit into so many cells, one after another."""
    line = ""
    for fact in filter(None, facts):
        if len(line) + len(_GAP) + len(fact) <= room:
            line += _GAP + fact
    return line


def duration(seconds: int) -> str:
    """`mm:ss`, or `h:mm:ss` from an hour on."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
