"""The dashboard as an application: themes, commands, signals, the way in and out."""

import asyncio
import logging
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App, SuspendNotSupported, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Input

from tui.captions import CapttyError, clean
from tui.commands import COMMANDS, INTERRUPT, QUIT, SUSPEND
from tui.live.feed import Snapshot, saved_as
from tui.screens.captions import CaptionScreen
from tui.screens.opening import OpenSession
from tui.screens.setup import Setup
from tui.screens.unfinished import FindUnfinished, FinishSession
from tui.terminal import Keyboard
from tui.themes import load_themes, packaged_themes, theme_variable_defaults
from tui.widgets.field import Field
from tui.widgets.sounds import FindDevices

if TYPE_CHECKING:
    from tui.live.session import LiveSession

log = logging.getLogger(__name__)

DEFAULT_THEME = "captty-dark"
_WIDTHS = [(0, "-narrow"), (72, "-wide")]
_HEIGHTS = [(0, "-short"), (20, "-tall")]
_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_LEAVE = b"\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l"
"""Leaves the alternate screen, shows the cursor, switches mouse and paste reports off (xterm)."""
_GRACE_SECONDS = 0.5
"""How long the end waits for last words; a second more is for what closes behind them."""
_INTERRUPT_SECONDS = 3.0
"""Within it a second ctrl+c quits."""
_KEYBOARD_SECONDS = 0.25
"""How long a program in front of the pipe may keep the keys that it took."""
_LAST_RESORT_SECONDS = 3.0
"""How long a terminal that takes nothing may hold up an end that a signal asked for."""


_ANYWHERE = (QUIT, INTERRUPT, SUSPEND)
"""Commands that work behind every dialog."""


class ThemeError(CapttyError):
    """A theme that does not exist."""


class CapttyApp(App[int]):
    """captty's dashboard."""

    TITLE = "captty"
    CSS_PATH = "styles.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [command.binding() for command in _ANYWHERE]
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS

    def __init__(
        self,
        open_session: OpenSession,
        user_themes: Path | None = None,
        *,
        source: str | None = None,
        language: str | None = None,
        server: str = "",
        theme: str | None = None,
        start: float = 0.0,
        find_devices: FindDevices | None = None,
        recent_languages: Path | None = None,
        recent_sounds: Path | None = None,
        saves: bool = True,
        low_bandwidth: bool = False,
        unfinished: FindUnfinished | None = None,
        finish_session: FinishSession | None = None,
    ) -> None:
        """`open_session` is called on a thread; `source` starts at once where it is given.

        It begins at `start`, in seconds. `find_devices`, on a thread too, lists the microphones.
        `unfinished` and `finish_session`, on threads too, offer to finish what was interrupted.
        `recent_languages` and `recent_sounds` are the files that keep what was used before.
        `saves` tells whether sessions are kept, and can be recorded. With `low_bandwidth` nothing
        is drawn more often than four times a second.
        Raises `ThemeError` where there is no theme of that name.
        """
        colourless = bool(os.environ.get("NO_COLOR"))
        if not colourless:
            os.environ.pop("NO_COLOR", None)
        super().__init__(ansi_color=colourless)
        setup = Setup(
            source=source or "",
            start=start,
            language=language,
            server=server,
            find_devices=find_devices,
            recent_languages=recent_languages,
            recent_sounds=recent_sounds,
            saves=saves,
            low_bandwidth=low_bandwidth,
            unfinished=unfinished,
            finish_session=finish_session,
        )
        self.caption_screen = CaptionScreen(open_session, setup)
        self._pipe_brings_sound = source == "-"
        self._keyboard: Keyboard | None = None
        self._interrupted = -_INTERRUPT_SECONDS
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._failed_themes = self._register_themes(user_themes)
        self._choose_theme(theme or DEFAULT_THEME)

    @property
    def session(self) -> "LiveSession | None":
        """The session that was started last."""
        return self.caption_screen.session

    def _register_themes(self, user_themes: Path | None) -> list[str]:
        folders = [packaged_themes(), *([user_themes] if user_themes else [])]
        themes, failed = load_themes(folders)
        for theme in themes:
            self.register_theme(theme)
        return failed

    def _choose_theme(self, name: str) -> None:
        if name not in self.available_themes:
            known = ", ".join(sorted(self.available_themes))
            raise ThemeError(f"there is no theme {clean(name, 60)}; there are {known}")
        self.theme = name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of captions for themes that do not name them."""
        return theme_variable_defaults()

    def get_default_screen(self) -> Screen[None]:
        """The captions."""
        return self.caption_screen

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The commands of the table, and the choice of colours."""
        for command in COMMANDS:
            if command.palette:
                yield SystemCommand(command.label, command.help, self._runner(command.action))
        yield SystemCommand("Theme", "Choose the colours.", self.action_change_theme)

    def _runner(self, action: str) -> Callable[[], None]:
        def run() -> None:
            self.run_worker(self.caption_screen.run_action(action), exit_on_error=True)

        return run

    async def action_quit(self) -> None:
        """Quit once the last words have come, or at once where there are none."""
        await self._uncover()
        self.caption_screen.leave()

    async def action_interrupt(self) -> None:
        """Copy what is selected; where nothing is, quit on the second time."""
        now, before = monotonic(), self._interrupted
        if selected := self._selected:
            self.copy_to_clipboard(selected)
        elif now - before < _INTERRUPT_SECONDS:
            await self.action_quit()
        else:
            self._interrupted = now
            await self._uncover()
            self.caption_screen.announce("ctrl+c again ends captty", _INTERRUPT_SECONDS)

    @property
    def _selected(self) -> str | None:
        focused, typed = self.focused, ""
        if isinstance(focused, Field):
            typed = focused.picked
        elif isinstance(focused, Input):
            typed = focused.selected_text
        return typed or self.screen.get_selected_text()

    async def _uncover(self) -> None:
        """Close the dialogs over the captions: what is said next is said below these."""
        while self.screen is not self.caption_screen:
            await self.pop_screen()

    def action_suspend_process(self) -> None:
        """Stop like any terminal program: with the whole job, and only if a shell can go on.

        A process that stops itself alone leaves `make` or a script waiting for it; one that stops
        where no shell controls jobs is never continued. The kernel knows, by its default action.
        """
        with suppress(SuspendNotSupported), self.suspend():
            handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            os.kill(0, signal.SIGTSTP)
            signal.signal(signal.SIGTSTP, handler)

    def end(self, code: int) -> None:
        """End with an exit code; may be called from a signal handler."""
        with suppress(RuntimeError):  # the loop has ended, and the dashboard with it
            if self._event_loop:
                self._event_loop.call_soon_threadsafe(lambda: self.exit(return_code=code))

    def on_mount(self) -> None:
        """Tell of themes that could not be loaded."""
        self._event_loop = asyncio.get_running_loop()
        if self._pipe_brings_sound and sys.stdin.isatty():
            self._keyboard = Keyboard()
            self.set_interval(_KEYBOARD_SECONDS, self._keyboard.hold)
        for sentence in self._failed_themes:
            self.notify(sentence, severity="warning", markup=False)

    def restore_keyboard(self) -> None:
        """Leave the terminal to the programs in front of the pipe as they wanted it."""
        if self._keyboard:
            self._keyboard.restore()

    def _fatal_error(self) -> None:
        """End on an error of captty's own: one sentence, no variables, the rest in the log."""
        log.error("the dashboard failed", exc_info=True)
        error = sys.exc_info()[1] or self._exception
        self._exit_renderables.append(
            f"captty: the dashboard failed ({type(error).__name__}); what was said is saved"
        )
        self._close_messages_no_wait()


def run_dashboard(app: CapttyApp) -> int:
    """Run the dashboard until the user quits or a signal comes; returns the exit code."""
    received: list[int] = []
    saved, screen = True, _Terminal()

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)
        app.end(128 + number)
        _last_resort(app, screen, 128 + number)

    for number in _SIGNALS:
        signal.signal(number, receive)
    try:
        app.run()
    finally:
        app.restore_keyboard()
        if app.session:
            app.session.close(_GRACE_SECONDS)
            saved = _farewell(app.session.feed.take())
    return 128 + received[0] if received else app.return_code or int(not saved)


def _farewell(end: Snapshot) -> bool:
    """Say on the terminal, after the screen, where the session is; returns whether all is saved."""
    with suppress(OSError):
        if end.session_id:
            print(saved_as(end), file=sys.stderr)
        if end.trouble:
            print(f"captty: {end.trouble}", file=sys.stderr)
    return not end.trouble


class _Terminal:
    """The terminal's settings as they were before the dashboard changed them."""

    def __init__(self) -> None:
        self._settings = None
        with suppress(termios.error, OSError, ValueError):
            self._settings = termios.tcgetattr(sys.stdin.fileno())

    def restore(self) -> None:
        """Set them again without waiting for output that nobody takes."""
        if self._settings is not None:
            with suppress(termios.error, OSError):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, self._settings)
            with suppress(OSError):
                os.set_blocking(2, False)
                os.write(2, _LEAVE)


def _last_resort(app: CapttyApp, terminal: _Terminal, code: int) -> None:
    """End the process even where the terminal takes no more output."""

    def end() -> None:
        if app.session:
            app.session.close(_GRACE_SECONDS)
        terminal.restore()
        os._exit(code)

    timer = threading.Timer(_LAST_RESORT_SECONDS, end)
    timer.daemon = True
    timer.start()
