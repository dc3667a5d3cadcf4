"""A session that stands still at one moment, for pictures of the dashboard."""

from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import Any, cast

from textual.pilot import Pilot

from tui.audio.level import Level
from tui.audio.source import Ended, SourceInfo
from tui.captions import SAMPLE_RATE, Event, EventKind, Segment, SegmentKey
from tui.captions.languages import language_name
from tui.live.feed import Feed, Progress, State
from tui.live.session import LiveSession
from tui.screens.opening import OpenSession

_SAID = (
    (0.4, "Good evening, and welcome to everyone who reads along tonight."),
    (5.2, "We start with the news from the harbour, where the last ferry left an hour ago."),
    (12.0, "The wind has turned to the north and it will be cold, so take a coat."),
    (18.5, "Our first guest has travelled a long way to be here."),
)
_OPEN = "She has been writing about the see for more than twenty"
_REVISED = "She has been writing about the sea for more than twenty years"


class StillSession:
    """Tells its feed one moment, in two steps so that a word is revised in between."""

    def __init__(self, wake: Callable[[], None], state: State, kind: str = "file") -> None:
        self.feed = Feed(wake)
        self.source = Ended(SourceInfo(kind, "evening"))
        self.asked: list[str] = []
        """What was asked of it."""
        self._state = state

    def start(self) -> None:
        """Tell the first step."""
        feed = self.feed
        feed.about(server="this machine", engine="pocketsphinx")
        feed.language("en")
        feed.state(State.LIVE)
        feed.changed([_segment(i, start, text) for i, (start, text) in enumerate(_SAID)])
        feed.changed([replace(_segment(9, 23.1, _OPEN), settled=False)])

    def revise(self) -> None:
        """Tell the second step."""
        feed = self.feed
        feed.changed([replace(_segment(9, 23.1, _REVISED), settled=False)])
        now, total = 27 * SAMPLE_RATE, 42 * SAMPLE_RATE
        feed.progress(Progress(now, now, now, total, 0.6), Level(-23.4, -9.0, clipped=False))
        if self._state.over:
            feed.changed([_segment(9, 23.1, _REVISED)])
            reason = "this machine closed the connection (out of memory)"
            feed.happened(Event(EventKind.BROKEN, now, reason))
            feed.state(self._state, reason)
        elif self._state is State.RECONNECTING:
            sent = now - 12 * SAMPLE_RATE
            level = Level(-23.4, -9.0, clipped=False)
            feed.progress(Progress(now, sent, sent, total, 0.6, reconnects=1), level)
            feed.state(self._state, "captions.example.org does not answer", attempt=3)
        elif self._state is State.NO_SOUND:
            feed.silence("USB Headset is gone: captty goes on when it is plugged in again")
            feed.state(self._state)
        else:
            feed.state(self._state)

    def switch(self, language: str | None) -> None:
        """Another language is wanted."""
        self.asked.append(f"switch {language}")

    def switched(self, language: str | None) -> None:
        """It is recognised from now on."""
        self.feed.language(language)
        self.feed.happened(Event(EventKind.LANGUAGE, 0, language_name(language)))

    def record(self, on: bool) -> None:
        """The sound is to be kept, or no more."""
        self.asked.append(f"record {on}")
        self.feed.recording(on)

    def stop(self) -> None:
        """The last words are wanted."""
        self.asked.append("stop")
        self.feed.state(State.FINISHING)

    def abandon(self) -> None:
        """The end is wanted."""
        self.asked.append("abandon")

    def close(self, grace: float = 0.0) -> None:
        """Nothing goes on."""


def _segment(number: int, start: float, text: str) -> Segment:
    at = round(start * SAMPLE_RATE)
    return Segment(SegmentKey(0, number), text, at, at + SAMPLE_RATE, settled=True)


def still(state: State, kind: str = "file") -> tuple[OpenSession, list[StillSession]]:
    """What opens such a session, and the sessions that it opened."""
    opened: list[StillSession] = []

    def open_session(
        source: str, language: str | None, start: float, wake: Callable[[], None]
    ) -> LiveSession:
        opened.append(StillSession(wake, state, kind))
        return cast(LiveSession, opened[-1])

    return open_session, opened


async def until(pilot: Pilot[Any], condition: Callable[[], bool], seconds: float = 30) -> None:
    """Let the app run until the condition holds."""
    limit = monotonic() + seconds
    while not condition():
        assert monotonic() < limit
        await pilot.pause(0.01)
