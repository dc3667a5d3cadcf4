"""The engine that is always there, on real recordings."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.unit.server.serving import pieces, recording
from tui.captions import SAMPLE_RATE
from tui.server.engines import Hypothesis, pocketsphinx_stream
from tui.server.engines.pocketsphinx_stream import PocketSphinxStream


def recognised(stream: PocketSphinxStream, frames: Iterable[bytes]) -> list[Hypothesis]:
    """All that an engine says about audio, to the end."""
    said = [hypothesis for frame in frames for hypothesis in stream.feed(frame)]
    return [*said, *stream.finish()]


def settled_text(said: Sequence[Hypothesis]) -> str:
    """What remains."""
    return " ".join(h.text for h in said if h.settled)


@cache
def fresh(clip: str) -> list[Hypothesis]:
    """What a fresh stream says about a recording in frames of 50 ms."""
    return recognised(PocketSphinxStream(), pieces(recording(clip)))


def test_a_command_is_recognised_word_by_word() -> None:
    said = fresh("goforward.wav")
    assert settled_text(said) == "go forward ten meters"
    partials = [h.text for h in said if not h.settled]
    assert "go forward" in partials
    assert len(partials) == len([*dict.fromkeys(partials)])
    assert {h.number for h in said} == {0}
    assert [h.settled for h in said] == [False] * len(partials) + [True]


def test_words_lie_in_their_segment_and_in_order() -> None:
    for hypothesis in fresh("goforward.wav"):
        times = [t for word in hypothesis.words for t in (word.start, word.end)]
        known = [t for t in times if t is not None]
        assert len(known) == 2 * len(hypothesis.text.split())
        assert [hypothesis.start, *known, hypothesis.end] == sorted(
            [hypothesis.start, *known, hypothesis.end]
        )
    final = fresh("goforward.wav")[-1]
    assert 0.4 * SAMPLE_RATE < (final.words[0].start or 0) < 0.6 * SAMPLE_RATE
    assert all(0 <= (word.probability or 0) <= 1 for word in final.words)
    assert all(word.probability is not None for word in final.words)


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ("cards_001.wav", {"ten", "of", "clubs"}),
        ("cards_005.wav", {"eight", "of", "spades", "four", "clubs", "seven", "hearts"}),
        ("sb_spk1_snt1.wav", {"the", "child", "almost", "small", "dog"}),
    ],
)
def test_words_of_real_speech_are_found(clip: str, expected: set[str]) -> None:
    text = settled_text(fresh(clip))
    assert expected <= set(text.split()), text


@given(sizes=st.lists(st.integers(1, 20_000).map(lambda n: 2 * n), min_size=1, max_size=6))
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
def test_the_size_of_the_frames_does_not_matter(sizes: list[int]) -> None:
    pcm, at = recording("cards_001.wav"), 0
    frames: list[bytes] = []
    while at < len(pcm):
        size = sizes[len(frames) % len(sizes)]
        frames.append(pcm[at : at + size])
        at += size
    assert recognised(PocketSphinxStream(), frames) == fresh("cards_001.wav")


def test_after_finish_a_stream_knows_nothing_of_what_was_before() -> None:
    stream, before = PocketSphinxStream(), recording("cards_003.wav") + b"\0\0"
    first = recognised(stream, pieces(before))[-1]
    again = recognised(stream, pieces(recording("cards_001.wav")))
    offset, numbers = len(before) // 2, first.number + 1
    assert [shifted(h, offset, numbers) for h in fresh("cards_001.wav")] == again


def shifted(hypothesis: Hypothesis, samples: int, numbers: int) -> Hypothesis:
    """The same, said later in a stream."""
    words = tuple(
        replace(w, start=(w.start or 0) + samples, end=(w.end or 0) + samples)
        for w in hypothesis.words
    )
    return replace(
        hypothesis,
        number=hypothesis.number + numbers,
        start=hypothesis.start + samples,
        end=hypothesis.end + samples,
        words=words,
    )


def test_long_speech_is_cut_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = SAMPLE_RATE
    monkeypatch.setattr(pocketsphinx_stream, "_LONGEST", longest)
    monkeypatch.setattr(pocketsphinx_stream, "_ENOUGH", 2 * longest)
    said = recognised(PocketSphinxStream(), pieces(recording("cards_005.wav")))
    settled = [h for h in said if h.settled]
    assert [h.number for h in settled] == list(range(len(settled)))
    assert len(settled) >= 3
    assert all(h.end - h.start <= longest + 480 for h in settled)
    for earlier, later in pairwise(settled):
        assert earlier.words[-1].end <= later.start  # type: ignore[operator]
    assert {"eight", "spades", "seven", "hearts"} <= set(settled_text(said).split())


def test_a_stream_may_end_right_behind_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pocketsphinx_stream, "_LONGEST", SAMPLE_RATE // 2)
    monkeypatch.setattr(pocketsphinx_stream, "_LONGEST_WORD", 0)
    stream = PocketSphinxStream()
    for chunk in pieces(recording("cards_001.wav"), 960):
        if [h for h in stream.feed(chunk) if h.settled]:
            assert not stream.finish()
            stream.feed(b"\0\0")
            assert not stream.finish()
            return
    raise AssertionError("there was no cut")


def test_silence_says_nothing() -> None:
    assert recognised(PocketSphinxStream(), pieces(bytes(2 * SAMPLE_RATE))) == []
