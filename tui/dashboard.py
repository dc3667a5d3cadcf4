"""The dashboard, given what the command line asks for."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from tui.config import Folders
from tui.options import Choice, wish_of
from tui.transcribing import standard_input

if TYPE_CHECKING:
    from tui.audio.microphone.messages import Device
    from tui.live.session import LiveSession

Wake = Callable[[], None]


def open_dashboard(
    source: str | None, choice: Choice, theme: str | None, *, low_bandwidth: bool
) -> NoReturn:
    """Run the dashboard, and end the process with its exit code."""
    piped = [standard_input()] if source == "-" else []
    from tui.app import CapttyApp, run_dashboard
    from tui.sessions.store import SessionStore

    folders = Folders.of_user()

    def open_session(text: str, language: str | None, start: float, wake: Wake) -> "LiveSession":
        values = replace(choice, language=language, start=start)
        stdin = piped.pop() if text == "-" and piped else None
        return _open_session(text, values, stdin, wake)

    app = CapttyApp(
        open_session,
        folders.config / "themes",
        recent_languages=folders.state / "languages",
        recent_sounds=folders.state / "sounds" if choice.save else None,
        find_devices=_find_devices,
        unfinished=lambda: SessionStore(folders.data).unfinished(),
        finish_session=lambda session_id, wake: _finish_session(session_id, choice, wake),
        source=source,
        start=choice.start,
        language=choice.language,
        server=choice.server,
        saves=choice.save,
        theme=theme,
        low_bandwidth=low_bandwidth,
    )
    raise SystemExit(run_dashboard(app))


def _find_devices() -> "list[Device]":
    from tui.audio.microphone.devices import find_devices

    return find_devices()


def _open_session(text: str, choice: Choice, stdin: int | None, wake: Wake) -> "LiveSession":
    from tui.launch import open_session

    return open_session(wish_of(text, choice, paced=True, stdin=stdin), wake)


def _finish_session(session_id: str, choice: Choice, wake: Wake) -> "LiveSession":
    from tui.launch import finish_session

    return finish_session(session_id, wish_of("", choice, paced=True), wake)
