"""The source panel: what is captioned, and the switches for it."""

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, Input, Label, Static

from tui.audio.position import parse_position
from tui.captions.languages import LANGUAGES, language_code
from tui.widgets.field import Field
from tui.widgets.sounds import Sounds, drawable
from tui.widgets.source_entry import SourceEntry


class SourcePanel(Vertical):
    """Takes the name of a sound, a language and where to begin; starts, pauses and stops."""

    @dataclass
    class StartRequested(Message):
        """The user wants a sound captioned."""

        source: str
        """A path, a URL, `mic`, `mic:NAME` or `demo`."""
        language: str | None
        """Language code; `None` for detection."""
        start: float
        """Seconds into the sound where to begin."""

    @dataclass
    class Remarked(Message):
        """What the user entered cannot be used, or needs a word."""

        sentence: str

    def __init__(
        self, sounds: Sounds, source: str = "", language: str | None = None, server: str = ""
    ) -> None:
        super().__init__()
        self._sounds = sounds
        self._source = source
        self._language = language or ""
        self._server = server or "this machine"
        self._heard = ""

    def compose(self) -> ComposeResult:
        """Fields above, switches below."""
        yield Label("Sound", classes="field", id="sound")
        yield SourceEntry(self._source, self._sounds)
        with Horizontal(id="details"):
            yield Label("Language", classes="field")
            yield Field(self._language, placeholder="auto", id="language", compact=True)
            yield Label("From", classes="field")
            yield Field(placeholder="0:00", id="start-at", compact=True)
        with Horizontal(id="switches"):
            yield Button("Start", id="start", compact=True)
            yield Button("Pause", id="pause", compact=True, action="screen.toggle_pause")
            yield Button("Stop", id="stop", compact=True, action="screen.stop")
        yield Static(id="hearing", markup=False)
        yield Static(f"Server: {self._server}", id="server", markup=False)

    def show(self, *, running: bool, pausable: bool, paused: bool) -> None:
        """Show how the session stands."""
        self.query_one("#start", Button).disabled = running
        self.query_one("#stop", Button).disabled = not running
        pause = self.query_one("#pause", Button)
        pause.disabled = not pausable
        pause.label = "Resume" if paused else "Pause"

    def hear(self, name: str) -> None:
        """Name what is heard now; empty where nothing is."""
        if name != self._heard:
            self._heard = name
            hearing = self.query_one("#hearing", Static)
            hearing.update(f"Hearing: {name}")
            hearing.set_class(bool(name), "-heard")

    def choose(self) -> None:
        """Let the user type a sound, at once: what has the focus decides whether this is shown."""
        self.screen.set_focus(self.query_one("#source", Input))

    def opened(self, source: str) -> None:
        """A sound is captioned now: what of it is secret is seen no more, its start is used up."""
        if self._entry.entered == source:
            self._entry.hold(source)
        self.query_one("#start-at", Input).value = ""

    def refused(self, source: str) -> None:
        """A sound could not be opened: what of it is secret is not left to be read."""
        if self._entry.entered == source:
            self._entry.conceal()

    def paste(self, text: str) -> None:
        """Have in the field what was pasted elsewhere."""
        self._entry.paste(text)

    @on(Field.Dropped)
    def take_dropped(self, event: Field.Dropped) -> None:
        """Files that are dropped on other fields are sounds, too."""
        event.stop()
        self._entry.drop(event.paths)
        self.choose()

    def refresh_devices(self) -> None:
        """Look for devices again."""
        self._entry.refresh_devices()

    @property
    def language(self) -> str | None:
        """Code of the language in the field; `None` for detection, also where there is no such."""
        return language_code(self.query_one("#language", Input).value)

    def choose_language(self, language: str | None) -> None:
        """Have a language in the field; `None` for detection."""
        self.query_one("#language", Input).value = language or ""

    @on(Input.Changed)
    def clean_pasted(self, event: Input.Changed) -> None:
        """Pasted text may hold what a terminal would obey."""
        event.stop()
        if event.value != (safe := drawable(event.value)):
            event.input.value = safe

    @on(Input.Submitted)
    def start_entered(self, event: Input.Submitted) -> None:
        """Enter in any field starts."""
        event.stop()
        self._start(self._entry.entered)

    @on(SourceEntry.Entered)
    def start_sound(self, event: SourceEntry.Entered) -> None:
        """A sound was typed or taken."""
        event.stop()
        self._start(event.source)

    @on(Button.Pressed, "#start")
    def start_pressed(self, event: Button.Pressed) -> None:
        """The start switch starts; the others are actions of the screen."""
        event.stop()
        self._start(self._entry.entered)

    @property
    def _entry(self) -> SourceEntry:
        return self.query_one(SourceEntry)

    @on(SourceEntry.Remarked)
    def pass_on(self, event: SourceEntry.Remarked) -> None:
        """Say it like the panel's own."""
        event.stop()
        self.post_message(self.Remarked(event.sentence))

    def _start(self, source: str) -> None:
        try:
            request = self.StartRequested(source, self._entered_language(), self._entered_start())
        except ValueError as mistake:
            self.post_message(self.Remarked(str(mistake)))
            return
        if source.strip():
            self.post_message(request)
        else:
            self.post_message(self.Remarked("name a sound: mic, a file, a URL, or demo"))

    def _entered_language(self) -> str | None:
        """Raises `ValueError` with a sentence."""
        language = self.query_one("#language", Input).value.strip()
        if language.casefold() in ("", "auto"):
            return None
        if (code := language_code(language)) is None:
            examples = ", ".join(list(LANGUAGES)[:4])
            raise ValueError(f"no such language: use a code like {examples}")
        return code

    def _entered_start(self) -> float:
        """Raises `ValueError` with a sentence."""
        text = self.query_one("#start-at", Input).value
        return parse_position(text) if text.strip() else 0.0
