"""Any frame whatever, from either side: nothing raised, nothing unclean let in."""

import json
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.captions import clean
from tui.wire.events import WireEvent
from tui.wire.segments import SegmentsClient
from tui.wire.segments_server import (
    Audio,
    Clear,
    Finish,
    Invalid,
    Options,
    Trace,
    parse_client_message,
)

TEXT = st.text(st.characters(codec=None, exclude_categories=()))
NUMBERS = st.sampled_from(
    [*(0, -1, 2**63, 2**64, 10**299, 10**400, -(10**40)), *(1e308, float("nan"), float("inf"))]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | NUMBERS | TEXT
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=12
)
KEY = st.sampled_from(["id", "text", "start", "end", "language", "words"])
WORD_KEY = st.sampled_from(["word", "probability", "is_final", "start", "end", "language"])
WORDS = JSON | st.lists(JSON | st.dictionaries(WORD_KEY, LEAVES, max_size=6), max_size=3)
SEGMENT = JSON | st.builds(
    lambda fields, words, number: {**fields, "id": number, "words": words},
    st.dictionaries(KEY, LEAVES, max_size=6),
    WORDS,
    LEAVES,
)
KINDS = st.sampled_from(
    ["stt.output.trace", "stt.state.cleared", "stt.input.trace", "stt.state.clear"]
)
MESSAGE = JSON | st.fixed_dictionaries(
    {},
    optional={
        "segments": JSON | st.lists(SEGMENT, max_size=3),
        "error": JSON,
        "language": LEAVES,
        "checkpoint_id": JSON | st.just("final"),
        "object": JSON | KINDS,
        "trace_id": JSON | st.just("final"),
        "reset_id": JSON,
    },
)
HOSTILE = [
    "[" * 100_000,
    '{"segments":' * 20_000,
    '{"segments": [' + "[" * 100_000,
    '{"segments": [{"id": ' + "9" * 5_000 + ', "text": "x"}]}',
    '{"segments": [{"id": 1, "text": "x", "start": ' + "9" * 5_000 + "}]}",
    '{"segments": [{"id": 1, "text": "x", "start": 1' + "0" * 400 + ".5}]}",
    '{"error": {"code": -' + "9" * 5_000 + "}}",
    '{"object": "stt.output.trace", "trace_id": ' + "9" * 5_000 + "}",
    '{"object": "stt.input.trace", "trace_id": ' + "9" * 5_000 + "}",
    '{"segments": [{"id": "\\ud800", "text": "\\udfff"}]}',
    '{"segments": [{"id": NaN, "text": "x", "start": Infinity, "end": -Infinity}]}',
    '{"segments": [], "segments": null}',
    '{"segments": null}',
    '{"a": 1',
    "\x00",
    "\ufeff{}",
    "\ud800",
]


def assert_clean(value: object) -> None:
    """Every text in an event or message has been cleaned, however deep it sits."""
    if isinstance(value, str):
        assert ascii(value) == ascii(clean(value))
    elif is_dataclass(value):
        for field in fields(value):
            assert_clean(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            assert_clean(item)


def assert_takes_it(frame: str | bytes) -> None:
    events = SegmentsClient(0, 0).receive(frame)
    assert events
    assert all(isinstance(event, WireEvent) for event in events)
    for event in events:
        assert_clean(event)
    said = parse_client_message(frame)
    if not isinstance(said, Audio):
        assert isinstance(said, Trace | Finish | Clear | Invalid)
        assert_clean(said)


@given(MESSAGE)
@example({"segments": [{"id": 10**299, "text": "x", "start": 10**299}]})
def test_any_json(message: object) -> None:
    assert_takes_it(json.dumps(message))


@given(st.text() | TEXT | st.binary())
def test_any_text_and_any_bytes(frame: str | bytes) -> None:
    assert_takes_it(frame)


@given(MESSAGE, st.data())
def test_any_torn_message(message: object, data: st.DataObject) -> None:
    frame = json.dumps(message)
    assert_takes_it(frame[: data.draw(st.integers(0, len(frame)))])


@pytest.mark.parametrize("frame", HOSTILE, ids=range(len(HOSTILE)))
def test_frames_made_to_hurt(frame: str) -> None:
    assert_takes_it(frame)
    assert_takes_it(frame.encode("utf-8", "surrogatepass"))


@given(st.lists(st.tuples(TEXT, TEXT) | st.tuples(st.just("language"), TEXT)))
def test_any_query(query: list[tuple[str, str]]) -> None:
    try:
        options = Options.parse(query)
    except ValueError as error:
        assert_clean(str(error))
    else:
        assert_clean(options)
