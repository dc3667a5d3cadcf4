"""The lines of a session's record, as values and as bytes.

A line is one JSON object: version, sequence number, time and kind, then the fields of that kind,
and at last `crc`, the CRC-32 of the object without it.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from tui.captions import Segment, SegmentKey, Word, segment_key

VERSION = 1
"""Of the record's format."""

FOLDER = "sessions"
"""In the data folder: it holds a folder a session, named by the session's id."""
RECORD = "events.jsonl"
"""In a session's folder: its record."""
SPOOL = "spool"
"""In a session's folder: the folder of the audio that is still needed, raw PCM16 in `*.pcm`."""
RECORDING = "audio"
"""In a session's folder: the folder of what is kept to be listened to."""

T = TypeVar("T")

WordRow = tuple[str, int | None, int | None, float | None]
"""Text, start and end in absolute samples, probability."""


class SourceField(msgspec.Struct):
    """What the session listens to."""

    kind: str
    name: str


class OwnerField(msgspec.Struct):
    """The process that writes the record."""

    host: str
    pid: int


class SessionLine(msgspec.Struct):
    """The first line: what the session is."""

    id: str
    started_at: Annotated[datetime, msgspec.Meta(tz=True)]
    source: SourceField
    language: str | None
    server: str | None
    engine: str | None
    sample_rate: int
    captty: str
    """The version that wrote it."""
    owner: OwnerField


class SegmentLine(msgspec.Struct, omit_defaults=True):
    """One version of one segment."""

    epoch: int
    id: int | str
    """The segment's number, or its name."""
    text: str
    start: int
    """Absolute sample index, as is `end`."""
    end: int
    language: str | None = None
    settled: bool = False
    revision: int = 0
    timed: bool = False
    words: tuple[WordRow, ...] = ()
    """Of settled segments alone."""

    @classmethod
    def of(cls, segment: Segment) -> "SegmentLine":
        """The line of a segment as it stands."""
        key = segment.key
        rows = [(word.text, word.start, word.end, word.probability) for word in segment.words]
        return cls(
            epoch=key.epoch,
            id=key.name or key.number,
            text=segment.text,
            start=segment.start,
            end=segment.end,
            language=segment.language,
            settled=segment.settled,
            revision=segment.revision,
            timed=segment.timed,
            words=tuple(rows) if segment.settled else (),
        )

    def segment(self) -> Segment:
        """The segment as the line tells it."""
        return Segment(
            key=segment_key(self.epoch, self.id) or SegmentKey(self.epoch, 0, str(self.id)),
            text=self.text,
            start=self.start,
            end=self.end,
            language=self.language,
            words=tuple(Word(*row) for row in self.words),
            settled=self.settled,
            revision=self.revision,
            timed=self.timed,
        )


class EventLine(msgspec.Struct, omit_defaults=True):
    """What happened besides words."""

    kind: str
    sample: int
    """Absolute sample index, as is `until`."""
    text: str
    until: int | None = None
    """Behind its last sample, where it has a length."""


class EndLine(msgspec.Struct, omit_defaults=True):
    """The process closed the session; lines that follow open it again."""

    cause: str
    samples: int
    """How much audio the session heard."""
    complete: bool = True
    """Whether it ended as it should, and did not break off."""


Fields = SessionLine | SegmentLine | EventLine | EndLine

_KINDS: dict[type[Fields], str] = {
    SessionLine: "session",
    SegmentLine: "segment",
    EventLine: "event",
    EndLine: "end",
}
_DECODERS: dict[str, msgspec.json.Decoder[Fields]] = {
    kind: msgspec.json.Decoder(fields) for fields, kind in _KINDS.items()
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it was read."""

    at: float
    """Seconds since the session started, by a clock that never goes back."""
    fields: Fields | None
    """`None` for what this version of captty does not know."""


class _Head(msgspec.Struct):
    v: int
    n: int
    at: float
    k: str


_HEAD = msgspec.json.Decoder(_Head)


def encode(n: int, at: float, fields: Fields) -> bytes:
    """The bytes of a line, with its newline."""
    try:
        known = msgspec.json.encode(fields)
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8 form
        known = json.dumps(msgspec.to_builtins(fields), ensure_ascii=False).encode(errors="replace")
    head = f'{{"v":{VERSION},"n":{n},"at":{at:.3f},"k":"{_KINDS[type(fields)]}",'
    body = head.encode() + known[1:]
    return body[:-1] + _tail(body)


def completes(raw: bytes) -> bool:
    """Whether a raw line is one that ends a session as it should."""
    body = raw[:-_TAIL_LENGTH] + b"}"
    head = _decoded(_HEAD, body) if raw.endswith(_tail(body)) else None
    end = _decoded(_DECODERS["end"], body) if head and head.k == "end" else None
    return isinstance(end, EndLine) and end.complete


def _tail(body: bytes) -> bytes:
    return b',"crc":"%08x"}\n' % zlib.crc32(body)


_TAIL_LENGTH = len(_tail(b""))


class LineReader:
    """Reads the valid lines of a record: up to the first that is torn, damaged or out of order."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self.size = 0
        """Bytes of the valid lines that were read so far."""
        self.cut = False
        """Whether the last line is without its end; known after reading."""
        self.damaged = False
        """Whether a whole line was not valid, and nothing from it on was read; as above."""
        self.newer = False
        """Whether lines were of a later version of the format; as above."""

    def __iter__(self) -> Iterator[Line]:
        for number, raw in enumerate(self._lines):
            line = self._decoded(number, raw)
            if line is None:
                self.damaged = raw.endswith(b"\n")
                self.cut = not self.damaged
                return
            self.size += len(raw)
            yield line

    def _decoded(self, number: int, raw: bytes) -> Line | None:
        body = raw[:-_TAIL_LENGTH] + b"}"
        if raw[-_TAIL_LENGTH:] != _tail(body):
            return None
        head = _decoded(_HEAD, body)
        if head is None or head.n != number:
            return None
        decoder = _DECODERS.get(head.k)
        fields = _decoded(decoder, body) if decoder else None
        if head.v != VERSION:
            self.newer = True
        elif decoder and fields is None:
            return None
        return Line(head.at, fields)


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T | None:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
