"""The server's side of the `segments` protocol, without I/O: requests in, messages out."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tui.captions import SAMPLE_RATE, Segment, clean
from tui.captions.languages import language_code
from tui.wire.fields import json_object
from tui.wire.segments import FINAL

Tag = str | int | float
"""An id of the client's own, which comes back as it was sent."""
_LONGEST_TAG = 1000


@dataclass(frozen=True, slots=True)
class Options:
    """What a client asked for in the query of its URL. Unknown parameters mean nothing."""

    language: str | None = None
    """Language code; `None` asks for detection."""
    prompt: str = ""
    verbose: bool = False
    """`response_format=verbose_json`: words with their probability."""
    word_times: bool = False
    segment_times: bool = False

    @classmethod
    def parse(cls, query: Iterable[tuple[str, str]]) -> "Options":
        """Read the parameters of a query, repeated ones included.

        Raises `ValueError`, in a sentence for the client, where the language does not exist.
        """
        fields: dict[str, list[str]] = {}
        for name, value in query:
            fields.setdefault(name, []).append(value)
        granularities = _granularities(fields)
        return cls(
            language=_requested_language(_last(fields, "language")),
            prompt=clean(_last(fields, "prompt"), 2000),
            verbose=_last(fields, "response_format") == "verbose_json",
            word_times="word" in granularities,
            segment_times="segment" in granularities,
        )


def _last(fields: Mapping[str, Sequence[str]], name: str) -> str:
    return fields.get(name, [""])[-1]


def _granularities(fields: Mapping[str, Sequence[str]]) -> set[str]:
    names = ("timestamp_granularities", "timestamp_granularities[]")
    values = [value for name in names for value in fields.get(name, [])]
    return {part.strip() for value in values for part in value.split(",")}


def _requested_language(value: str) -> str | None:
    if not value.strip() or value.strip().casefold() == "auto":
        return None
    code = language_code(value)
    if code is None:
        raise ValueError(f"there is no language {clean(value, 40)!r}; use a code like en or de")
    return code


@dataclass(frozen=True, slots=True)
class Audio:
    """PCM signed 16-bit little-endian, 16 000 Hz, mono."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Trace:
    """Asks for an echo once all audio before it has been transcribed."""

    trace_id: Tag


@dataclass(frozen=True, slots=True)
class Finish:
    """No more audio comes; `reply` is the message that the client waits for."""

    reply: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Asks to drop the context."""

    reset_id: Tag


@dataclass(frozen=True, slots=True)
class Invalid:
    """A message that makes no sense, with the reason in a sentence for the client."""

    reason: str


ClientMessage = Audio | Trace | Finish | Clear | Invalid


def parse_client_message(frame: str | bytes) -> ClientMessage:
    """What a client's frame means. Never raises, whatever the frame holds."""
    if isinstance(frame, bytes):
        if len(frame) % 2:
            return Invalid("audio must be 16-bit PCM: the frame has an odd number of bytes")
        return Audio(frame)
    message = json_object(frame)
    if message is None:
        return Invalid("a text frame must be a JSON object")
    if message.get("checkpoint_id") == FINAL:
        return Finish(json.dumps({"checkpoint_id": FINAL}))
    match message.get("object"):
        case "stt.input.trace":
            trace_id = _tag(message.get("trace_id"))
            return Finish(trace_echo(FINAL)) if trace_id == FINAL else Trace(trace_id)
        case "stt.state.clear":
            return Clear(_tag(message.get("reset_id")))
    return Invalid(
        "unknown message; known are audio, checkpoint_id, stt.input.trace and stt.state.clear"
    )


def _tag(value: object) -> Tag:
    if isinstance(value, str) and len(value) <= _LONGEST_TAG:
        return value
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    return ""


def trace_echo(trace_id: Tag) -> str:
    """The message that says: all audio before this trace has been transcribed."""
    return _message("stt.output.trace", trace_id=trace_id)


def state_cleared(reset_id: Tag) -> str:
    """The message that says: the context has been dropped."""
    return _message("stt.state.cleared", reset_id=reset_id)


def error_message(message: str, code: str) -> str:
    """An error, in words and as a code."""
    return json.dumps({"error": {"message": message, "code": code}})


def segments_message(segments: Sequence[Segment], options: Options) -> str:
    """An update with the segments that are new or changed. Their times count from sample 0."""
    fields = [_segment_fields(segment, options) for segment in segments]
    message: dict[str, Any] = {"segments": fields}
    if options.verbose:
        language = next((segment.language for segment in segments if segment.language), None)
        text = " ".join(segment.text for segment in segments)
        message = {"task": "transcribe", "language": language, "text": text, **message}
    return json.dumps(message, ensure_ascii=False)


def _segment_fields(segment: Segment, options: Options) -> dict[str, Any]:
    fields: dict[str, Any] = {"id": str(segment.key.number), "text": segment.text}
    if options.segment_times:
        fields |= {"start": _seconds(segment.start), "end": _seconds(segment.end)}
    if segment.language:
        fields["language"] = segment.language
    if options.verbose or options.word_times:
        fields["words"] = _word_fields(segment, options)
    return fields


def _word_fields(segment: Segment, options: Options) -> list[dict[str, Any]]:
    rows = []
    for word in segment.words:
        row: dict[str, Any] = {"word": word.text, "is_final": segment.settled}
        if segment.language:
            row["language"] = segment.language
        if word.probability is not None:
            row["probability"] = round(word.probability, 4)
        if options.word_times and word.start is not None and word.end is not None:
            row |= {"start": _seconds(word.start), "end": _seconds(word.end)}
        rows.append(row)
    return rows


def _seconds(sample: int) -> float:
    return round(sample / SAMPLE_RATE, 3)


def _message(kind: str, **fields: Tag) -> str:
    return json.dumps({"event_id": uuid4().hex, "object": kind, **fields})
