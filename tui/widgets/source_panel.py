"""The source panel: what is captioned, and the switches for it."""

import unicodedata
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, Input, Label, Static

from tui.captions.languages import LANGUAGES, language_code

_UNDRAWABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class SourcePanel(Vertical):
    """Takes the name of a sound and a language; starts, pauses and stops."""

    @dataclass
    class StartRequested(Message):
        """The user wants a sound captioned."""

        source: str
        """A path, or `demo`."""
        language: str | None
        """Language code; `None` for detection."""

    @dataclass
    class Mistaken(Message):
        """What the user entered cannot be used."""

        reason: str
        """One sentence."""

    def __init__(self, source: str = "", language: str | None = None, server: str = "") -> None:
        super().__init__()
        self._source = source
        self._shown = drawable(source)
        self._language = language or ""
        self._server = server or "this machine"

    def compose(self) -> ComposeResult:
        """Fields above, switches below."""
        yield Label("Sound: a file, or demo", classes="field")
        yield Input(self._shown, placeholder="path, or demo", id="source", compact=True)
        yield Label("Language: a code, or auto", classes="field")
        yield Input(self._language, placeholder="auto", id="language", compact=True)
        with Horizontal(id="switches"):
            yield Button("Start", id="start", compact=True)
            yield Button("Pause", id="pause", compact=True, action="screen.toggle_pause")
            yield Button("Stop", id="stop", compact=True, action="screen.stop")
        yield Static(f"Server: {self._server}", id="server", markup=False)

    def show(self, *, running: bool, pausable: bool, paused: bool) -> None:
        """Show how the session stands."""
        self.query_one("#start", Button).disabled = running
        self.query_one("#stop", Button).disabled = not running
        pause = self.query_one("#pause", Button)
        pause.disabled = not pausable
        pause.label = "Resume" if paused else "Pause"

    def choose(self) -> None:
        """Let the user type a sound."""
        self.query_one("#source", Input).focus()

    @property
    def language(self) -> str | None:
        """Code of the language in the field; `None` for detection, also where there is no such."""
        return language_code(self.query_one("#language", Input).value)

    def choose_language(self, language: str | None) -> None:
        """Have a language in the field; `None` for detection."""
        self.query_one("#language", Input).value = language or ""

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pasted text may hold what a terminal would obey."""
        event.stop()
        if event.value != (safe := drawable(event.value)):
            event.input.value = safe

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in either field starts."""
        event.stop()
        self._start()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The start switch starts; the others are actions of the screen."""
        event.stop()
        if event.button.id == "start":
            self._start()

    def _start(self) -> None:
        source = self.query_one("#source", Input).value.strip()
        source = self._source if source == self._shown.strip() else source
        language = self.query_one("#language", Input).value.strip()
        code = None if language.casefold() in ("", "auto") else language_code(language)
        if not source:
            self.post_message(self.Mistaken("type the path of a media file, or demo"))
        elif code is None and language.casefold() not in ("", "auto"):
            examples = ", ".join(list(LANGUAGES)[:4])
            self.post_message(self.Mistaken(f"no such language: use a code like {examples}"))
        else:
            self.post_message(self.StartRequested(source, code))


def drawable(text: str) -> str:
    """The text without control characters; spaces of every kind stay: file names hold them."""
    return "".join(char for char in text if unicodedata.category(char) not in _UNDRAWABLE)
