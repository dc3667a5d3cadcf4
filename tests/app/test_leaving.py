"""Ways out of the dashboard and back: ctrl+q, ctrl+c twice, ctrl+z and fg."""

import time
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.app.still import StillSession, still, until
from tests.terminals import CAPTTY, in_tmux, needs_tmux, on_pty
from tui.app import CapttyApp
from tui.audio.source import SourceError
from tui.live.feed import State
from tui.live.session import LiveSession
from tui.screens import captions
from tui.screens.help import HelpScreen
from tui.widgets.tail_line import TailLine

Dashboard = tuple[CapttyApp, list[StillSession]]


def dashboard(state: State = State.LIVE) -> Dashboard:
    """A dashboard with a session that stands still."""
    open_session, opened = still(state)
    return CapttyApp(open_session, source="talk.mp3", language="en"), opened


async def running(pilot: Pilot[Any], app: CapttyApp) -> None:
    await until(pilot, lambda: app.caption_screen._state is State.LIVE)


def notice(app: CapttyApp) -> str:
    return app.caption_screen.query_one(TailLine).notice


async def test_quitting_waits_for_the_last_words_and_says_so() -> None:
    app, opened = dashboard()
    async with app.run_test() as pilot:
        await running(pilot, app)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: notice(app).startswith("waiting for the last words; ctrl+q"))
        assert opened[0].asked == ["stop"]
        opened[0].feed.state(State.ENDED)
        await until(pilot, lambda: app._exit)
    assert "abandon" not in opened[0].asked


async def test_quitting_waits_two_seconds_at_most() -> None:
    app, opened = dashboard()
    async with app.run_test() as pilot:
        await running(pilot, app)
        told = time.monotonic()
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
        assert 1.5 < time.monotonic() - told < 5
    assert opened[0].asked == ["stop", "abandon"]


@pytest.mark.parametrize("again", [["ctrl+q"], ["ctrl+c"]])
async def test_asked_again_it_quits_now(monkeypatch: pytest.MonkeyPatch, again: list[str]) -> None:
    monkeypatch.setattr(captions, "_LAST_WORDS_SECONDS", 600)
    app, opened = dashboard()
    async with app.run_test() as pilot:
        await running(pilot, app)
        await pilot.press("ctrl+c", "ctrl+c")
        await until(pilot, lambda: notice(app).startswith("waiting for the last words"))
        assert not app._exit
        await pilot.press(*again)
        await until(pilot, lambda: app._exit)
    assert opened[0].asked == ["stop", "abandon"]


async def test_with_nothing_to_wait_for_quitting_is_immediate() -> None:
    app = CapttyApp(still(State.LIVE)[0])
    async with app.run_test() as pilot:
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit, 1)


@pytest.mark.parametrize("state", [State.STARTING, State.ENDED, State.FAILED])
async def test_before_and_after_a_session_quitting_is_immediate(state: State) -> None:
    app, opened = dashboard()
    async with app.run_test() as pilot:
        await running(pilot, app)
        opened[0].feed.state(state)
        await until(pilot, lambda: app.caption_screen._state is state)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit, 1)


async def test_one_ctrl_c_ends_nothing_and_its_notice_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.app._INTERRUPT_SECONDS", 1.5)
    app, opened = dashboard()
    async with app.run_test() as pilot:
        await running(pilot, app)
        await pilot.press("ctrl+c")
        assert notice(app) == "ctrl+c again ends captty"
        await until(pilot, lambda: notice(app) == "")
        await pilot.press("ctrl+c")
        assert notice(app) == "ctrl+c again ends captty"
        assert not opened[0].asked


async def test_ctrl_c_copies_what_is_selected_instead() -> None:
    app, opened = dashboard()
    async with app.run_test() as pilot:
        await running(pilot, app)
        field = app.caption_screen.query_one("#source", Input)
        field.focus()
        await pilot.pause()
        await pilot.press("end", "shift+home")
        await pilot.press("ctrl+c", "ctrl+c")
        assert app.clipboard == "talk.mp3"
        app.caption_screen.action_captions()
        app.caption_screen.text_select_all()
        await pilot.press("ctrl+c", "ctrl+c")
        assert "Good evening" in app.clipboard
        assert not opened[0].asked


async def test_what_the_field_selected_by_itself_keeps_nobody_from_leaving() -> None:
    def refuse(*_: object) -> LiveSession:
        raise SourceError("there is no file talk.mp3")

    app = CapttyApp(refuse)
    async with app.run_test() as pilot:
        field = app.caption_screen.query_one("#source", Input)
        await pilot.press(*"talk.mp3", "enter")
        await until(pilot, lambda: app.caption_screen._state is State.FAILED)
        await until(pilot, lambda: field.selected_text == "talk.mp3")
        await pilot.press("ctrl+c")
        assert notice(app) == "ctrl+c again ends captty"
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app._exit, 1)
        assert not app.clipboard


async def test_ctrl_c_and_quitting_are_told_where_a_dialog_was() -> None:
    app, opened = dashboard()
    async with app.run_test() as pilot:
        await running(pilot, app)
        for keys, words in (("ctrl+c", "ctrl+c again"), ("ctrl+q", "waiting for the last")):
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, HelpScreen))
            await pilot.press(keys)
            await until(pilot, lambda: app.screen is app.caption_screen)
            assert notice(app).startswith(words)
        opened[0].feed.state(State.ENDED)
        await until(pilot, lambda: app._exit)


def test_ctrl_c_twice_ends_on_a_terminal_and_saves(tmp_path: Path) -> None:
    with on_pty(tmp_path, [*CAPTTY, "demo"]) as terminal:
        terminal.wait_for(b"LIVE")
        terminal.press(b"\x03")
        terminal.wait_for(b"ctrl+c again")
        terminal.press(b"\x03")
        assert terminal.wait() == 0
        assert b"saved as" in terminal.output


def test_ctrl_z_without_a_shell_to_return_to_goes_on(tmp_path: Path) -> None:
    with on_pty(tmp_path, [*CAPTTY, "demo"]) as terminal:
        terminal.wait_for(b"LIVE")
        before = terminal.output.count(b"\x1b[?1049h")
        terminal.press(b"\x1a")
        limit = time.monotonic() + 20
        while terminal.output.count(b"\x1b[?1049h") == before:
            assert time.monotonic() < limit
            time.sleep(0.02)
        terminal.press(b"\x11")
        assert terminal.wait() == 0


@needs_tmux
@pytest.mark.parametrize("wrapped", [False, True], ids=["alone", "in a script"])
def test_ctrl_z_returns_to_the_shell_and_fg_to_the_captions(tmp_path: Path, wrapped: bool) -> None:
    command = " ".join([*CAPTTY, "demo"])
    with in_tmux(tmp_path, ["bash", "--norc", "--noprofile", "-i"]) as terminal:
        terminal.wait_for("bash-")
        terminal.press(f"sh -c '{command}; true'" if wrapped else command, "Enter")
        terminal.wait_for("LIVE", "dB")
        terminal.press("C-z")
        stopped = terminal.wait_for("Stopped")
        assert "LIVE" not in stopped
        terminal.press("echo here$((40+2))", "Enter")
        terminal.wait_for("here42")
        terminal.press("fg", "Enter")
        back = terminal.wait_for("LIVE", "dB", "captions")
        assert "here42" not in back
        terminal.press("s")
        terminal.wait_for("ENDED")
        terminal.press("C-q")
        terminal.wait_for("saved as", "Stopped")
