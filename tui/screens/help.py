"""The help screen: every key, and what the marks in the transcript mean."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.commands import COMMANDS, Command

_MARKS = (
    ("›", "still being said: the words may change"),
    ("~", "underlined words of this row were just revised"),
    ("00:07", "settled: saved, and not expected to change"),
    ("──", "something happened besides words"),
)


class HelpScreen(ModalScreen[None]):
    """Closes on escape, on `?` and on `q`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "Close help")
    ]

    def compose(self) -> ComposeResult:
        """One scrollable text."""
        with VerticalScroll(id="help"):
            yield Static(help_text(COMMANDS), id="help-text", markup=False)

    async def action_dismiss(self, result: None = None) -> None:
        """Back to the captions."""
        self.dismiss(result)


def help_text(commands: Iterable[Command]) -> str:
    """Keys and marks, one to a row."""
    keys = [f"{_shown(command.keys):<14} {command.help}" for command in commands]
    marks = [f"{mark:<14} {meaning}" for mark, meaning in _MARKS]
    return "\n".join(["Keys", *keys, "", "Marks", *marks, "", "escape closes this help"])


def _shown(keys: str) -> str:
    names = {"question_mark": "?", "pageup": "page up", "pagedown": "page down"}
    return " ".join(names.get(key, key) for key in keys.split(","))
