"""Every state in words: status line, tail line, event lines."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input

import tui.app
from tests.app.still import StillSession, still, until
from tui.app import CapttyApp
from tui.audio.ballistics import Fault, sound_advice
from tui.audio.level import SILENCE_DBFS, Level
from tui.captions import SAMPLE_RATE, Event, EventKind
from tui.live.feed import Progress, Snapshot, State
from tui.screens.words import notice, status
from tui.themes import theme_variable_defaults
from tui.widgets.line import event_line
from tui.widgets.status_line import Status, StatusLine
from tui.widgets.tail_line import TailLine

WHY = "captions.example.org does not answer"
GONE = "USB Headset is gone: captty goes on when it is plugged in again"
MUTED = "the microphone gives digital silence: it is muted, or captty may not use it"


def audio(unsent: float = 0.0, **facts: Any) -> Progress:
    """A minute was captured, some of it not sent."""
    captured = 60 * SAMPLE_RATE
    sent = captured - round(unsent * SAMPLE_RATE)
    return replace(Progress(captured, sent, sent), **facts)


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (Snapshot(State.STARTING), "connecting …"),
        (Snapshot(State.STARTING, WHY, 2), f"connecting … ({WHY}), trying again"),
        (Snapshot(State.LIVE, progress=audio(3)), "listening, no words yet"),
        (Snapshot(State.LIVE, progress=audio(12.9)), "12 s behind"),
        (Snapshot(State.LIVE, progress=audio(lag=31.4)), "31 s behind"),
        (
            Snapshot(State.RECONNECTING, WHY, 3, progress=audio(12.4)),
            f"no connection: recording goes on, 12 s kept ({WHY})",
        ),
        (Snapshot(State.RECONNECTING, WHY, 3), f"no connection: recording goes on ({WHY})"),
        (
            Snapshot(State.RECONNECTING, WHY, 3, silence=GONE, progress=audio(12.4)),
            f"no connection ({WHY}); {GONE}",
        ),
        (Snapshot(State.NO_SOUND, silence=GONE), GONE),
        (Snapshot(State.PAUSED), "paused: space goes on"),
        (
            Snapshot(State.PAUSED, WHY, 3),
            f"paused: space goes on; no connection, trying again ({WHY})",
        ),
        (Snapshot(State.FINISHING), "waiting for the last words; s: end now"),
        (
            Snapshot(State.FINISHING, WHY, 1, progress=audio(4)),
            f"no connection for the last words, 4 s kept; s: end now ({WHY})",
        ),
        (Snapshot(State.ENDED, session_id="20261122-1"), "ended · 20261122-1"),
        (Snapshot(State.FAILED, WHY), "ended early"),
    ],
)
def test_every_state_says_what_there_is_to_know(snapshot: Snapshot, words: str) -> None:
    assert notice(snapshot, "connecting …", silent=True).replace("\xa0", " ") == words


def test_words_that_come_in_time_need_no_notice() -> None:
    snapshot = Snapshot(State.LIVE, progress=audio(1, lag=2.0))
    assert notice(snapshot, "", silent=False) == ""


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            Event(EventKind.RECONNECTED, 0, "the connection was gone for 12 s"),
            "reconnected: the connection was gone for 12 s",
        ),
        (Event(EventKind.LANGUAGE, 0, "German"), "language: German"),
        (
            Event(EventKind.GAP, 0, "the disk is full", 12 * SAMPLE_RATE),
            "12 s of audio lost: the disk is full",
        ),
        (Event(EventKind.GAP, 0, "the disk is full"), "audio lost: the disk is full"),
        (
            Event(EventKind.UNCONFIRMED, SAMPLE_RATE, "", 5 * SAMPLE_RATE),
            "the last 4 s are not confirmed: captty sessions finish last completes them",
        ),
        (
            Event(EventKind.UNCONFIRMED, 0, "nothing is kept"),
            "the last words are not confirmed: nothing is kept",
        ),
        (Event(EventKind.RECOVERED, 0), "taken up again"),
        (Event(EventKind.PAUSED, 0), "paused"),
        (Event(EventKind.BROKEN, 0, "out of memory"), "interrupted: out of memory"),
    ],
)
def test_every_event_is_a_line_in_words(event: Event, words: str) -> None:
    assert event_line(event, 1).text == f"── {words} ──"


@pytest.mark.parametrize("kind", EventKind)
def test_no_event_shows_a_name_of_our_own(kind: EventKind) -> None:
    assert "_" not in event_line(Event(kind, 0, "x", 1), 1).text


def facts(width: int, snapshot: Snapshot) -> str:
    shown = status(snapshot, "en")
    return f" {shown.state} " + shown.facts(width - len(shown.state) - 2)


def test_the_important_facts_stay_at_40_columns() -> None:
    away = Snapshot(
        State.RECONNECTING, WHY, 12, progress=audio(1234, total=3600 * SAMPLE_RATE, reconnects=2)
    )
    assert facts(40, away) == " RECONNECTING 12   01:00  1234 s unsent"
    assert "01:00/1:00:00  1234 s unsent  en  2 reconnects" in facts(80, away)
    behind = Snapshot(State.LIVE, progress=audio(12, total=90 * SAMPLE_RATE, lag=1.4))
    assert facts(40, behind) == " LIVE   01:00  12 s unsent  lag 1.5 s"
    well = Snapshot(State.LIVE, progress=audio(total=90 * SAMPLE_RATE, lag=0.6, reconnects=1))
    assert facts(60, well) == " LIVE   01:00/01:30  lag 0.5 s  en  1 reconnect"


def test_tenths_of_a_second_are_no_reason_to_repaint() -> None:
    looks = {
        status(Snapshot(State.RECONNECTING, WHY, 1, progress=audio(12 + n / 10)), "en")
        for n in range(10)
    }
    assert len(looks) == 1


def test_the_name_of_what_is_heard_takes_only_room_that_is_left() -> None:
    snapshot = Snapshot(State.LIVE, server="this machine", engine="e" * 12, progress=audio(lag=1.0))

    def line(width: int, name: str) -> str:
        shown = status(snapshot, "en", name)
        return f" {shown.state} " + shown.facts(width - len(shown.state) - 2)

    assert line(40, "USB Headset") == " LIVE   01:00  lag 1.0 s  en  USB…"
    assert line(34, "USB Headset") == " LIVE   01:00  lag 1.0 s  en"
    assert line(70, "語" * 40).count("語") == 11
    assert "USB Headset  eeeeeeeeeeee  this machine" in line(80, "USB Headset")


class TailApp(App[None]):
    """The tail line alone, above the lowest row."""

    def compose(self) -> ComposeResult:
        """One row or more."""
        yield TailLine()
        yield StatusLine()


async def test_a_long_sentence_takes_three_rows_at_most_and_gives_them_back() -> None:
    app = TailApp()
    async with app.run_test(size=(40, 12)) as pilot:
        tail = app.query_one(TailLine)
        tail.trouble = "nothing is saved (No space left on device)"
        await pilot.pause()
        assert tail.size.height == 2
        assert "device) ──" in tail.render().plain
        tail.notice = "語 " * 200
        await pilot.pause()
        assert tail.size.height == 3
        assert tail.render().plain.rstrip("─ ").endswith("…")
        tail.trouble = tail.notice = ""
        await pilot.pause()
        assert tail.size.height == 1
        assert tail.render().plain == "─" * 40


def test_what_to_do_about_the_sound_gives_way_to_how_far_text_is_behind() -> None:
    advice = sound_advice(Fault.NO_SIGNAL, "mic")
    well, late = Snapshot(State.LIVE, progress=audio(1)), Snapshot(State.LIVE, progress=audio(12.9))
    assert notice(well, "", silent=True, advice=advice) == MUTED
    assert notice(late, "", silent=True, advice=advice) == "12 s behind"
    assert notice(Snapshot(State.PAUSED), "", silent=True, advice=advice) == "paused: space goes on"


def test_only_a_microphone_can_be_turned_up() -> None:
    assert sound_advice(Fault.QUIET, "mic").startswith("too quiet")
    assert sound_advice(Fault.CLIPPING, "mic").startswith("too loud")
    assert sound_advice(Fault.NO_SIGNAL, "monitor") == "nothing is played now"
    assert sound_advice(Fault.NO_SIGNAL, "file") == sound_advice(Fault.NONE, "mic") == ""


class LineApp(App[None]):
    """The status line alone."""

    CSS_PATH = Path(tui.app.__file__).parent / "styles.tcss"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme_variable_defaults()

    def compose(self) -> ComposeResult:
        """One row."""
        yield StatusLine()


async def test_recording_is_a_word_that_fits_forty_columns() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 12)) as pilot:
        line = app.query_one(StatusLine)
        progress = audio(12, total=5400 * SAMPLE_RATE, lag=1.4)
        line.status = status(Snapshot(State.LIVE, recording=True, progress=progress), "en")
        await pilot.pause()
        assert line.render().plain == " LIVE  REC   01:00  12 s unsent  en"
        line.status = status(Snapshot(State.NO_SOUND, recording=True, progress=audio()), "en")
        await pilot.pause()
        assert line.render().plain == " NO SOUND  REC   01:00  en"
        total = audio(total=5400 * SAMPLE_RATE)
        line.status = status(Snapshot(State.LIVE, progress=total), "en")
        await pilot.pause()
        assert line.render().plain == " LIVE   01:00/1:30:00  en"


Sounding = tuple[CapttyApp, StillSession, Pilot[Any]]


@asynccontextmanager
async def listening(kind: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Sounding]:
    """A session on a sound of that kind, which said something."""
    open_session, opened = still(State.LIVE, kind)
    app = CapttyApp(open_session, source="mic", language="en")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: bool(opened) and app.caption_screen._state is State.LIVE)
        yield app, opened[0], pilot


async def heard(pilot: Pilot[Any], session: StillSession, level: Level, seconds: int) -> None:
    """Let the session hear a level for so long, in audio time."""
    for second in range(1, seconds + 1):
        now = (60 + second) * SAMPLE_RATE
        session.feed.progress(Progress(now, now, now), level)
        await until(pilot, lambda: not session.feed._awake)


def shown(app: CapttyApp) -> str:
    rows = app.caption_screen._compositor.render_strips()
    return "\n".join(strip.text for strip in rows)


@pytest.mark.parametrize("size", [(40, 12), (80, 24)], ids=str)
@pytest.mark.parametrize(
    ("level", "fault", "advice"),
    [
        (Level(SILENCE_DBFS, SILENCE_DBFS, clipped=False), "no signal", "it is muted"),
        (Level(-58.0, -45.0, clipped=False), "too quiet", "turn the microphone up"),
        (Level(-4.0, 0.0, clipped=True), "clipping", "turn the microphone down"),
    ],
)
async def test_each_fault_of_a_microphone_is_named_with_what_to_do(
    size: tuple[int, int], level: Level, fault: str, advice: str
) -> None:
    async with listening("mic", size) as (app, session, pilot):
        await heard(pilot, session, level, 10)
        await until(pilot, lambda: fault in shown(app))
        tail = app.caption_screen.query_one(TailLine)
        await until(pilot, lambda: advice in tail.notice)
        await heard(pilot, session, Level(-20.0, -9.0, clipped=False), 5)
        await until(pilot, lambda: tail.notice == "" and fault not in shown(app))


@pytest.mark.parametrize("state", [State.NO_SOUND, State.RECONNECTING])
@pytest.mark.parametrize(
    ("kind", "fault"), [("mic", "device gone"), ("stream", "no sound"), ("stdin", "no sound")]
)
async def test_a_sound_that_is_gone_is_named_until_it_is_back(
    kind: str, fault: str, state: State
) -> None:
    async with listening(kind) as (app, session, pilot):
        await heard(pilot, session, Level(-20.0, -9.0, clipped=False), 2)
        session.feed.silence(GONE)
        session.feed.state(state, WHY if state is State.RECONNECTING else "", 1)
        tail = app.caption_screen.query_one(TailLine)
        await until(pilot, lambda: f"-- dB {fault}" in shown(app) and GONE in tail.notice)
        assert state.value.upper() in shown(app).splitlines()[0]
        session.feed.silence("")
        session.feed.state(State.LIVE)
        await heard(pilot, session, Level(-20.0, -9.0, clipped=False), 2)
        await until(pilot, lambda: "-20 dB" in shown(app) and not tail.notice)


async def test_r_records_and_says_so() -> None:
    async with listening("mic") as (app, session, pilot):
        tail = app.caption_screen.query_one(TailLine)
        await pilot.press("r")
        await until(pilot, lambda: " REC " in shown(app) and "sound is kept" in tail.notice)
        await pilot.press("r")
        await until(pilot, lambda: " REC " not in shown(app) and "has ended" in tail.notice)
        assert session.asked == ["record True", "record False"]
        session.feed.recording(True)
        await until(pilot, lambda: " REC " in shown(app))
        app.caption_screen.announce("", 0)
        session.feed.recording(False)
        session.feed.state(State.ENDED)
        await until(pilot, lambda: tail.notice == "ended")


async def test_nothing_is_recorded_where_nothing_is_saved() -> None:
    open_session, opened = still(State.LIVE)
    app = CapttyApp(open_session, source="mic", saves=False)
    async with app.run_test(size=(200, 60)) as pilot:
        await until(pilot, lambda: app.caption_screen._state is State.LIVE)
        await pilot.press("r")
        await pilot.pause()
        assert opened[0].asked == []
        assert "Record" not in shown(app).splitlines()[-1]


async def test_low_bandwidth_draws_four_times_a_second_at_most() -> None:
    open_session, opened = still(State.LIVE)
    app = CapttyApp(open_session, source="mic", low_bandwidth=True)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.caption_screen._state is State.LIVE)
        looks: list[float] = []
        take = opened[0].feed.take

        def look() -> Snapshot:
            looks.append(monotonic())
            return take()

        opened[0].feed.take = look  # type: ignore[method-assign]
        began = monotonic()
        while monotonic() - began < 1.5:
            now = round((monotonic() - began) * SAMPLE_RATE)
            opened[0].feed.progress(Progress(now, now, now), Level(-20.0, -9.0, clipped=False))
            await pilot.pause(0.01)
        assert 3 <= len(looks) <= 7
        assert min(b - a for a, b in pairwise(looks)) >= 0.24
        field = app.caption_screen.query_one("#source", Input)
        assert not field.cursor_blink


async def test_the_status_line_shows_what_is_recognised_now() -> None:
    open_session, opened = still(State.RECONNECTING)
    app = CapttyApp(open_session, source="talk.mp3", language="en")
    async with app.run_test() as pilot:
        line = app.caption_screen.query_one(StatusLine)
        await until(pilot, lambda: line.status.state == "LIVE")
        opened[0].revise()
        await until(pilot, lambda: line.status.state == "RECONNECTING 3")
        assert line.status == Status(
            "RECONNECTING 3", 27, 42, "en", "this machine", "pocketsphinx", unsent=12, reconnects=1
        )
        opened[0].switched(None)
        await until(pilot, lambda: line.status.language == "")
        assert "auto" in line.status.facts(80)
