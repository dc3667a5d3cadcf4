"""The status line: what the session is doing, in words, on one row."""

from dataclasses import dataclass
from typing import ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.captions import SAMPLE_RATE

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Status:
    """What the status line shows."""

    state: str = "READY"
    """A word in capitals."""
    captured: int = 0
    """Samples of audio so far."""
    total: int | None = None
    """Samples of the whole source, where it is known."""
    language: str = ""
    server: str = ""
    engine: str = ""
    lag: float | None = None
    """Seconds between speech and its newest text."""
    unsent: float = 0.0
    """Seconds of audio that wait to be sent."""

    def parts(self) -> list[str]:
        """The facts behind the state, the most important first."""
        time = duration(self.captured)
        if self.total:
            time += f"/{duration(self.total)}"
        parts = [time]
        if self.lag is not None:
            parts.append(f"lag {self.lag:.1f} s")
        if self.unsent >= 1:
            parts.append(f"unsent {self.unsent:.0f} s")
        parts.append(self.language or "auto")
        parts += [part for part in (self.engine, self.server) if part]
        return parts


class StatusLine(Widget):
    """One row; leaves out the least important where it is narrow."""

    DEFAULT_CSS = "StatusLine { height: 1; width: 1fr; }"
    COMPONENT_CLASSES: ClassVar[set[str]] = {"status--state"}

    status: reactive[Status] = reactive(Status(), layout=False)

    def render(self) -> Content:
        """The state in a field of its own, then as many facts as fit."""
        state = f" {self.status.state} "
        room = self.size.width - len(state)
        facts = ""
        for part in self.status.parts():
            if len(facts) + len(_GAP) + len(part) > room:
                break
            facts += _GAP + part
        style = self.get_visual_style("status--state")
        return Content.assemble((state, style), facts)


def duration(samples: int) -> str:
    """`mm:ss`, or `h:mm:ss` from an hour on."""
    minutes, seconds = divmod(samples // SAMPLE_RATE, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
