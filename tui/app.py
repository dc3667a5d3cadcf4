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
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from tui.captions import CapttyError, clean
from tui.commands import COMMANDS, QUIT
from tui.screens.captions import CaptionScreen, OpenSession
from tui.themes import load_themes, packaged_themes, theme_variable_defaults

if TYPE_CHECKING:
    from tui.live.session import LiveSession

log = logging.getLogger(__name__)

DEFAULT_THEME = "captty-dark"
_WIDTHS = [(0, "-narrow"), (72, "-wide")]
_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_LEAVE = b"\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l"
"""Leaves the alternate screen, shows the cursor, switches mouse and paste reports off (xterm)."""
_LAST_RESORT_SECONDS = 3.0
"""How long a terminal that takes nothing may hold up an end that a signal asked for."""


class ThemeError(CapttyError):
    """A theme that does not exist."""


class CapttyApp(App[int]):
    """captty's dashboard."""

    TITLE = "captty"
    CSS_PATH = "styles.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [QUIT.binding()]
    HORIZONTAL_BREAKPOINTS = _WIDTHS

    def __init__(
        self,
        open_session: OpenSession,
        user_themes: Path | None = None,
        *,
        source: str | None = None,
        language: str | None = None,
        server: str = "",
        theme: str | None = None,
    ) -> None:
        """`open_session` is called on a thread; `source` starts at once where it is given.

        Raises `ThemeError` where there is no theme of that name.
        """
        colourless = bool(os.environ.get("NO_COLOR"))
        if not colourless:
            os.environ.pop("NO_COLOR", None)
        super().__init__(ansi_color=colourless)
        self.caption_screen = CaptionScreen(
            open_session, source=source, language=language, server=server
        )
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

    def end(self, code: int) -> None:
        """End with an exit code; may be called from a signal handler."""
        with suppress(RuntimeError):  # the loop has ended, and the dashboard with it
            if self._event_loop:
                self._event_loop.call_soon_threadsafe(lambda: self.exit(return_code=code))

    def on_mount(self) -> None:
        """Tell of themes that could not be loaded."""
        self._event_loop = asyncio.get_running_loop()
        for sentence in self._failed_themes:
            self.notify(sentence, severity="warning", markup=False)

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
    screen = _Terminal()

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)
        app.end(128 + number)
        _last_resort(app, screen, 128 + number)

    for number in _SIGNALS:
        signal.signal(number, receive)
    try:
        app.run()
    finally:
        if app.session:
            app.session.close()
    if app.session and (saved := app.session.feed.take().session_id):
        with suppress(OSError):
            print(f"saved as {saved}", file=sys.stderr)
    return 128 + received[0] if received else app.return_code or 0


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
            app.session.close()
        terminal.restore()
        os._exit(code)

    timer = threading.Timer(_LAST_RESORT_SECONDS, end)
    timer.daemon = True
    timer.start()
