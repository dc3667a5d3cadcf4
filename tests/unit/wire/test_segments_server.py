"""The server's side of the `segments` protocol: what clients ask for, and what they get."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captions import Segment, SegmentKey, SegmentUpdate, Word
from tui.wire.endpoint import Request
from tui.wire.events import Finished, ServerError, StateCleared, TraceEchoed, Updated
from tui.wire.segments import SegmentsClient
from tui.wire.segments_server import (
    Audio,
    Clear,
    Finish,
    Invalid,
    Options,
    Trace,
    error_message,
    parse_client_message,
    segments_message,
    state_cleared,
    trace_echo,
)

EVERYTHING = Options(verbose=True, word_times=True, segment_times=True)
MILLISECOND = 16
TIMES = st.integers(0, 10**7).map(lambda ms: ms * MILLISECOND)
WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


class TestOptions:
    """The query of a client's URL."""

    def test_what_our_client_asks_for(self) -> None:
        options = Options.parse(Request("de", "Fachwort").query().items())
        assert options == Options("de", "Fachwort", True, True, True)

    def test_nothing_asked_for(self) -> None:
        assert Options.parse([]) == Options()

    @pytest.mark.parametrize(
        "query",
        [
            [("timestamp_granularities", "word,segment")],
            [("timestamp_granularities", "segment, word")],
            [("timestamp_granularities", "word"), ("timestamp_granularities", "segment")],
            [("timestamp_granularities[]", "word"), ("timestamp_granularities[]", "segment")],
        ],
    )
    def test_granularities_in_all_spellings(self, query: list[tuple[str, str]]) -> None:
        options = Options.parse(query)
        assert (options.word_times, options.segment_times) == (True, True)

    def test_one_granularity_is_not_the_other(self) -> None:
        options = Options.parse([("timestamp_granularities", "word")])
        assert (options.word_times, options.segment_times) == (True, False)

    def test_unknown_parameters_mean_nothing(self) -> None:
        unknown = ["model", "temperature", "skip_vad", "vad_kwargs", "text_timeout_seconds", "\x00"]
        assert Options.parse([(name, "x") for name in unknown]) == Options()

    @pytest.mark.parametrize(
        ("asked", "language"),
        [("EN", "en"), ("german", "de"), ("pt-BR", "pt"), ("auto", None), (" ", None)],
    )
    def test_languages(self, asked: str, language: str | None) -> None:
        assert Options.parse([("language", "fr"), ("language", asked)]).language == language

    def test_a_language_that_does_not_exist_is_refused_in_words(self) -> None:
        with pytest.raises(ValueError, match=r"no language 'x\[31my'; use a code like en"):
            Options.parse([("language", "x\x1b[31my")])


class TestClientMessages:
    """Frames from clients."""

    @pytest.mark.parametrize("pcm", [b"", b"\x00\x01", b"{}" * 800])
    def test_audio(self, pcm: bytes) -> None:
        assert parse_client_message(pcm) == Audio(pcm)

    def test_half_a_sample_is_refused(self) -> None:
        assert isinstance(parse_client_message(b"\x00\x01\x02"), Invalid)

    def test_what_our_client_says(self) -> None:
        client = SegmentsClient(0, 0)
        assert parse_client_message(client.trace("s:800")) == Trace("s:800")
        assert parse_client_message(client.clear("r1")) == Clear("r1")
        replies = [parse_client_message(frame) for frame in client.finish()]
        for reply in replies:
            assert isinstance(reply, Finish)
            assert client.receive(reply.reply) == [Finished()]

    @pytest.mark.parametrize("frame", ["", "[]", "{", "{}", '{"checkpoint_id": "other"}', "null"])
    def test_what_makes_no_sense_is_answered_in_words(self, frame: str) -> None:
        said = parse_client_message(frame)
        assert isinstance(said, Invalid)
        assert said.reason


class TestRoundTrip:
    """What the server writes is what its client reads."""

    def test_echoes_and_errors(self) -> None:
        client = SegmentsClient(0, 0)
        assert client.receive(trace_echo("s:800")) == [TraceEchoed("s:800")]
        assert client.receive(state_cleared("r1")) == [StateCleared("r1")]
        assert client.receive(error_message("model not found", "no_model")) == [
            ServerError("model not found", "no_model")
        ]

    @given(
        st.lists(st.tuples(WORDS, TIMES, TIMES, st.floats(0, 1)), max_size=5),
        st.tuples(TIMES, TIMES),
        st.booleans(),
        st.sampled_from([None, "en", "zh-hant"]),
    )
    def test_segments(
        self,
        words: list[tuple[str, int, int, float]],
        times: tuple[int, int],
        settled: bool,
        language: str | None,
    ) -> None:
        sent = Segment(
            SegmentKey(0, 12),
            " ".join(word for word, *_ in words),
            *times,
            language,
            tuple(Word(text, start, end, round(p, 4)) for text, start, end, p in words),
            settled,
        )
        frame = segments_message([sent], EVERYTHING)
        assert SegmentsClient(0, 0).receive(frame) == [
            Updated(
                (
                    SegmentUpdate(
                        *(sent.key, sent.text, sent.start, sent.end, sent.language, sent.words),
                        final=settled if words else None,
                    ),
                )
            )
        ]

    @given(st.integers(0, 10**9))
    def test_times_are_right_to_a_millisecond(self, start: int) -> None:
        frame = segments_message([Segment(SegmentKey(0, 0), "x", start, start)], EVERYTHING)
        [event] = SegmentsClient(0, 0).receive(frame)
        assert isinstance(event, Updated)
        assert abs((event.updates[0].start or 0) - start) <= MILLISECOND // 2

    def test_only_what_was_asked_for_is_told(self) -> None:
        words = (Word("Hi", 0, 800, 0.5),)
        segment = Segment(SegmentKey(0, 0), "Hi", 0, 800, "en", words, settled=True)
        assert json.loads(segments_message([segment], Options())) == {
            "segments": [{"id": "0", "text": "Hi", "language": "en"}]
        }
        verbose = json.loads(segments_message([segment], Options(verbose=True)))
        assert (verbose["task"], verbose["language"], verbose["text"]) == ("transcribe", "en", "Hi")
        assert verbose["segments"][0]["words"] == [
            {"word": "Hi", "is_final": True, "language": "en", "probability": 0.5}
        ]
        timed = json.loads(segments_message([segment], Options(segment_times=True)))
        assert (timed["segments"][0]["start"], timed["segments"][0]["end"]) == (0.0, 0.05)


@pytest.mark.parametrize("tag", [7, 1.5, "s:16000", "é\x1b", ""])
def test_ids_of_the_client_come_back_as_they_were_sent(tag: str | float) -> None:
    trace = parse_client_message(json.dumps({"object": "stt.input.trace", "trace_id": tag}))
    assert trace == Trace(tag)
    echo = json.loads(trace_echo(tag))
    assert echo["trace_id"] == tag
    assert echo["event_id"]
    assert json.loads(state_cleared(tag))["reset_id"] == tag


@pytest.mark.parametrize("tag", [None, [], {}, "x" * 1001])
def test_what_is_no_id_is_an_empty_one(tag: object) -> None:
    message = json.dumps({"object": "stt.input.trace", "trace_id": tag})
    assert parse_client_message(message) == Trace("")
