"""A session as it was recorded."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from tui.captions import SAMPLE_RATE, Event, EventKind, Segment, clean
from tui.sessions.lines import EndLine, EventLine, Line, SegmentLine, SessionLine


class SessionState(StrEnum):
    """How a session stands."""

    COMPLETE = "complete"
    """It was closed in order."""
    LIVE = "live"
    """A process is writing it."""
    INTERRUPTED = "interrupted"
    """It broke off, or its process ended before it could close it."""
    UNREADABLE = "unreadable"
    """It is there, but reading it failed: nothing is known of it."""


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """What a list says about a session."""

    id: str
    started_at: datetime
    """UTC."""
    source: str
    """Name of what it listened to."""
    language: str | None
    server: str | None
    engine: str | None
    state: SessionState
    seconds: float
    """Length of its audio as far as it is known."""
    segments: int
    """How many hold text."""
    unfinished: float = 0.0
    """Seconds of audio that an interrupted session left behind to be captioned."""

    def to_json(self) -> dict[str, Any]:
        """The object that scripts get in a list."""
        started_at = self.started_at.astimezone(UTC).isoformat(timespec="milliseconds")
        return {
            "id": self.id,
            "started_at": started_at.replace("+00:00", "Z"),
            "source": clean(self.source),
            "language": _clean_or_none(self.language),
            "server": _clean_or_none(self.server),
            "engine": _clean_or_none(self.engine),
            "state": str(self.state),
            "seconds": self.seconds,
            "segments": self.segments,
            "unfinished": self.unfinished,
        }


@dataclass(frozen=True, slots=True)
class Revision:
    """An earlier version of a segment."""

    at_seconds: float
    """When it was recorded, in seconds since the session started."""
    text: str

    def to_json(self) -> dict[str, Any]:
        """The object that scripts get."""
        return {"at": self.at_seconds, "text": clean(self.text)}


@dataclass(frozen=True, slots=True)
class RecordedSegment:
    """A segment as it stood at the end."""

    segment: Segment
    revisions: list[Revision] = field(default_factory=list)
    """What it said before, oldest first."""

    def to_json(self) -> dict[str, Any]:
        """The object that scripts get; times in seconds."""
        return {
            "start": self.segment.start / SAMPLE_RATE,
            "end": self.segment.end / SAMPLE_RATE,
            "text": clean(self.segment.text),
            "language": _clean_or_none(self.segment.language),
            "revisions": [revision.to_json() for revision in self.revisions],
        }


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """Everything that is known of a session."""

    summary: SessionSummary
    segments: list[RecordedSegment]
    """In reading order, without retracted ones."""
    events: list[Event]
    """In the order in which they happened."""
    epochs: int
    """How many connections had segments, retracted ones included: the epoch of the next one."""
    samples: int
    """Length of its audio as far as it is known."""
    damage: str | None = None
    """One sentence where the record holds more than could be read."""
    needed_from: int = 0
    """The absolute sample index from which audio may hold words that are not here."""

    def to_json(self) -> dict[str, Any]:
        """The summary's object with all segments and events; times in seconds."""
        return self.summary.to_json() | {
            "segments": [segment.to_json() for segment in self.segments],
            "events": [_event_json(event) for event in self.events],
        }


_UNTIMED_LAG = 30 * SAMPLE_RATE
"""How far behind the audio that it was sent a server is, at most, that tells no times."""

_Id = tuple[int, int | str]
"""Epoch and id of a segment, as they are written."""


class RecordBuilder:
    """Puts a session together from the lines of its record."""

    def __init__(self, session_id: str) -> None:
        self._id = session_id
        self._header: SessionLine | None = None
        self._newest: dict[_Id, SegmentLine] = {}
        self._versions: dict[_Id, list[Revision]] = {}
        self._events: list[Event] = []
        self._end: EndLine | None = None
        """The newest line, where it is one that ends the session."""
        self._heard = 0

    def take(self, line: Line) -> None:
        """Take the next line; what this version of captty does not know is left out."""
        self._end = None
        match line.fields:
            case SessionLine() as header:
                self._header = self._header or header
            case SegmentLine() as segment:
                self._take_segment(line.at, segment)
            case EventLine() as event if event.kind in _EVENT_KINDS:
                self._events.append(_event(event))
            case EndLine() as end:
                self._end = end
                self._heard = max(self._heard, end.samples)

    def _take_segment(self, at: float, segment: SegmentLine) -> None:
        key = (segment.epoch, segment.id)
        newest = self._newest.get(key)
        if newest is None or newest.text != segment.text:
            self._versions.setdefault(key, []).append(Revision(at, segment.text))
        self._newest[key] = segment

    def summary(self, live: bool) -> SessionSummary | None:
        """What a list says; `None` where the first line was not among the lines taken."""
        if (header := self._header) is None:
            return None
        return SessionSummary(
            id=self._id,
            started_at=header.started_at.astimezone(UTC),
            source=header.source.name,
            language=header.language,
            server=header.server,
            engine=header.engine,
            state=self._state(live),
            seconds=self._samples() / SAMPLE_RATE,
            segments=len(self._shown()),
        )

    @property
    def covered(self) -> int:
        """The absolute sample index up to which audio is settled text, or is known to hold none."""
        settled = [line.end for line in self._newest.values() if line.settled and line.timed]
        waiting = [event.at for event in self._events if event.kind is EventKind.UNCONFIRMED]
        return max([0, *settled, *waiting[-1:]])

    @property
    def needed_from(self) -> int:
        """The absolute sample index from which audio may hold words that no line tells.

        Where no audio waits beside the record, nobody but the record knows.
        """
        if self._end is not None and not self._left_open(self._end.samples):
            return self._end.samples
        untimed = [line.end for line in self._newest.values() if line.settled and not line.timed]
        return max([self.covered, *(end - _UNTIMED_LAG for end in untimed)])

    def _left_open(self, end: int) -> bool:
        """Whether there is a word on audio up to `end` that was not captioned."""
        kinds = (EventKind.UNCONFIRMED, EventKind.GAP)
        return any(event.kind in kinds and (event.until or 0) >= end for event in self._events)

    def record(self, summary: SessionSummary, damage: str | None) -> SessionRecord:
        """Everything."""
        segments = [
            RecordedSegment(
                self._newest[key].segment(),
                [version for version in self._versions[key][:-1] if version.text],
            )
            for key in self._shown()
        ]
        segments.sort(key=lambda recorded: recorded.segment.key)
        epochs = max((epoch for epoch, _ in self._newest), default=-1) + 1
        return SessionRecord(
            summary, segments, self._events, epochs, self._samples(), damage, self.needed_from
        )

    def _shown(self) -> list[_Id]:
        return [key for key, segment in self._newest.items() if segment.text]

    def _state(self, live: bool) -> SessionState:
        if self._end is not None and self._end.complete:
            return SessionState.COMPLETE
        return SessionState.LIVE if live else SessionState.INTERRUPTED

    def _samples(self) -> int:
        if self._end is not None:
            return max(self._end.samples, 0)
        ends = [self._newest[key].end for key in self._shown()]
        ends += [max(event.at, event.until or 0) for event in self._events]
        return max(0, self._heard, *ends)


_EVENT_KINDS = frozenset(EventKind)


def _event(line: EventLine) -> Event:
    return Event(EventKind(line.kind), line.sample, line.text, line.until)


def _event_json(event: Event) -> dict[str, Any]:
    return {
        "kind": str(event.kind),
        "at": event.at / SAMPLE_RATE,
        "until": None if event.until is None else event.until / SAMPLE_RATE,
        "text": clean(event.text),
    }


def _clean_or_none(text: str | None) -> str | None:
    return None if text is None else clean(text)
