"""The status line: what the session is doing, in words, on one row."""

from dataclasses import dataclass
from typing import ClassVar

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Status:
    """What the status line shows."""

    state: str = "READY"
    """A word in capitals."""
    seconds: int = 0
    """Of audio so far."""
    total: int | None = None
    """Seconds of the whole source, where they are known."""
    language: str = ""
    server: str = ""
    engine: str = ""
    lag: float | None = None
    """Seconds between speech and its newest text."""
    unsent: int = 0
    """Seconds of audio that wait to be sent."""

    def parts(self) -> list[str]:
        """The facts behind the state, the most important first."""
        time = duration(self.seconds)
        if self.total is not None:
            time += f"/{duration(self.total)}"
        parts = [time]
        if self.lag is not None:
            parts.append(f"lag {self.lag:.1f} s")
        if self.unsent:
            parts.append(f"unsent {self.unsent} s")
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


def duration(seconds: int) -> str:
    """`mm:ss`, or `h:mm:ss` from an hour on."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
