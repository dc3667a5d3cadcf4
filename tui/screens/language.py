"""The choice of a language: recent ones first, the others by code, English name or own name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui.captions.languages import AUTO, LANGUAGES, OWN_NAMES, find_languages
from tui.widgets.sounds import drawable

_WIDE = 60
_ENGLISH = 21
"""Cells of the column of English names where there is room for columns."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen."""

    language: str | None
    """A code; `None` for detection."""


class LanguageScreen(ModalScreen[Choice | None]):
    """Chooses a language, or nothing on escape.

    It leaves the newest captions in view, and nothing stands to the right of its rows: how wide a
    terminal draws some of the names is not known.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close"),
        Binding("up", "move('cursor_up')", "Up", show=False, priority=True),
        Binding("down", "move('cursor_down')", "Down", show=False, priority=True),
        Binding("pageup", "move('page_up')", "Page up", show=False, priority=True),
        Binding("pagedown", "move('page_down')", "Page down", show=False, priority=True),
    ]
    AUTO_FOCUS = "#language-filter"

    def __init__(self, current: str | None, recent: Sequence[str]) -> None:
        """`current` is recognised now; `recent` were used before, newest first, `auto` too."""
        super().__init__()
        self._current = current or AUTO
        self._codes = _ordered(self._current, recent)

    def compose(self) -> ComposeResult:
        """The filter above the languages."""
        with Vertical(id="languages"):
            yield Input(
                placeholder="type a language · enter · esc closes",
                id="language-filter",
                compact=True,
            )
            yield OptionList(id="language-list", compact=True)

    def on_resize(self, event: Resize) -> None:
        """Lay the rows out for the width that there is."""
        self._show(self.query_one("#language-filter", Input).value)

    @on(Input.Changed)
    def filter(self, event: Input.Changed) -> None:
        """Show what the typed text may mean."""
        event.stop()
        if event.value != (safe := drawable(event.value)):
            event.input.value = safe
        else:
            self._show(event.value)

    @on(Input.Submitted)
    def choose_highlighted(self, event: Input.Submitted) -> None:
        """Enter takes the row that is highlighted."""
        event.stop()
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """Give back the language of a row."""
        event.stop()
        if code := event.option.id:
            self.dismiss(Choice(None if code == AUTO else code))

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)

    def action_move(self, action: str) -> None:
        """Move the highlight; the cursor stays in the filter."""
        getattr(self.query_one(OptionList), f"action_{action}")()

    def _show(self, text: str) -> None:
        wide = self.size.width >= _WIDE
        options = [Option(self._row(code, wide), id=code) for code in self._found(text)]
        nothing = Option(Content("no language has such a code or name"), disabled=True)
        listed = self.query_one(OptionList)
        listed.set_options(options or [nothing])
        listed.highlighted = 0 if options else None

    def _found(self, text: str) -> list[str]:
        if not text.strip():
            return self._codes
        detect = [AUTO] if AUTO.startswith(text.strip().casefold()) else []
        return [*detect, *find_languages(text)]

    def _row(self, code: str, wide: bool) -> Content:
        """The own name last, so that text from right to left moves nothing else."""
        mark = "✓" if code == self._current else " "
        english = LANGUAGES.get(code, "the server detects it")
        english = english.ljust(_ENGLISH) if wide else english
        own = OWN_NAMES.get(code, "")
        return Content(f"{mark} {code:<7} {english}  {own}".rstrip())


def _ordered(current: str, recent: Sequence[str]) -> list[str]:
    """Recent ones, `auto`, the current one, all others; each once."""
    others = [code for code in recent if code != current]
    first = [*others, *([AUTO] if current != AUTO else []), current]
    return list(dict.fromkeys([*first, *LANGUAGES]))
