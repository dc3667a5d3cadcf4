"""One live session under faults: all that it told, and a verdict on its transcript."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.spoken import Spoken, said_in, word_start
from tui.audio.source import Source
from tui.captions import Event, EventKind, Segment, SegmentKey
from tui.live import backoff, connection, uplink
from tui.live.feed import Snapshot, State
from tui.live.host import Server
from tui.live.run import OpenJournal
from tui.live.session import LiveSession
from tui.sessions.journal import Journal, SessionHeader
from tui.sessions.record import SessionRecord, SessionState
from tui.sessions.store import SessionStore
from tui.wire.endpoint import Endpoint, Request

NOTICED_WITHIN = 15.0
"""Seconds in which a dead link has to be noticed."""
PATIENCE = 60.0
"""Seconds after which a condition counts as never coming true."""


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make captty's time limits and waits as short as the sound is fast."""
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 1.0)
    monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 1.0)
    monkeypatch.setattr(connection, "SEND_SECONDS", 1.5)
    monkeypatch.setattr(uplink, "ANSWER_SECONDS", 2.0)
    monkeypatch.setattr(uplink, "FIRST_ANSWER_SECONDS", 2.0)
    monkeypatch.setattr(uplink, "END_SECONDS", 2.0)
    monkeypatch.setattr(backoff, "SHORTEST_SECONDS", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_SECONDS", 0.3)


def at(endpoint: Endpoint) -> Server:
    """A server that runs already."""

    @asynccontextmanager
    async def given() -> AsyncIterator[Endpoint]:
        yield endpoint

    return given


def journals(folder: Path) -> OpenJournal:
    """Begins journals in the folder."""

    def begin(source: Source, endpoint: Endpoint, request: Request, heard: datetime) -> Journal:
        name, language = source.info.name, request.language
        header = SessionHeader("file", name, language, endpoint.name, endpoint.engine, "0", heard)
        return Journal.create(folder, header)

    return begin


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a transcript differs from what was said."""

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    foreign: tuple[str, ...]
    """Words that were never said: fragments of words, and what a broken server invents."""

    @classmethod
    def on(cls, text: list[str], said: list[str]) -> "Verdict":
        """Compare."""
        found, wanted = Counter(text), Counter(said)
        return cls(
            tuple((wanted - found).elements()),
            tuple(word for word, times in found.items() for _ in range(1, times)),
            tuple(word for word in found if word not in wanted),
        )


class Trial:
    """Runs a session, looks at its feed a hundred times a second, and keeps the time."""

    def __init__(
        self,
        fault: str,
        endpoint: Endpoint,
        folder: Path,
        seconds: int,
        *,
        paced: bool = False,
        silent: range = range(0),
        source: Source | None = None,
        record: bool = False,
    ) -> None:
        """`seconds` of sound, nothing being said in those of `silent`; or another source."""
        self.name = fault
        self.folder = folder
        self.silent = silent
        self.session = LiveSession(
            source or Spoken(seconds, silent=silent),
            at(endpoint),
            Request("en"),
            open_journal=journals(folder),
            record=record,
            paced=paced,
        )
        self.last = Snapshot()
        self.segments: dict[SegmentKey, Segment] = {}
        self.events: list[Event] = []
        self.offline: list[float] = []
        """When the session said that it had no connection, each time; clock of `time.monotonic`."""
        self.reasons: list[str] = []
        """Why there was no connection, each sentence once."""
        self.settled: list[tuple[float, int]] = []
        """When the word of which second was the newest that had settled."""
        self.fault_at: float | None = None
        self.healed_at: float | None = None
        self._offline = False
        self.note = ""
        """Besides what the session told, for the table."""

    # The course of things

    def look(self) -> None:
        """Take what is new."""
        self.last = last = self.session.feed.take()
        now = time.monotonic()
        self.segments.update((segment.key, segment) for segment in last.segments)
        self.events += last.events
        offline = last.state is State.RECONNECTING or bool(last.attempt)
        if offline and not self._offline:
            self.offline.append(now)
        if offline and last.reason not in self.reasons:
            self.reasons.append(last.reason)
        self._offline = offline
        spoken = [_number(text) for one in last.segments if one.settled for text in _words(one)]
        if (newest := max(spoken, default=-1)) > self.newest:
            self.settled.append((now, newest))

    @property
    def newest(self) -> int:
        """The second whose word is the newest that has settled; -1 for none."""
        return self.settled[-1][1] if self.settled else -1

    async def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Look again and again until the condition holds."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, (
                f"{self.name}: never came true; {self.story()}; {self.last.progress}"
            )
            await asyncio.sleep(0.01)
            self.look()

    async def watch(self, seconds: float) -> None:
        """Look on for so long."""
        limit = time.monotonic() + seconds
        await self.until(lambda: time.monotonic() >= limit, seconds + PATIENCE)

    async def begin(self, second: int = 3) -> None:
        """Start, and return once that second's word has settled."""
        self.session.start()
        await self.until(lambda: self.newest >= second)

    def strike(self) -> None:
        """The fault begins now."""
        self.look()
        self.fault_at = time.monotonic()

    def heal(self) -> None:
        """The fault ends now."""
        self.healed_at = time.monotonic()

    async def until_noticed(self, seconds: float = NOTICED_WITHIN) -> None:
        """Return once the session says that it has no connection, and why."""
        await self.until(lambda: self.noticed is not None, seconds)
        assert self.reasons
        assert all(self.reasons)

    async def until_it_goes_on(self, seconds: float = PATIENCE) -> None:
        """Return once a word has settled that is newer than all before the fault's end."""
        await self.until(lambda: self.went_on is not None, seconds)

    async def stop(self, seconds: float = PATIENCE) -> None:
        """Stop as the user does, and wait for the end."""
        self.session.stop()
        await self.over(seconds)

    async def over(self, seconds: float = PATIENCE) -> None:
        """Wait for the end."""
        await self.until(lambda: self.last.state.over, seconds)
        assert await asyncio.to_thread(self.session.join, 5)
        self.look()

    async def run(self, seconds: float = PATIENCE) -> None:
        """The whole session."""
        self.session.start()
        await self.over(seconds)

    # What came of it

    @property
    def noticed(self) -> float | None:
        """Seconds from the fault until the session said so."""
        if self.fault_at is None:
            return None
        since = self.fault_at
        times = [at for at in self.offline if at >= since]
        return times[0] - self.fault_at if times else None

    @property
    def went_on(self) -> float | None:
        """Seconds from the end of the fault until the next new word settled."""
        if self.fault_at is None:
            return None
        since = self.healed_at or self.fault_at
        times = [at for at, _ in self.settled if at >= since]
        return times[0] - since if times else None

    @property
    def shown(self) -> list[Segment]:
        """What is to be read, in order."""
        return [self.segments[key] for key in sorted(self.segments) if self.segments[key].text]

    @property
    def text(self) -> list[str]:
        """The words that are to be read, in order."""
        return [word for segment in self.shown for word in _words(segment)]

    @property
    def said(self) -> list[str]:
        """The words that were captured; of one that was cut by the end of the capture, a part."""
        return said_in(self.last.progress.captured, self.silent)

    @property
    def verdict(self) -> Verdict:
        """How the transcript differs from what was said."""
        return Verdict.on(self.text, self.said)

    @property
    def kept(self) -> list[str]:
        """The words of audio that waits on disk to be recognised."""
        if not self.spool:
            return []
        waiting = [event for event in self.events if event.kind is EventKind.UNCONFIRMED]
        return [word for word in self.verdict.lost if waiting and _start(word) >= waiting[0].at]

    def happened(self, kind: EventKind) -> int:
        """How often something happened."""
        return sum(event.kind is kind for event in self.events)

    def record(self) -> SessionRecord:
        """What was saved."""
        return SessionStore(self.folder).load("last")

    @property
    def spool(self) -> list[Path]:
        """The files of audio that are kept for later."""
        return sorted(self.folder.glob("sessions/*/spool/*"))

    def story(self) -> str:
        """What happened, in a line."""
        kinds = Counter(str(event.kind) for event in self.events)
        told = [f"{times} x {kind}" for kind, times in kinds.items() if kind != "connected"]
        kept = f"{len(self.kept)} words kept to be finished" if self.kept else ""
        parts = [self.note, *self.reasons[:2], ", ".join(told), str(self.last.state), kept]
        return "; ".join(part for part in [*parts, self.last.reason] if part)

    def row(self) -> dict[str, str | float | int | None]:
        """This trial in the table of faults."""
        verdict = self.verdict
        return {
            "fault": self.name,
            "what happened": self.story(),
            "noticed": self.noticed,
            "went on": self.went_on,
            "lost": len(verdict.lost) - len(self.kept),
            "doubled": len(verdict.doubled) + len(verdict.foreign),
        }

    # The verdict

    def assert_exact(self, *, reconnects: bool | None = True) -> None:
        """Every word once, in order, at its time, saved as shown; nothing left behind.

        `reconnects`: whether the connection had to be replaced; `None`: may have been.
        """
        self.assert_all_is_said()
        assert self.last.state is State.ENDED, self.story()
        assert self.last.reason == ""
        assert self.last.progress.unsent == 0
        assert not self.happened(EventKind.GAP) + self.happened(EventKind.UNCONFIRMED)
        if reconnects is not None:
            assert bool(self.happened(EventKind.RECONNECTED)) is reconnects, self.story()
            assert bool(self.last.progress.reconnects) is reconnects
        assert self.record().summary.state is SessionState.COMPLETE
        assert self.spool == []

    def assert_all_is_said(self) -> None:
        """Every word once, in order, at its time, saved as shown."""
        assert self.text == self.said, f"{self.name}: {self.verdict}; {self.story()}"
        assert all(segment.settled for segment in self.shown)
        self._assert_times()
        assert_saved(self)

    def _assert_times(self) -> None:
        shown = self.shown
        starts = [segment.start for segment in shown]
        assert starts == sorted(starts)
        for segment in shown:
            assert segment.start <= segment.end
            timed = [word for word in segment.words if word.start is not None and _whole(word.text)]
            assert [word.start for word in timed] == [
                word_start(_number(word.text)) for word in timed
            ]
            assert not timed or segment.start == timed[0].start or not _whole(segment.words[0].text)


def assert_saved(trial: Trial) -> None:
    """The journal says what the feed said."""
    record = trial.record()
    saved = [(one.segment.key, one.segment.text, one.segment.start) for one in record.segments]
    assert saved == [(one.key, one.text, one.start) for one in trial.shown]
    assert [event.kind for event in record.events] == [event.kind for event in trial.events]


def _words(segment: Segment) -> list[str]:
    return segment.text.split()


def _whole(text: str) -> bool:
    return text.startswith("w") and text[1:].isdecimal()


def _start(text: str) -> int:
    return word_start(int(text[1:]))


def _number(text: str) -> int:
    """The second of a word; -1 for what is none."""
    return int(text[1:]) if _whole(text) else -1
