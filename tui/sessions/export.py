"""Sessions as subtitles, text and JSON."""

import json
import os
import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from tui.captions import SAMPLE_RATE, CapttyError, Event, EventKind, Segment, clean
from tui.sessions.cues import Cue, cues, note_cue, note_text
from tui.sessions.record import SessionRecord

EXPORT_FORMATS = ("srt", "vtt", "txt", "json")
"""What `export` can write."""

_LASTING = (EventKind.GAP, EventKind.RECONNECTED, EventKind.LANGUAGE, EventKind.SOURCE)
"""What is told for good."""
_PENDING = (EventKind.BROKEN, EventKind.UNCONFIRMED)
"""What is told until the session is taken up again: what is not made good then, is said anew."""

_FOR_SRT = str.maketrans("<>", "‹›")
_FOR_VTT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class ExportError(CapttyError):
    """An export that cannot be written."""


def export(record: SessionRecord, file_format: str) -> str:
    """The session in one of `EXPORT_FORMATS`. Raises `ExportError` for any other."""
    match file_format:
        case "srt":
            numbered = enumerate(_session_cues(record), 1)
            return "".join(srt_cue(number, cue) for number, cue in numbered)
        case "vtt":
            numbered = enumerate(_session_cues(record), 1)
            return vtt_header() + "".join(vtt_cue(number, cue) for number, cue in numbered)
        case "txt":
            return "".join(map(text_line, _items(record)))
        case "json":
            return json.dumps(record.to_json(), indent=2, ensure_ascii=False) + "\n"
    raise ExportError(
        f'captty cannot export to "{clean(file_format, 20)}": '
        f"choose one of {', '.join(EXPORT_FORMATS)}"
    )


def srt_cue(number: int, cue: Cue) -> str:
    """A cue of a SubRip file, numbered from 1, with the blank line behind it."""
    text = "\n".join(line.replace("-->", "→").translate(_FOR_SRT) for line in cue.lines)
    return f"{number}\n{_timestamp(cue.start, ',')} --> {_timestamp(cue.end, ',')}\n{text}\n\n"


def vtt_header() -> str:
    """What stands before the first cue of a WebVTT file."""
    return "WEBVTT\n\n"


def vtt_cue(number: int, cue: Cue) -> str:
    """A cue of a WebVTT file with `number` for its id, and the blank line behind it."""
    text = "\n".join(line.translate(_FOR_VTT) for line in cue.lines)
    return f"{number}\n{_timestamp(cue.start, '.')} --> {_timestamp(cue.end, '.')}\n{text}\n\n"


def text_line(item: Segment | Event) -> str:
    """A line of a text file: time and text."""
    match item:
        case Segment():
            return f"[{_clock(item.start)}] {clean(item.text)}\n"
        case Event():
            return f"[{_clock(item.at)}] {note_text(item)}\n"


def write_atomically(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises `ExportError`, also where it would replace text."""
    name = clean(str(path), 300)
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", errors="replace")  # a device, a named pipe
            return
        if path.exists() and path.stat().st_size:
            raise ExportError(f"{name} exists and is not empty: choose another name or remove it")
        _replace(path.resolve(), text)
    except OSError as error:
        raise ExportError(
            f"{name} cannot be written: {error.strerror or error}; choose another place"
        ) from error


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".captty-{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("x", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _items(record: SessionRecord) -> Iterator[Segment | Event]:
    """Segments in reading order, and between them what readers have to know of the words there."""
    notes = deque(_notes(record.events))
    for recorded in record.segments:
        while notes and notes[0].at <= recorded.segment.start:
            yield notes.popleft()
        yield recorded.segment
    yield from notes


def _notes(events: Sequence[Event]) -> list[Event]:
    """Where words may be missing or differ, and the language: the rest concerns no reader."""
    recovered = [n for n, event in enumerate(events) if event.kind is EventKind.RECOVERED]
    since = recovered[-1] if recovered else 0
    noted = [event for event in events if event.kind in _LASTING]
    noted += [event for event in events[since:] if event.kind in _PENDING]
    return sorted(noted, key=lambda event: event.at)


def _session_cues(record: SessionRecord) -> Iterator[Cue]:
    items = list(_items(record))
    after = 0
    for item, before in zip(items, _limits(items), strict=True):
        if isinstance(item, Segment):
            found = cues(item, after, before, record.summary.language)
        else:
            found = [note_cue(item, after, before)]
        yield from found
        after = found[-1].end if found else after


def _limits(items: Sequence[Segment | Event]) -> list[int | None]:
    """Where the cues of each item shall end: a note cuts no segment short, it waits for its end."""
    limits: list[int | None] = []
    following: int | None = None
    segment: int | None = None
    for item in reversed(items):
        if isinstance(item, Event):
            limits.append(following)
            following = item.at
        else:
            end = item.end if segment is None else min(item.end, segment)
            limits.append(None if following is None else max(following, end))
            following = segment = item.start
    return limits[::-1]


def _timestamp(sample: int, point: str) -> str:
    seconds, milliseconds = divmod((sample * 1000 + SAMPLE_RATE // 2) // SAMPLE_RATE, 1000)
    return f"{_clock(seconds * SAMPLE_RATE)}{point}{milliseconds:03d}"


def _clock(sample: int) -> str:
    minutes, seconds = divmod(max(sample, 0) // SAMPLE_RATE, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
