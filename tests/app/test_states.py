"""Every state in words: status line, tail line, event lines."""

from dataclasses import replace
from typing import Any

import pytest
from textual.app import App, ComposeResult

from tests.app.still import still, until
from tui.app import CapttyApp
from tui.captions import SAMPLE_RATE, Event, EventKind
from tui.live.feed import Progress, Snapshot, State
from tui.screens.words import notice, status
from tui.widgets.line import event_line
from tui.widgets.status_line import Status, StatusLine
from tui.widgets.tail_line import TailLine

WHY = "captions.example.org does not answer"


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
