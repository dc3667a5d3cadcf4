"""Sessions to test with."""

import json
from pathlib import Path
from typing import Any

from tui.captions import SAMPLE_RATE, Event, EventKind, Segment, SegmentKey, Word
from tui.sessions.journal import Journal, SessionHeader
from tui.sessions.lines import FOLDER, SPOOL

HEADER = SessionHeader(
    source_kind="file",
    source_name="talk.wav",
    language="en",
    server="ws://127.0.0.1:9090/v1",
    engine="pocketsphinx",
    version="0.1.0",
)


def segment(
    number: int,
    text: str,
    start: float = 0.0,
    end: float = 1.0,
    *,
    epoch: int = 0,
    settled: bool = True,
    words: tuple[Word, ...] = (),
    language: str | None = None,
) -> Segment:
    """A segment whose times are given in seconds."""
    return Segment(
        SegmentKey(epoch, number),
        text,
        round(start * SAMPLE_RATE),
        round(end * SAMPLE_RATE),
        language=language,
        words=words,
        settled=settled,
    )


def event(kind: EventKind, at: float, text: str = "", until: float | None = None) -> Event:
    """An event whose times are given in seconds."""
    last = None if until is None else round(until * SAMPLE_RATE)
    return Event(kind, round(at * SAMPLE_RATE), text, last)


def record_path(root: Path, session_id: str) -> Path:
    """Where a session's record is."""
    return root / "sessions" / session_id / "events.jsonl"


def spool(root: Path, session_id: str, *seconds: float) -> None:
    """Leave audio in a session's spool: one file for each length."""
    folder = root / FOLDER / session_id / SPOOL
    folder.mkdir()
    at = 0
    for length in seconds:
        samples = round(length * SAMPLE_RATE)
        (folder / f"{at:012}.pcm").write_bytes(bytes(2 * samples))
        at += samples


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a record as anybody's JSON reader sees them."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def talk(root: Path) -> Journal:
    """A session with revisions, words, a retraction, an event and several scripts; not closed."""
    journal = Journal.create(root, HEADER)
    journal.write_event(event(EventKind.CONNECTED, 0, "127.0.0.1"))
    journal.write_segment(segment(9, "the quick", 0.5, 1.0, settled=False))
    journal.write_segment(segment(9, "the quick brown", 0.5, 1.5, settled=False))
    fox = (Word("the", 8000, 9000, 0.9), Word("fox", 9000, 24000), Word("ran"))
    journal.write_segment(segment(9, "the fox ran", 0.5, 2.0, words=fox, language="en"))
    journal.write_segment(segment(10, "noise", 2.0, 2.5, settled=False))
    journal.write_segment(segment(10, "", 2.0, 2.5))
    journal.write_event(event(EventKind.BROKEN, 2.5, "the server went away"))
    journal.write_segment(segment(0, "天気がいい", 3.0, 4.0, epoch=1, language="ja"))
    return journal
