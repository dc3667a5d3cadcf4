"""The client's side of the `segments` protocol: each message that servers send and expect."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captions import SegmentKey, SegmentUpdate, Transcript, Word
from tui.wire.events import (
    Finished,
    ServerError,
    StateCleared,
    TraceEchoed,
    Unrecognised,
    Updated,
    WireEvent,
)
from tui.wire.segments import SegmentsClient

ORIGIN = 16_000


@pytest.fixture
def client() -> SegmentsClient:
    return SegmentsClient(epoch=2, origin=ORIGIN)


def receive(client: SegmentsClient, **message: object) -> Sequence[WireEvent]:
    return client.receive(json.dumps(message))


def only_update(events: Sequence[WireEvent]) -> SegmentUpdate:
    [event] = events
    assert isinstance(event, Updated)
    [update] = event.updates
    return update


def test_the_notebooks_message(client: SegmentsClient) -> None:
    segments = [{"id": "0", "text": "This is the first"}, {"id": "1", "text": "the second"}]
    assert receive(client, segments=segments) == [
        Updated(
            (
                SegmentUpdate(SegmentKey(2, 0), "This is the first"),
                SegmentUpdate(SegmentKey(2, 1), "the second"),
            )
        )
    ]


def test_everything_a_server_tells_of_a_segment(client: SegmentsClient) -> None:
    words = [
        {
            "word": " Hello",
            "language": "en",
            "probability": 0.75,
            "hallucination_score": 0.1,
            "is_final": True,
            "start": 0.5,
            "end": 1.0,
        },
        {"word": "you", "probability": 7, "is_final": True, "start": "1.0", "end": 1.25},
    ]
    segment = {"id": 7, "text": " Hello  you", "start": 0.5, "end": 1.25, "words": words}
    events = receive(
        client, task="transcribe", language="English", text="…", words=[], segments=[segment]
    )
    assert only_update(events) == SegmentUpdate(
        SegmentKey(2, 7),
        "Hello you",
        start=ORIGIN + 8_000,
        end=ORIGIN + 20_000,
        language="en",
        words=(
            Word("Hello", ORIGIN + 8_000, ORIGIN + 16_000, 0.75),
            Word("you", ORIGIN + 16_000, ORIGIN + 20_000, 1.0),
        ),
        final=True,
    )


def test_times_of_words_stand_in_for_those_of_the_segment(client: SegmentsClient) -> None:
    words = [{"word": "a", "start": 1, "end": 2}, {"word": "b", "start": 2, "end": 3}]
    update = only_update(receive(client, segments=[{"id": 0, "text": "a b", "words": words}]))
    assert (update.start, update.end) == (ORIGIN + 16_000, ORIGIN + 48_000)


@pytest.mark.parametrize(
    ("marks", "final"),
    [
        ([True, True], True),
        ([True, False], False),
        ([False], False),
        ([], None),
        ([None, "yes"], None),
        ([True, None], True),
    ],
)
def test_a_segment_is_final_when_all_its_words_are(
    client: SegmentsClient, marks: list[object], final: bool | None
) -> None:
    words = [{"word": "w", "is_final": mark} for mark in marks]
    update = only_update(receive(client, segments=[{"id": 0, "text": "w", "words": words}]))
    assert update.final is final


@pytest.mark.parametrize(
    ("own", "of_message", "expected"),
    [
        ("en", None, "en"),
        (None, "GERMAN", "de"),
        ("fr", "de", "fr"),
        ("en-US", None, "en"),
        ("zh-Hant", None, "zh-hant"),
        ("tlh\x1b", None, "tlh"),
        ("", None, None),
        (7, ["en"], None),
    ],
)
def test_languages(client: SegmentsClient, own: object, of_message: object, expected: str) -> None:
    segment = {"id": 0, "text": "w", "language": own}
    update = only_update(receive(client, segments=[segment], language=of_message))
    assert update.language == expected


def test_an_empty_text_retracts(client: SegmentsClient) -> None:
    assert only_update(receive(client, segments=[{"id": 0, "text": " \x00"}])).text == ""


def test_words_stand_in_for_a_missing_text(client: SegmentsClient) -> None:
    words = [{"word": "Hello"}, {"word": 7}, {"word": None}]
    assert only_update(receive(client, segments=[{"id": 0, "words": words}])).text == "Hello 7"


@pytest.mark.parametrize(
    "broken", [None, 7, [], {}, {"id": 1}, {"text": "x"}, {"id": None, "text": "x"}, {"id": 1.5}]
)
def test_good_segments_come_through_beside_broken_ones(
    client: SegmentsClient, broken: object
) -> None:
    good = {"id": 3, "text": "good"}
    updated, complaint = receive(client, segments=[broken, good, broken])
    assert updated == Updated((SegmentUpdate(SegmentKey(2, 3), "good"),))
    assert isinstance(complaint, Unrecognised)


def test_a_number_longer_than_python_reads_spoils_its_segment_alone(client: SegmentsClient) -> None:
    frame = f'{{"segments": [{{"id": {"9" * 5_000}, "text": "x"}}, {{"id": 3, "text": "good"}}]}}'
    updated, _ = client.receive(frame)
    assert updated == Updated((SegmentUpdate(SegmentKey(2, 3), "good"),))


@pytest.mark.parametrize(
    ("sent", "probability"),
    [(0.25, 0.25), ("0.25", 0.25), (-3, 0.0), (1.5, 1.0), (float("nan"), None), ([], None)],
)
def test_probabilities_are_probabilities(
    client: SegmentsClient, sent: object, probability: float | None
) -> None:
    words = [{"word": "w", "probability": sent}]
    update = only_update(receive(client, segments=[{"id": 0, "text": "w", "words": words}]))
    assert update.words[0].probability == probability


@pytest.mark.parametrize("segments", [None, 7, "text", {}, {"id": 0, "text": "x"}, []])
def test_segments_that_are_no_list_update_nothing(client: SegmentsClient, segments: object) -> None:
    assert receive(client, segments=segments) == [Updated(())]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("model \x1b[31mnot loaded", ServerError("model [31mnot loaded")),
        ({"message": "busy", "code": 429}, ServerError("busy", "429")),
        ({"detail": "gone", "code": "E1"}, ServerError("gone", "E1")),
        ({"message": None, "code": None}, ServerError("no reason given")),
        ({"message": {"deep": 1}}, ServerError("no reason given")),
        (True, ServerError("no reason given")),
        (["a"], ServerError("no reason given")),
    ],
)
def test_errors_as_text_and_as_object(
    client: SegmentsClient, error: object, expected: ServerError
) -> None:
    assert receive(client, error=error) == [expected]


def test_an_error_does_not_hide_the_text_beside_it(client: SegmentsClient) -> None:
    events = receive(client, error="late", segments=[{"id": 0, "text": "words"}])
    assert [type(event) for event in events] == [ServerError, Updated]


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"checkpoint_id": "final"}, Finished()),
        ({"object": "stt.output.trace", "trace_id": "final"}, Finished()),
        ({"event_id": "e", "object": "stt.output.trace", "trace_id": "s:5"}, TraceEchoed("s:5")),
        ({"object": "stt.output.trace", "trace_id": 5}, TraceEchoed("5")),
        ({"object": "stt.state.cleared", "reset_id": "r1"}, StateCleared("r1")),
    ],
)
def test_echoes(client: SegmentsClient, message: dict[str, object], event: WireEvent) -> None:
    assert receive(client, **message) == [event]


@pytest.mark.parametrize(
    "frame",
    [
        *("", "null", "[]", "7", '"final"', "{", "{}", b"\xff"),
        *('{"checkpoint_id": 1}', '{"object": []}', '{"object": "stt.unknown"}'),
        *('{"trace_id": "final"}', '{"error": null}', '{"segment": []}'),
    ],
)
def test_what_means_nothing_is_named_and_passed_over(
    client: SegmentsClient, frame: str | bytes
) -> None:
    [event] = client.receive(frame)
    assert isinstance(event, Unrecognised)


def test_binary_frames_may_carry_json(client: SegmentsClient) -> None:
    assert client.receive(b'{"checkpoint_id": "final"}') == [Finished()]


@pytest.mark.parametrize("seconds", [-1, "soon", "nan", "inf", 1e12, True, None, [1], "9" * 5_000])
def test_a_time_that_makes_no_sense_is_no_time(client: SegmentsClient, seconds: object) -> None:
    segment = {"id": 0, "text": "w", "start": seconds, "end": seconds}
    update = only_update(receive(client, segments=[segment]))
    assert (update.start, update.end) == (None, None)


@given(st.integers(0, 10**9), st.integers(0, 10**8), st.integers(0, 50))
def test_times_count_from_the_origin_of_the_connection(
    origin: int, sample: int, epoch: int
) -> None:
    client = SegmentsClient(epoch, origin)
    segment = {"id": "0", "text": "w", "start": sample / 16_000}
    update = only_update(receive(client, segments=[segment]))
    assert (update.start, update.key.epoch) == (origin + sample, epoch)


def test_what_the_client_says(client: SegmentsClient) -> None:
    trace = json.loads(client.trace("s:16000"))
    assert trace == {"event_id": "captty-1", "object": "stt.input.trace", "trace_id": "s:16000"}
    clear = json.loads(client.clear("r1"))
    assert clear == {"event_id": "captty-2", "object": "stt.state.clear", "reset_id": "r1"}
    checkpoint, final = map(json.loads, client.finish())
    assert checkpoint == {"checkpoint_id": "final"}
    assert (final["object"], final["trace_id"]) == ("stt.input.trace", "final")


SPELLINGS = st.sampled_from([str, int, float, "0{}".format, " {} ".format])
SEGMENT = st.tuples(st.integers(0, 12), SPELLINGS, st.sampled_from(["", "one", "two", "three"]))


@given(st.lists(st.lists(SEGMENT, max_size=5), max_size=12))
def test_the_transcript_is_the_dictionary_of_the_protocol(
    messages: list[list[tuple[int, type, str]]],
) -> None:
    client, transcript, state = SegmentsClient(0, 0), Transcript(), dict[int, str]()
    transcript.open_epoch(0)
    for message in messages:
        segments = [{"id": spell(number), "text": text} for number, spell, text in message]
        state |= {number: text for number, _, text in message}
        [updated] = receive(client, segments=segments)
        assert isinstance(updated, Updated)
        transcript.apply(updated.updates)
        assert transcript.apply(updated.updates) == []
    assert [s.text for s in transcript] == [state[n] for n in sorted(state) if state[n]]
