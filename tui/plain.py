"""Captions line by line, without a screen and without escape sequences."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Protocol, TextIO

from tui.audio.ballistics import Ballistics, Fault, sound_advice
from tui.audio.level import Level
from tui.audio.source import MONITOR, SourceInfo
from tui.captions import SAMPLE_RATE, EventKind, Segment, SegmentKey
from tui.live.feed import Snapshot, State
from tui.live.session import LiveSession
from tui.sessions.cues import Cue, cues, note_text
from tui.sessions.export import srt_cue, text_line, vtt_cue, vtt_header

_TOLD = (EventKind.RECONNECTED, EventKind.LANGUAGE, EventKind.GAP, EventKind.SOURCE)


class CaptionFormat(Protocol):
    """Settled segments as text."""

    def header(self) -> str:
        """What stands before the first caption."""
        ...

    def caption(self, segment: Segment) -> str:
        """One segment, line end included."""
        ...

    def correction(self, segment: Segment) -> str:
        """A segment that was written before and says something else now."""
        ...


class TextLines:
    """One line a segment, with the time in front where wanted."""

    def __init__(self, *, times: bool) -> None:
        self._times = times

    def header(self) -> str:
        """Nothing."""
        return ""

    def caption(self, segment: Segment) -> str:
        """`[00:00:07] text`, or the text alone."""
        return text_line(segment) if self._times else f"{segment.text}\n"

    def correction(self, segment: Segment) -> str:
        """`[corrected 00:00:07] text`; lines that were printed stay."""
        return text_line(segment).replace("[", "[corrected ", 1)


class JsonLines:
    """One JSON object a segment."""

    def __init__(self, source: str) -> None:
        self._source = source

    def header(self) -> str:
        """Nothing."""
        return ""

    def caption(self, segment: Segment) -> str:
        """`source`, `id`, `start` and `end` in seconds, `text`, `language`."""
        fields = {
            "source": self._source,
            "id": _id(segment.key),
            "start": round(segment.start / SAMPLE_RATE, 3),
            "end": round(segment.end / SAMPLE_RATE, 3),
            "text": segment.text,
            "language": segment.language,
        }
        return json.dumps(fields, ensure_ascii=False) + "\n"

    def correction(self, segment: Segment) -> str:
        """The object again, under the same id."""
        return self.caption(segment)


class Subtitles:
    """SRT or WebVTT, cue by cue."""

    def __init__(self, write: Callable[[int, Cue], str], header: str = "") -> None:
        self._write = write
        self._header = header
        self._number = 0
        self._end = 0

    def header(self) -> str:
        """What the format begins with."""
        return self._header

    def caption(self, segment: Segment) -> str:
        """The segment's cues, none of which begins before the last one has ended."""
        text = ""
        for cue in cues(segment, self._end):
            self._number += 1
            self._end = cue.end
            text += self._write(self._number, cue)
        return text

    def correction(self, segment: Segment) -> str:
        """Nothing: a cue that was written cannot be taken back; the session has the correction."""
        return ""


def caption_format(name: str, source: str = "") -> CaptionFormat:
    """The format that `text`, `lines`, `jsonl`, `srt` or `vtt` names, for a source's captions."""
    formats: dict[str, Callable[[], CaptionFormat]] = {
        "text": lambda: TextLines(times=False),
        "lines": lambda: TextLines(times=True),
        "jsonl": lambda: JsonLines(source),
        "srt": lambda: Subtitles(srt_cue),
        "vtt": lambda: Subtitles(vtt_cue, vtt_header()),
    }
    return formats[name]()


class CaptionPrinter:
    """Writes each segment once, when it and all before it have settled."""

    def __init__(self, captions: CaptionFormat, out: TextIO) -> None:
        self._captions = captions
        self._out = out
        self._waiting: dict[SegmentKey, Segment] = {}
        self._written: dict[SegmentKey, str] = {}
        self._out.write(captions.header())

    def take(self, segments: tuple[Segment, ...]) -> None:
        """Take segments that changed; write what can be written."""
        for segment in segments:
            if segment.key not in self._written:
                self._waiting[segment.key] = segment
            elif segment.text != self._written[segment.key]:
                self._written[segment.key] = segment.text
                self._out.write(self._captions.correction(segment))
        for key in sorted(self._waiting):
            if not (self._waiting[key].settled or self._waiting[key].retracted):
                break
            self._write(self._waiting.pop(key))
        self._out.flush()

    def end(self) -> None:
        """Write what will not settle any more."""
        for key in sorted(self._waiting):
            self._write(self._waiting.pop(key))
        self._out.flush()

    def _write(self, segment: Segment) -> None:
        if not segment.retracted:
            self._written[segment.key] = segment.text
            self._out.write(self._captions.caption(segment))


class Reporter:
    """Tells on standard error what happens besides words."""

    def __init__(self, source: SourceInfo | None = None) -> None:
        """Of a microphone, `source`, it also tells what is wrong with the sound."""
        self._kind = source.kind if source else ""
        if source and source.name.startswith(MONITOR):
            self._kind = "monitor"
        self._ballistics: Ballistics | None = None
        self._fault = Fault.NONE
        self._offline = False
        self._silence = ""

    def take(self, snapshot: Snapshot) -> None:
        """Tell what is new."""
        waiting = snapshot.state is State.STARTING or snapshot.state.over
        offline = bool(snapshot.attempt) and not waiting
        if offline and not self._offline:
            self._tell(f"no connection, nothing is lost, captty tries again: {snapshot.reason}")
        self._offline = offline
        if snapshot.silence and snapshot.silence != self._silence:
            self._tell(snapshot.silence)
        self._silence = snapshot.silence
        if snapshot.level and snapshot.state is State.LIVE:
            self._listen(snapshot.level, snapshot.progress.captured)
        for event in snapshot.events:
            if event.kind in _TOLD:
                self._tell(note_text(event))
            elif event.kind is EventKind.ERROR:
                self._tell(event.text)

    def _listen(self, level: Level, at: int) -> None:
        """Tell of a fault of the sound when it begins."""
        self._ballistics = self._ballistics or Ballistics(level, at)
        fault = self._ballistics.read(level, at).fault
        if fault is not self._fault and (advice := sound_advice(fault, self._kind)):
            self._tell(advice)
        self._fault = fault

    def _tell(self, words: str) -> None:
        with suppress(OSError):
            print(words, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session came to its end."""

    snapshot: Snapshot
    """The session's last state."""
    signal: int | None = None
    """The signal that ended it."""


def run_plain(
    open_session: Callable[[Callable[[], None]], LiveSession], format_: str, out: TextIO
) -> Ending:
    """Run a session to its end and write its captions to `out`, in a format of `caption_format`.

    The first ctrl+c ends the capture and waits for the last words; a second one, SIGTERM and
    SIGHUP end at once, with what there is saved. Raises `OSError` where `out` cannot be written
    to.
    """
    news = threading.Event()
    session = open_session(news.set)
    captions = caption_format(format_, session.source.info.name)
    printer, reporter = CaptionPrinter(captions, out), Reporter(session.source.info)
    with _signals(session) as received:
        try:
            session.start()
            _until_over(session, news, printer, reporter, received)
        finally:
            session.close()
    last = session.feed.take()
    printer.take(last.segments)
    printer.end()
    reporter.take(last)
    return Ending(last, received[0] if received else None)


def _until_over(
    session: LiveSession,
    news: threading.Event,
    printer: CaptionPrinter,
    reporter: Reporter,
    received: list[int],
) -> None:
    while True:
        news.wait(timeout=0.5)  # a signal is noticed between two waits
        news.clear()
        snapshot = session.feed.take()
        printer.take(snapshot.segments)
        reporter.take(snapshot)
        if snapshot.state.over or _at_once(received):
            return


def _at_once(received: list[int]) -> bool:
    return len(received) > 1 or any(number != signal.SIGINT for number in received)


@contextmanager
def _signals(session: LiveSession) -> Iterator[list[int]]:
    """The signals that came; the first ctrl+c stops the session gracefully."""
    received: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if number == signal.SIGINT and len(received) == 1:
            print("\nwaiting for the last words; ctrl+c again ends at once", file=sys.stderr)
            session.stop()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, receive) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _id(key: SegmentKey) -> int | str:
    return key.name or key.number
