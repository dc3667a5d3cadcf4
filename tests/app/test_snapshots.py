"""Pictures of the dashboard at three sizes and in both themes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from tests.app.still import still, until
from tests.app.test_sounds import BUILT_IN, HEADSET, SPEAKERS
from tui.app import CapttyApp
from tui.live.feed import State
from tui.widgets.captions_pane import CaptionsPane
from tui.widgets.tail_line import TailLine

SIZES = [(40, 12), (80, 24), (200, 60)]

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks stay, cursors do not blink."""
    monkeypatch.setattr(CaptionsPane, "_mark_seconds", float("inf"))
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)


def _app(
    state: State, theme: str = "captty-dark", recent: Path | None = None, kind: str = "file"
) -> tuple[CapttyApp, Callable[[Pilot[Any]], Any]]:
    open_session, opened = still(state, kind)
    app = CapttyApp(
        open_session,
        source="talks/evening.mp3",
        language="en",
        theme=theme,
        recent_languages=recent,
    )

    async def moment(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: bool(opened and app.caption_screen._pane._unsettled))
        opened[0].revise()
        await until(pilot, lambda: app.caption_screen._snapshot.progress.captured > 0)
        if state is State.RECONNECTING:
            tail = app.caption_screen.query_one(TailLine)
            await until(pilot, lambda: "no connection" in tail.notice)
        await pilot.pause()

    return app, moment


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["captty-dark", "captty-light"])
def test_live(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    """Settled captions, an open one with a revised word, level and state."""
    app, moment = _app(State.LIVE, theme)
    assert snap_compare(app, terminal_size=size, run_before=moment)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_failed(snap_compare: Compare, size: tuple[int, int]) -> None:
    """The connection broke: captions stay, the reason is in words."""
    app, moment = _app(State.FAILED, "captty-dark")
    assert snap_compare(app, terminal_size=size, run_before=moment)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_reconnecting(snap_compare: Compare, size: tuple[int, int]) -> None:
    """No connection: what was said stays; why, and that nothing is lost, is in words."""
    app, moment = _app(State.RECONNECTING)
    assert snap_compare(app, terminal_size=size, run_before=moment)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_choosing_a_language(snap_compare: Compare, size: tuple[int, int], tmp_path: Path) -> None:
    """Recent languages first, the one in use marked, what is being said still in view."""
    recent = tmp_path / "languages"
    recent.write_text("en\nhe\nde\n")
    app, moment = _app(State.LIVE, recent=recent)

    async def languages_shown(pilot: Pilot[Any]) -> None:
        await moment(pilot)
        await pilot.press("l")
        await until(pilot, lambda: bool(app.screen.query("#language-list")))
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=languages_shown)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_no_sound_while_recording(snap_compare: Compare, size: tuple[int, int]) -> None:
    """The microphone is gone: state, meter and tail line say so, and that it was recorded."""
    app, moment = _app(State.NO_SOUND, kind="mic")

    async def recording(pilot: Pilot[Any]) -> None:
        await moment(pilot)
        await pilot.press("r")
        tail = app.caption_screen.query_one(TailLine)
        await until(pilot, lambda: tail.notice.startswith("recording"))
        app.caption_screen._notices.announce("", 0)
        app.caption_screen._show_notice()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=recording)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("text", ["", "t"], ids=["empty", "typed"])
def test_choosing(
    snap_compare: Compare,
    size: tuple[int, int],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is captioned yet: what can be, while the field is empty and while it is typed in."""
    (tmp_path / "talks").mkdir()
    (tmp_path / "the harbour.mp3").touch()
    recent = tmp_path / "recent"
    recent.write_text("/home/me/talks/evening.mp3\nhttps://radio.example.org/live.mp3\n")
    app = CapttyApp(
        still(State.LIVE)[0],
        find_devices=lambda: [BUILT_IN, HEADSET, SPEAKERS],
        recent_sounds=recent,
    )

    async def offered(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: isinstance(app.focused, Input))
        monkeypatch.chdir(tmp_path)
        await pilot.press(*text)
        last = "Monitor" if not text else "harbour"
        listed = app.caption_screen.query_one("#offers", OptionList)
        await until(pilot, lambda: any(last in str(o.prompt) for o in listed.options))
        if text:
            await pilot.press("down")
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=offered)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_fields(snap_compare: Compare, size: tuple[int, int]) -> None:
    """The other fields and the switches, once the sound is named."""
    app = CapttyApp(still(State.LIVE)[0])
    assert snap_compare(app, terminal_size=size, press=["d", "e", "m", "o", "tab"])


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_help(snap_compare: Compare, size: tuple[int, int]) -> None:
    """All keys and marks."""
    app, moment = _app(State.LIVE, "captty-dark")

    async def help_shown(pilot: Pilot[Any]) -> None:
        await moment(pilot)
        await pilot.press("question_mark")
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=help_shown)
