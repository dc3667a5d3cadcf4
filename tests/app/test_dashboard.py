"""The dashboard by Pilot, over a real session and a real websocket."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Footer, Input, OptionList

from tests.app.still import still, until
from tests.app.test_unfinished import Desk, interrupted
from tests.scripted_server import Script, ScriptedServer, Stream, scripted_server, word
from tests.sources import Silence
from tui.app import CapttyApp, ThemeError
from tui.audio.source import SourceError
from tui.captions import SAMPLE_RATE, Event, EventKind
from tui.commands import COMMANDS
from tui.live.feed import Progress, State
from tui.live.session import LiveSession
from tui.screens import frames
from tui.screens.help import HelpScreen
from tui.screens.opening import drop
from tui.widgets.keys import Keys
from tui.widgets.live_text import LiveText
from tui.widgets.status_line import StatusLine
from tui.widgets.tail_line import TailLine
from tui.widgets.transcript import TranscriptView
from tui.wire.endpoint import Endpoint, Request


def rows(app: CapttyApp) -> list[str]:
    """The screen as text."""
    return [strip.text.rstrip() for strip in app.caption_screen._compositor.render_strips()]


def shown(app: CapttyApp) -> str:
    """The screen as one text."""
    return "\n".join(rows(app))


@asynccontextmanager
async def dashboard(
    server: ScriptedServer, seconds: float, *, paced: bool = False, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[CapttyApp, Pilot[Any]]]:
    """The dashboard over so many seconds of silence, already started."""
    app = CapttyApp(
        lambda source, language, start, wake: LiveSession(
            Silence(seconds), server, Request(language), paced=paced, wake=wake
        ),
        source="silence.wav",
        language="en",
    )
    async with app.run_test(size=size) as pilot:
        yield app, pilot
        if app.session:
            await asyncio.to_thread(app.session.close)


async def ended(app: CapttyApp, pilot: Pilot[Any]) -> None:
    state = app.caption_screen
    await until(pilot, lambda: state._state is not None and state._state.over)
    await pilot.pause()


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)])
async def test_captions_come_out_in_order_and_the_state_is_a_word(size: tuple[int, int]) -> None:
    async with (
        scripted_server(Script()) as server,
        dashboard(server, 120, size=size) as (app, pilot),
    ):
        await ended(app, pilot)
        view = app.caption_screen.query_one(TranscriptView)
        assert [line.text for line in view._lines] == [word(i) for i in range(120)]
        assert rows(app)[0].startswith(" ENDED   02:00/02:00")
        assert word(119) in shown(app)


async def test_scrolling_up_holds_still_and_counts_and_one_key_returns() -> None:
    async with (
        scripted_server(Script()) as server,
        dashboard(server, 60, paced=True, size=(80, 12)) as (app, pilot),
    ):
        for second in range(30):
            await until(pilot, lambda: bool(server.streams))
            await server.streams[0].say(second, f"caption {second}")
        view = app.caption_screen.query_one(TranscriptView)
        await until(pilot, lambda: "caption 29" in shown(app))
        await pilot.press("up", "up", "up")
        await until(pilot, lambda: not view.following)
        await pilot.pause()
        held = [view.render_line(y).text for y in range(view.size.height)]
        for second in range(30, 40):
            await server.streams[0].say(second, f"caption {second}")
        await until(pilot, lambda: "VIEW PAUSED +10" in shown(app))
        assert [view.render_line(y).text for y in range(view.size.height)] == held
        await pilot.press("f")
        await until(pilot, lambda: "caption 39" in shown(app))
        assert "VIEW PAUSED" not in shown(app)


async def test_open_text_is_revised_in_place_and_marked() -> None:
    async with (
        scripted_server(Script(silent=True)) as server,
        dashboard(server, 60, paced=True) as (app, pilot),
    ):
        await until(pilot, lambda: bool(server.streams))

        async def say(text: str, final: bool) -> None:
            words = [{"word": text, "is_final": final}]
            segment = {"id": 0, "text": text, "start": 0, "end": 1, "words": words}
            await server.streams[0].ws.send_str(json.dumps({"segments": [segment]}))

        live = app.caption_screen.query_one(LiveText)
        await say("I can see the see", final=False)
        await until(pilot, lambda: "I can see the see" in shown(app))
        before = [live.render_line(y).text for y in range(live.size.height)]
        await say("I can see the sea", final=False)
        await until(pilot, lambda: "I can see the sea" in shown(app))
        after = [live.render_line(y).text for y in range(live.size.height)]
        assert "~" in after[0]
        assert before[0].rstrip()[:-1].replace("›", "~") == after[0].rstrip()[:-1]
        assert before[1:] == after[1:]
        await say("I can see the sea", final=True)
        view = app.caption_screen.query_one(TranscriptView)
        await until(pilot, lambda: [line.text for line in view._lines] == ["I can see the sea"])
        await pilot.pause()
        assert live.render_line(0).text.strip() == ""
        assert "~" not in shown(app)


async def test_pause_and_stop_by_keys() -> None:
    async with (
        scripted_server(Script()) as server,
        dashboard(server, 600, paced=True) as (app, pilot),
    ):
        await until(pilot, lambda: app.caption_screen._state is State.LIVE)
        await pilot.press("space")
        await until(pilot, lambda: "PAUSED" in rows(app)[0])
        await pilot.press("space")
        await until(pilot, lambda: "LIVE" in rows(app)[0])
        await pilot.press("s")
        await until(pilot, lambda: "ENDED" in rows(app)[0])


async def test_a_broken_connection_is_told_in_words_and_what_was_said_stays() -> None:
    async def hang_up(stream: Stream) -> None:
        await stream.ws.close(code=1008, message=b"no more for you")

    async with (
        scripted_server(Script(at_second={3: hang_up})) as server,
        dashboard(server, 600) as (app, pilot),
    ):
        await ended(app, pilot)
        assert "FAILED" in rows(app)[0]
        assert "no more for you" in shown(app)
        assert word(2) in shown(app)


async def test_a_refused_connection_is_told_in_words() -> None:
    async with (
        scripted_server(Script(status=401)) as server,
        dashboard(server, 600) as (app, pilot),
    ):
        await ended(app, pilot)
        assert "FAILED" in rows(app)[0]
        assert "refuses the key" in shown(app)


async def test_an_error_of_our_own_while_opening_is_told() -> None:
    def open_session(source: str, language: str | None, start: float, wake: Any) -> LiveSession:
        raise ZeroDivisionError

    app = CapttyApp(open_session, source="x")
    async with app.run_test(size=(120, 24)) as pilot:
        await ended(app, pilot)
        assert "captty itself failed (ZeroDivisionError)" in shown(app)


async def test_keys_while_it_starts_are_no_text() -> None:
    @asynccontextmanager
    async def slow() -> AsyncIterator[Endpoint]:
        await asyncio.sleep(30)
        yield Endpoint("ws://127.0.0.1:9/")

    def open_session(source: str, language: str | None, start: float, wake: Any) -> LiveSession:
        return LiveSession(Silence(1), slow, Request(language), wake=wake)

    app = CapttyApp(open_session, source="talk.wav")
    async with app.run_test() as pilot:
        await until(pilot, lambda: "STARTING" in rows(app)[0])
        await pilot.press("x", "space")
        assert app.caption_screen.query_one("#source", Input).value == "talk.wav"
        await until(pilot, lambda: app.session is not None)
        await pilot.press("s")
        await until(pilot, lambda: "ENDED" in rows(app)[0])


class Slow:
    """Opens a session once it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.open_session, self.opened = still(State.LIVE)

    def __call__(
        self, source: str, language: str | None, start: float, wake: Callable[[], None]
    ) -> LiveSession:
        assert self.go.wait(30)
        return self.open_session(source, language, start, wake)


@pytest.mark.parametrize("by", ["key", "click"])
async def test_what_opens_slowly_can_be_stopped_and_is_dropped_when_it_comes(by: str) -> None:
    slow = Slow()
    app = CapttyApp(slow, source="talk.mp3")
    async with app.run_test() as pilot:
        await until(pilot, lambda: "STARTING" in rows(app)[0])
        await (pilot.press("s") if by == "key" else pilot.click("#stop"))
        field = app.caption_screen.query_one("#source", Input)
        await until(pilot, lambda: field.has_focus and "ENDED" in rows(app)[0])
        await until(pilot, lambda: "type a sound" in shown(app))
        slow.go.set()
        await until(pilot, lambda: bool(slow.opened) and slow.opened[0].asked == ["abandon"])
        await pilot.pause()
        assert "ENDED" in rows(app)[0]
        assert app.session is None
        await pilot.press("enter")
        await until(pilot, lambda: "LIVE" in rows(app)[0])
        assert slow.opened[1].asked == []


async def test_quitting_while_it_opens_leaves_no_session_behind() -> None:
    slow = Slow()
    app = CapttyApp(slow, source="talk.mp3")
    async with app.run_test() as pilot:
        await until(pilot, lambda: "STARTING" in rows(app)[0])
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit, 1)
    slow.go.set()
    limit = monotonic() + 20
    while not (slow.opened and slow.opened[0].asked == ["abandon"]):
        assert monotonic() < limit
    assert app.session is None


async def test_a_session_that_is_dropped_lets_go_of_its_sound() -> None:
    async with scripted_server(Script()) as server:
        closed = threading.Event()
        source = Silence(600)
        source.close = closed.set  # type: ignore[method-assign]
        drop(session := LiveSession(source, server, Request()))
        assert await asyncio.to_thread(closed.wait, 20)
        assert await asyncio.to_thread(session.join, 20)
        assert not server.streams


@pytest.mark.parametrize("source", ["talk.mp3", ""])
@pytest.mark.parametrize("width", [40, 57, 72, 80, 100])
async def test_every_key_in_the_footer_is_whole(width: int, source: str) -> None:
    app = CapttyApp(still(State.LIVE)[0], source=source)
    async with app.run_test(size=(120, 24)) as pilot:
        if source:
            await until(pilot, lambda: app.caption_screen._state is State.LIVE)
        await pilot.resize_terminal(width, 24)
        footer = app.query_one(Keys)
        await until(pilot, lambda: footer.size.width == width)
        await pilot.pause()
        shown_keys = footer.query("FooterKey")
        assert shown_keys
        assert all(0 < key.region.width == key.size.width for key in shown_keys)
        assert max(key.region.right for key in shown_keys) <= width
        assert "Quit" in rows(app)[-1]


@pytest.mark.parametrize(
    ("size", "narrow"), [((40, 12), True), ((80, 24), False), ((200, 60), False)], ids=str
)
async def test_what_is_heard_is_named_and_named_anew(size: tuple[int, int], narrow: bool) -> None:
    open_session, opened = still(State.LIVE, "mic")
    app = CapttyApp(open_session, source="mic")
    async with app.run_test(size=size) as pilot:

        def place() -> str:
            return rows(app)[0] if narrow else shown(app)

        named = "" if narrow else "Hearing: "
        await until(pilot, lambda: f"{named}evening" in place())
        opened[0].feed.happened(Event(EventKind.SOURCE, 0, "USB Headset"))
        await until(pilot, lambda: f"{named}USB Headset" in place())
        opened[0].feed.state(State.ENDED)
        await until(pilot, lambda: "ENDED" in rows(app)[0])
        await until(pilot, lambda: "Hearing" not in shown(app) and "USB" not in rows(app)[0])


async def test_keys_that_come_at_once_after_o_are_text() -> None:
    open_session, opened = still(State.LIVE)
    app = CapttyApp(open_session, source="talk.mp3")
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.caption_screen._state is State.LIVE)
        field = app.caption_screen.query_one("#source", Input)
        for key in ("o", "ctrl+u", *"solo.mp3"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: field.value == "solo.mp3")
        assert opened[0].asked == []


async def test_a_mistake_while_a_session_runs_can_be_read() -> None:
    async with (
        scripted_server(Script()) as server,
        dashboard(server, 600, paced=True) as (app, pilot),
    ):
        await until(pilot, lambda: word(0) in shown(app))
        await pilot.press("o", "enter")
        await until(pilot, lambda: "a session is running" in shown(app))
        await until(pilot, lambda: word(1) in shown(app))
        assert "a session is running" in shown(app)
        await pilot.press("escape")
        assert app.caption_screen.query_one(TranscriptView).has_focus


async def test_a_reader_who_looks_back_still_learns_what_is_wrong() -> None:
    app = CapttyApp(still(State.LIVE)[0])
    async with app.run_test(size=(120, 24)) as pilot:
        tail = app.caption_screen.query_one(TailLine)
        tail.behind, tail.notice, tail.trouble = 3, "ended", "not being saved"
        await pilot.pause()
        assert "not being saved · VIEW PAUSED +3 · f: latest · ended" in shown(app)


async def test_what_cannot_be_opened_is_told_and_can_be_corrected() -> None:
    async with scripted_server(Script()) as server:

        def open_session(source: str, language: str | None, start: float, wake: Any) -> LiveSession:
            if source == "wrong":
                raise SourceError("there is no file wrong: check the path")
            return LiveSession(Silence(1), server, Request(language), paced=False, wake=wake)

        app = CapttyApp(open_session)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press(*"wrong", "enter")
            await until(pilot, lambda: "there is no file wrong" in shown(app))
            field = app.caption_screen.query_one("#source", Input)
            assert field.has_focus
            field.value = "right"
            await pilot.press("enter")
            await until(pilot, lambda: app.caption_screen._state is State.ENDED)
            assert app.session is not None
            await asyncio.to_thread(app.session.join, 5)


async def test_a_wrong_language_is_refused_before_anything_starts() -> None:
    app = CapttyApp(still(State.LIVE)[0])
    async with app.run_test() as pilot:
        await pilot.press(*"demo", "tab", *"klingon", "enter")
        await until(pilot, lambda: "no such language" in shown(app))
        assert app.session is None


async def test_news_that_come_just_before_the_next_frame_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_session, opened = still(State.LIVE)
    app = CapttyApp(open_session, source="talk.mp3")
    async with app.run_test() as pilot:
        screen = app.caption_screen
        await until(pilot, lambda: screen._state is State.LIVE)
        now = monotonic()
        monkeypatch.setattr(frames, "monotonic", lambda: now)
        for second in range(1, 20):
            screen._frames._drawn_at = now - screen._frames._seconds + 1e-7
            opened[0].feed.progress(Progress(second * SAMPLE_RATE), None)
            await until(pilot, lambda: not opened[0].feed._awake, 5)


async def test_hostile_text_is_drawn_as_text() -> None:
    hostile = (
        "[/] [bold]x[/bold] [@click=app.quit]go[/] \x1b]0;t\x07 \x9b31m \u202e " + "W" * 100_000
    )
    async with (
        scripted_server(Script(silent=True)) as server,
        dashboard(server, 600, paced=True) as (app, pilot),
    ):
        await until(pilot, lambda: bool(server.streams))
        await server.streams[0].say(0, hostile)
        await server.streams[0].say(1, "still here")
        await until(pilot, lambda: "still here" in shown(app))
        screen = shown(app)
        assert not any(
            ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in screen if char != "\n"
        )
        await pilot.press("home")
        await until(pilot, lambda: "[/] [bold]x[/bold]" in shown(app))


def in_footer(app: CapttyApp) -> str:
    """The keys that the footer shows, for where the focus is."""
    return " ".join(str(key.render()) for key in app.query_one(Footer).query("FooterKey"))


async def test_every_command_is_in_help_palette_and_footer_from_the_one_table() -> None:
    desk = Desk(interrupted(1))
    app = desk.app()
    async with app.run_test(size=(200, 60)) as pilot:
        await until(pilot, lambda: "interrupted" in shown(app))
        commands = {command.title for command in app.get_system_commands(app.caption_screen)}
        assert commands == {c.label for c in COMMANDS if c.palette} | {"Theme"}
        await until(pilot, lambda: "Read" in in_footer(app))
        footer = in_footer(app)
        app.caption_screen.query_one(TranscriptView).focus()
        await until(pilot, lambda: "Help" in in_footer(app))
        footer += in_footer(app)
        for command in COMMANDS:
            if command.footer:
                assert command.label in footer
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = str(app.screen.query_one("#help-text").render())
        assert all(command.help in text for command in COMMANDS)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.caption_screen)


async def test_the_palette_runs_a_command() -> None:
    app = CapttyApp(still(State.LIVE)[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"help")
        await until(pilot, lambda: bool(app.screen.query(OptionList).first().option_count == 1))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))


def test_a_theme_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ThemeError, match="captty-light"):
        CapttyApp(still(State.LIVE)[0], theme="nonesuch")


async def test_a_theme_of_the_users_is_there_and_a_broken_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\nprimary = "#ff8800"\n')
    (tmp_path / "broken.toml").write_text('name = "broken"\nprimary = "no colour"\n')
    app = CapttyApp(still(State.LIVE)[0], tmp_path, theme="mine")
    async with app.run_test(notifications=True) as pilot:
        await pilot.pause()
        assert app.theme == "mine"
        assert "broken.toml" in " ".join(toast.message for toast in app._notifications)


@pytest.mark.parametrize("value", ["1", ""])
async def test_no_color_means_no_colour_and_empty_means_unset(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("NO_COLOR", value)
    app = CapttyApp(still(State.LIVE)[0])
    assert app.no_color is bool(value)


async def test_without_colour_every_switch_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = CapttyApp(still(State.LIVE)[0])
    async with app.run_test() as pilot:
        await pilot.pause()
        assert any(all(label in row for label in ("Start", "Pause", "Stop")) for row in rows(app))


async def test_an_empty_transcript_is_explained() -> None:
    async with (
        scripted_server(Script(silent=True)) as server,
        dashboard(server, 30, paced=True) as (app, pilot),
    ):
        tail = app.caption_screen.query_one(TailLine)
        await until(pilot, lambda: tail.notice == "listening, no words yet")
        assert "no signal" in shown(app)
        assert app.caption_screen.query_one(StatusLine).status.seconds > 0
