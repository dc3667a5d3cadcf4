"""What a live session tells its watcher, coalesced so that one who stalls costs nothing."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from tui.audio.level import Level
from tui.captions import SAMPLE_RATE, Event, Segment, SegmentKey, length_text

log = logging.getLogger(__name__)


class State(StrEnum):
    """What a session is doing, as a word."""

    STARTING = "starting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    """No connection: audio is kept until there is one again; the reason says why."""
    NO_SOUND = "no sound"
    """The source gives nothing, and may give sound again; `Snapshot.silence` says why."""
    PAUSED = "paused"
    """No audio comes until the user resumes; where there is no connection, the reason says why."""
    FINISHING = "finishing"
    """No more audio; the server still works on what it has."""
    ENDED = "ended"
    FAILED = "failed"
    """It broke off; the reason says why."""

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self in (State.ENDED, State.FAILED)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a session has come, in absolute sample indexes."""

    captured: int = 0
    sent: int = 0
    confirmed: int = 0
    """The server has transcribed everything before this sample."""
    total: int | None = None
    """The index behind the source's last sample, where it is known."""
    lag: float | None = None
    """Age of the newest text when it arrived, in seconds."""
    reconnects: int = 0
    """How often a connection was replaced."""

    @property
    def unsent(self) -> float:
        """Seconds of audio that still wait to be sent."""
        return (self.captured - self.sent) / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A session as it stands, with what changed since the last look."""

    state: State = State.STARTING
    reason: str = ""
    """One sentence on why it failed, ended early or has no connection; else empty."""
    attempt: int = 0
    """Which try to connect again this is, from 1; 0 while there is a connection."""
    language: str | None = None
    """Code of the language that is recognised now; `None` where the server detects it."""
    session_id: str = ""
    """Empty as long as, or where, nothing is saved."""
    unfinished: float = 0.0
    """Seconds of audio that no server has confirmed, kept to be finished after the end."""
    trouble: str = ""
    """One sentence while text or recording cannot be saved."""
    silence: str = ""
    """One sentence while no sound comes from the source."""
    recording: bool = False
    """Whether the audio is kept to be listened to."""
    server: str = ""
    engine: str = ""
    progress: Progress = Progress()
    level: Level | None = None
    """The newest, with the highest peak since the last look; `None` while no audio comes."""
    segments: tuple[Segment, ...] = ()
    """The newest form of each segment that changed since the last look, in reading order."""
    events: tuple[Event, ...] = ()
    """What happened since the last look."""


class Feed:
    """The newest facts of a session, written by its thread and taken by one watcher.

    `wake` is called, on the session's thread, once there is something to take, and not again until
    it was taken: a watcher that stalls finds the present when it returns.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._snapshot = Snapshot()
        self._segments: dict[SegmentKey, Segment] = {}
        self._events: list[Event] = []
        self._level: Level | None = None
        self._awake = False

    def state(self, state: State, reason: str = "", attempt: int = 0) -> None:
        """The session has come into another state."""
        with self._lock:
            self._snapshot = replace(self._snapshot, state=state, reason=reason, attempt=attempt)
        self._notify()

    def language(self, language: str | None) -> None:
        """Another language is recognised."""
        with self._lock:
            self._snapshot = replace(self._snapshot, language=language)
        self._notify()

    def about(self, *, server: str, engine: str) -> None:
        """The session has a server."""
        with self._lock:
            self._snapshot = replace(self._snapshot, server=server, engine=engine)
        self._notify()

    def saved(self, session_id: str) -> None:
        """The session has a record, or none any more where the id is empty."""
        with self._lock:
            self._snapshot = replace(self._snapshot, session_id=session_id)
        self._notify()

    def unfinished(self, seconds: float) -> None:
        """So much audio is kept to be finished."""
        with self._lock:
            self._snapshot = replace(self._snapshot, unfinished=seconds)
        self._notify()

    def trouble(self, trouble: str) -> None:
        """Text cannot be saved, or can again where the sentence is empty."""
        with self._lock:
            self._snapshot = replace(self._snapshot, trouble=trouble)
        self._notify()

    def silence(self, sentence: str) -> None:
        """No sound comes, or does again where the sentence is empty."""
        with self._lock:
            self._snapshot = replace(self._snapshot, silence=sentence)
        self._notify()

    def recording(self, recording: bool) -> None:
        """The audio is kept from now on, or is not any more."""
        with self._lock:
            self._snapshot = replace(self._snapshot, recording=recording)
        self._notify()

    def progress(self, progress: Progress, level: Level | None) -> None:
        """Audio has moved on."""
        with self._lock:
            self._snapshot = replace(self._snapshot, progress=progress)
            self._level = _loudest(self._level, level)
        self._notify()

    def changed(self, segments: list[Segment]) -> None:
        """Segments are new, revised, settled or retracted."""
        with self._lock:
            self._segments.update((segment.key, segment) for segment in segments)
        self._notify()

    def happened(self, event: Event) -> None:
        """Something happened besides words."""
        with self._lock:
            self._events.append(event)
        self._notify()

    def take(self) -> Snapshot:
        """The session as it stands; what it reports as changed is not reported again."""
        with self._lock:
            self._awake = False
            segments = tuple(self._segments[key] for key in sorted(self._segments))
            events, level = tuple(self._events), self._level
            self._segments, self._events, self._level = {}, [], None
            return replace(self._snapshot, segments=segments, events=events, level=level)

    def _notify(self) -> None:
        with self._lock:
            if self._awake:
                return
            self._awake = True
        try:
            self._wake()
        except Exception:  # a watcher that dies takes no session along
            log.exception("the watcher could not be woken")


def saved_as(end: Snapshot) -> str:
    """Where a session that is over is to be found, and what is missing in it."""
    if not end.unfinished:
        return f"saved as {end.session_id}"
    return (
        f"saved as {end.session_id}; the last {length_text(end.unfinished)} are not confirmed: "
        f"captty sessions finish {end.session_id} completes them"
    )


def _loudest(before: Level | None, level: Level | None) -> Level | None:
    if before is None or level is None:
        return level
    peak = max(before.peak_dbfs, level.peak_dbfs)
    return Level(level.rms_dbfs, peak, clipped=before.clipped or level.clipped)
