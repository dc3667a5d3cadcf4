"""What was interrupted is named at the start, and finished by a key."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

from textual.widgets import Footer, Input

from tests.app.still import StillSession, still, until
from tests.app.test_language_switch import notice, screen_rows
from tui.app import CapttyApp
from tui.captions import CapttyError
from tui.live.feed import State
from tui.live.session import LiveSession
from tui.sessions.record import SessionState, SessionSummary
from tui.widgets.transcript import TranscriptView

OFFER = "i: finish the interrupted session"


def interrupted(number: int, source: str = "talk.mp3", seconds: float = 12.3) -> SessionSummary:
    """A session of which so many seconds were not captioned."""
    started_at = datetime(2026, 11, 22, 20, number, tzinfo=UTC)
    return SessionSummary(
        id=f"20261122-20{number:02}00-aaaa",
        started_at=started_at,
        source=source,
        language="de",
        server="",
        engine="",
        state=SessionState.INTERRUPTED,
        seconds=60.0,
        segments=3,
        unfinished=seconds,
    )


class Desk:
    """Sessions that were interrupted, and those that were taken up."""

    def __init__(self, *sessions: SessionSummary, refused: bool = False) -> None:
        self.sessions = list(sessions)
        self.taken: list[str] = []
        self.running: list[StillSession] = []
        self._refused = refused

    def unfinished(self) -> list[SessionSummary]:
        return list(self.sessions)

    def finish(self, session_id: str, wake: Callable[[], None]) -> LiveSession:
        self.taken.append(session_id)
        if self._refused:
            raise CapttyError("its journal is being written by another captty")
        self.sessions = [session for session in self.sessions if session.id != session_id]
        self.running.append(StillSession(wake, State.LIVE))
        return cast(LiveSession, self.running[-1])

    def app(self, source: str | None = None) -> CapttyApp:
        return CapttyApp(
            still(State.LIVE)[0],
            source=source,
            unfinished=self.unfinished,
            finish_session=self.finish,
        )


def keys(app: CapttyApp) -> str:
    return " ".join(str(key.render()) for key in app.caption_screen.query("FooterKey"))


async def test_what_was_interrupted_is_offered_and_finished_one_after_another() -> None:
    desk = Desk(interrupted(2), interrupted(1, "news.wav", 4.0))
    app = desk.app()
    async with app.run_test(size=(120, 24)) as pilot:
        await until(pilot, lambda: notice(app) == f"escape, then {OFFER} (12 s)")
        assert app.caption_screen.query_one("#source", Input).has_focus
        await pilot.press("escape")
        await until(pilot, lambda: notice(app) == f"{OFFER} (12 s)")
        assert "Finish" in keys(app)
        await pilot.press("i")
        await until(pilot, lambda: app.caption_screen._state is State.LIVE)
        assert desk.taken == ["20261122-200200-aaaa"]
        assert "Finish" not in keys(app)
        assert notice(app) == ""
        await pilot.press("i")
        desk.running[0].feed.state(State.ENDED)
        await until(pilot, lambda: notice(app) == f"ended · {OFFER} (4 s)")
        await pilot.press("i")
        await until(pilot, lambda: len(desk.taken) == 2)
        await until(pilot, lambda: app.caption_screen._state is State.LIVE)
        desk.running[1].feed.state(State.ENDED)
        await until(pilot, lambda: notice(app) == "ended")


async def test_while_a_session_runs_nothing_is_offered() -> None:
    app = Desk(interrupted(2)).app("new.mp3")
    async with app.run_test(size=(120, 24)) as pilot:
        screen = app.caption_screen
        await until(pilot, lambda: screen._state is State.LIVE)
        await until(pilot, lambda: bool(screen._unfinished.sessions))
        await pilot.pause()
        assert screen.query_one(TranscriptView).has_focus
        assert "interrupted" not in "\n".join(screen_rows(app))
        assert "Finish" not in keys(app)


async def test_at_40_columns_all_of_the_offer_can_be_read() -> None:
    app = Desk(interrupted(2)).app()
    async with app.run_test(size=(40, 12)) as pilot:
        for offer in (f"escape, then {OFFER}", OFFER):
            await until(pilot, lambda offer=offer: notice(app).startswith(offer))  # type: ignore[misc]
            await pilot.pause()
            assert f"{offer} (12 s)" in " ".join(" ".join(screen_rows(app)).split())
            await pilot.press("escape")


async def test_what_cannot_be_finished_is_told_and_can_be_tried_again() -> None:
    desk = Desk(interrupted(2), refused=True)
    app = desk.app()
    async with app.run_test(size=(160, 24)) as pilot:
        for times in (1, 2):
            await until(pilot, lambda: bool(app.caption_screen._unfinished.sessions))
            await pilot.press("escape", "i")
            await until(pilot, lambda times=times: len(desk.taken) == times)  # type: ignore[misc]
            await until(pilot, lambda: app.caption_screen._state is State.FAILED)
            await until(pilot, lambda: notice(app).endswith("by another captty"))
            assert "\n".join(screen_rows(app)).count("being written by another captty") == 1


async def test_sessions_that_cannot_be_looked_for_cost_nothing() -> None:
    def broken() -> list[SessionSummary]:
        raise OSError("no disk")

    app = CapttyApp(
        still(State.LIVE)[0], source="a.wav", unfinished=broken, finish_session=Desk().finish
    )
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.caption_screen._state is State.LIVE)


async def test_without_anything_to_finish_nothing_is_offered() -> None:
    app = Desk().app()
    async with app.run_test() as pilot:
        await pilot.press("escape", "i")
        await pilot.pause()
        assert notice(app) == "type a sound, or press ↓, then enter"
        assert "Finish" not in keys(app)
        assert app.query(Footer)
