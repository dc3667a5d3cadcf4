"""The client's side of the `segments` protocol, without I/O: frames in, events out, and back."""

import json
from typing import Any

from tui.captions import SegmentUpdate, Word, clean, segment_key
from tui.captions.languages import language_code
from tui.wire.events import (
    Finished,
    ServerError,
    StateCleared,
    TraceEchoed,
    Unrecognised,
    Updated,
    WireEvent,
)
from tui.wire.fields import json_object, list_field, number_field, sample_field, text_field

FINAL = "final"
"""Checkpoint and trace id that end a stream."""


class SegmentsClient:
    """Reads and writes the messages of one connection.

    Ids and times of a connection start at 0: `epoch` and `origin`, the absolute sample index of
    the connection's first audio, make keys and times of the session of them.
    """

    def __init__(self, epoch: int, origin: int, language: str | None = None) -> None:
        """`language` is what was asked for: it stands where the server names none."""
        self.epoch = epoch
        """May be set as late as the first frame is received."""
        self._origin = origin
        self._language = language
        self._events = 0

    def receive(self, frame: str | bytes) -> list[WireEvent]:
        """The events of one frame from the server. Never raises, whatever the frame holds."""
        message = json_object(frame)
        if message is None:
            return [Unrecognised("not a JSON object")]
        events: list[WireEvent] = []
        if message.get("error"):
            events.append(_error(message["error"]))
        if "segments" in message:
            events += self._segments(message)
        if message.get("checkpoint_id") == FINAL:
            events.append(Finished())
        if (echo := _echo(message)) is not None:
            events.append(echo)
        return events or [Unrecognised("a message of an unknown kind")]

    def _segments(self, message: dict[str, Any]) -> list[WireEvent]:
        language = _language(message.get("language")) or self._language
        items = list_field(message["segments"])
        updates = [self._update(item, language) for item in items]
        known = tuple(update for update in updates if update is not None)
        events: list[WireEvent] = [Updated(known)]
        if len(known) < len(items):
            events.append(Unrecognised("a segment without id or text"))
        return events

    def _update(self, item: object, language: str | None) -> SegmentUpdate | None:
        if not isinstance(item, dict):
            return None
        raw_words = [word for word in list_field(item.get("words")) if isinstance(word, dict)]
        words = [word for word in map(self._word, raw_words) if word.text]
        key, text = segment_key(self.epoch, item.get("id")), item.get("text")
        if not isinstance(text, str):
            text = " ".join(word.text for word in words) or None
        if key is None or text is None:
            return None
        start = sample_field(item.get("start"), self._origin)
        end = sample_field(item.get("end"), self._origin)
        return SegmentUpdate(
            key=key,
            text=clean(text),
            start=start if start is not None else next(iter(words), Word("")).start,
            end=end if end is not None else next(reversed(words), Word("")).end,
            language=_language(item.get("language")) or language,
            words=tuple(words),
            final=_finality(raw_words),
        )

    def _word(self, item: dict[str, Any]) -> Word:
        probability = number_field(item.get("probability"))
        return Word(
            text=text_field(item.get("word")),
            start=sample_field(item.get("start"), self._origin),
            end=sample_field(item.get("end"), self._origin),
            probability=None if probability is None else min(max(probability, 0.0), 1.0),
        )

    def trace(self, trace_id: str) -> str:
        """A message that marks this point of the audio; echoed as `TraceEchoed`."""
        return self._message("stt.input.trace", trace_id=trace_id)

    def clear(self, reset_id: str) -> str:
        """A message that drops the context; answered by `StateCleared`."""
        return self._message("stt.state.clear", reset_id=reset_id)

    def finish(self) -> list[str]:
        """The end of the audio in both forms that servers know, answered by `Finished`."""
        return [json.dumps({"checkpoint_id": FINAL}), self.trace(FINAL)]

    def _message(self, kind: str, **fields: str) -> str:
        self._events += 1
        return json.dumps({"event_id": f"captty-{self._events}", "object": kind, **fields})


def _finality(words: list[dict[str, Any]]) -> bool | None:
    marks = [word["is_final"] for word in words if isinstance(word.get("is_final"), bool)]
    return all(marks) if marks else None


def _language(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return language_code(value) or clean(value.casefold(), 20) or None


def _error(error: object) -> ServerError:
    if isinstance(error, dict):
        message = text_field(error.get("message")) or text_field(error.get("detail"))
        return ServerError(message or "no reason given", text_field(error.get("code"), 100))
    return ServerError(text_field(error) or "no reason given")


def _echo(message: dict[str, Any]) -> WireEvent | None:
    match message.get("object"):
        case "stt.output.trace":
            trace_id = text_field(message.get("trace_id"))
            return Finished() if trace_id == FINAL else TraceEchoed(trace_id)
        case "stt.state.cleared":
            return StateCleared(text_field(message.get("reset_id")))
    return None
