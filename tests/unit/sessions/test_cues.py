"""Subtitle cues: no word is lost, and players and readers can keep up."""

from itertools import pairwise, zip_longest

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wcwidth import wcswidth

from tests.unit.sessions.sessions import event, segment
from tui.captions import (
    SAMPLE_RATE,
    Event,
    EventKind,
    Segment,
    SegmentKey,
    Word,
    clean,
    length_text,
)
from tui.sessions.cues import Cue, cues, note_cue, note_text

unhurried = settings(deadline=None)

SHORTEST = SAMPLE_RATE * 5 // 6
LONGEST = 7 * SAMPLE_RATE
GAP = 83 * 16
COLUMNS = {"en": 42, "ja": 23, "ko": 16, "zh": 16, "zh-hant": 16, "th": 35, None: 42}

SPEECH = (
    "Well, I think that we should go to the market before it closes, because otherwise nothing "
    "will be left. And then, after we have bought bread, we can walk home along the river."
)

COUNTED = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]

alphabets = [
    "abcde fg. hi, jk! ",
    "天気がいい、ですね。「散歩」っー 2026AI ",
    "สวัสดีครับเรา ไปำๆ ",
    "안녕 하세요 가각 ",
    "नमस्ते दुनिया कि ",
    "مرحبا بالعالم ، ",
    "👨\u200d👩\u200d👧 🇩🇪👍🏽 ❤\ufe0f",
]
texts = st.one_of(
    *(st.text(alphabet, max_size=400) for alphabet in alphabets),
    st.text(max_size=100),
)
samples = st.integers(0, 60 * SAMPLE_RATE)
spoken = st.builds(
    Word, st.sampled_from([*SPEECH.split(), "天気", "いい"]), st.none() | samples, samples
)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Segments with and without times and words that fit their text, or do not."""
    text = draw(texts | st.lists(st.sampled_from(SPEECH.split())).map(" ".join))
    start, length = draw(samples), draw(st.sampled_from([0, 1, 400]) | samples)
    words = draw(st.lists(spoken, max_size=40)) if draw(st.booleans()) else []
    language = draw(st.sampled_from(list(COLUMNS)))
    return Segment(SegmentKey(0, 0), text, start, start + length, language, tuple(words))


def _assert_readable(found: list[Cue], after: int) -> None:
    for cue in found:
        assert after <= cue.start < cue.end
        assert 16 <= cue.end - cue.start <= LONGEST
        after = cue.end


def _without_spaces(text: str) -> str:
    return "".join(text.split())


@unhurried
@given(segments())
def test_no_character_is_lost_or_moved(said: Segment) -> None:
    shown = "".join(line for cue in cues(said) for line in cue.lines)
    assert _without_spaces(shown) == _without_spaces(clean(said.text))


@unhurried
@given(st.lists(st.sampled_from(SPEECH.split()), max_size=200), segments())
def test_words_stay_whole(words: list[str], said: Segment) -> None:
    said = Segment(said.key, " ".join(words), said.start, said.end, "en", said.words)
    shown = [word for cue in cues(said) for line in cue.lines for word in line.split(" ")]
    assert shown == words


@unhurried
@given(segments())
@example(segment(0, "\u0915" + "\u093e" * 40, language="zh"))
@example(segment(0, f"{'x' * 39}. y {'z' * 20} {'z' * 21}", 0, 6, language="en"))
def test_lines_are_no_wider_than_the_language_allows(said: Segment) -> None:
    for cue in cues(said):
        assert 1 <= len(cue.lines) <= 2
        for line in cue.lines:
            assert line == line.strip()
            assert line
            assert 0 <= wcswidth(line) <= COLUMNS[said.language]


@unhurried
@given(segments(), samples, st.none() | samples)
def test_cues_follow_one_another(said: Segment, after: int, before: int | None) -> None:
    _assert_readable(cues(said, after, before), after)


@unhurried
@given(segments(), samples)
@example(segment(0, "، " + 17 * "،", 0, 0, language="ko"), 13_345)
def test_a_cue_is_short_only_where_the_next_leaves_no_room(said: Segment, before: int) -> None:
    found = cues(said, 0, before)
    for cue, following in zip_longest(found, found[1:]):
        if cue.end - cue.start < SHORTEST:
            assert cue.end >= (following.start if following else before)


@unhurried
@given(st.sampled_from(SPEECH.split()), samples, samples, samples)
def test_a_word_is_shown_long_enough_where_nothing_follows(
    word: str, start: int, length: int, after: int
) -> None:
    (cue,) = cues(Segment(SegmentKey(0, 0), word, start, start + length), min(after, start))
    assert cue.start == start
    assert cue.end - cue.start == min(max(length, 834 * 16), LONGEST)


@unhurried
@given(segments(), st.integers(0, 20 * SAMPLE_RATE))
def test_a_cue_ends_before_the_next_segment_where_there_is_room(said: Segment, later: int) -> None:
    before = said.start + later
    found = cues(said, 0, before)
    if found and before - found[-1].start >= SHORTEST + GAP + 16:
        assert found[-1].end <= before - GAP


@unhurried
@given(st.lists(segments(), max_size=8), st.booleans())
def test_cues_of_segments_as_they_settle_are_in_order(said: list[Segment], ahead: bool) -> None:
    after = 0
    for current, following in zip_longest(said, said[1:]):
        before = following.start if following and ahead else None
        found = cues(current, after, before)
        _assert_readable(found, after)
        after = found[-1].end if found else after


def test_short_segments_that_settle_in_a_row_do_not_fall_behind() -> None:
    after = 0
    for number in range(200):
        said = segment(number, "yes", number * 0.3, number * 0.3 + 0.3)
        (cue,) = cues(said, after)
        assert cue.start - said.start <= SHORTEST + 16
        after = cue.end


def test_a_short_text_is_one_line_in_its_own_time() -> None:
    assert cues(segment(0, " Hello\n there. ", 1, 3)) == [Cue(16_000, 48_000, ("Hello there.",))]


def test_an_empty_segment_has_no_cue() -> None:
    assert cues(segment(0, "")) == []
    assert cues(segment(0, "\x00 \u2028\u202e")) == []


def test_a_long_segment_is_cut_behind_punctuation() -> None:
    found = cues(segment(0, SPEECH, 0, 12))
    assert [cue.lines for cue in found] == [
        ("Well, I think that we should go", "to the market before it closes,"),
        ("because otherwise nothing will be left.",),
        ("And then, after we have bought bread,", "we can walk home along the river."),
    ]
    assert [(now.start - last.end) for last, now in pairwise(found)] == [GAP, GAP]


@unhurried
@given(st.lists(st.sampled_from(["天気", "が", "いい、", "「散歩」", "ちょっと", "です。", "AI"])))
def test_japanese_lines_do_not_begin_with_punctuation_or_small_kana(text: list[str]) -> None:
    said = segment(0, "".join(text), 0, len(text), language="ja")
    lines = [line for cue in cues(said) for line in cue.lines]
    assert not [line for line in lines if line[0] in "、。」っょ" or line[-1] in "「"]


def test_characters_stay_whole_where_a_word_is_too_long() -> None:
    family, flag, letter = "👨\u200d👩\u200d👧\u200d👦", "🇩🇪", "e\u0301"
    for character in (family, flag, letter, "กำ", "เก", "कि", "❤\ufe0f", "👍🏽"):
        lines = [line for cue in cues(segment(0, character * 60, 0, 30)) for line in cue.lines]
        assert len(lines) > 1
        assert max(map(wcswidth, lines)) <= 42
        assert {line.replace(character, "") for line in lines} == {""}


def test_times_come_from_the_words() -> None:
    words = [Word(word, n * 4000, n * 4000 + 3000) for n, word in enumerate(COUNTED)]
    words += [Word("Later", 20 * SAMPLE_RATE, 21 * SAMPLE_RATE)]
    text = "One, two, three, four, um, five, six, seven, eight, nine, ten. Later…"
    assert cues(segment(0, text, 0, 30, words=tuple(words))) == [
        Cue(0, 39_000, ("One, two, three, four, um, five,", "six, seven, eight, nine, ten.")),
        Cue(20 * SAMPLE_RATE, 21 * SAMPLE_RATE, ("Later…",)),
    ]


def test_words_with_impossible_times_do_not_move_the_cues_out_of_their_segment() -> None:
    times = [0, 99 * SAMPLE_RATE, 4 * SAMPLE_RATE, -5, 3 * SAMPLE_RATE]
    words = [
        Word(text, time, time + 9) for text, time in zip(SPEECH.split(), times * 9, strict=False)
    ]
    found = cues(segment(0, SPEECH, 1, 12, words=tuple(words)))
    _assert_readable(found, SAMPLE_RATE)
    assert found[-1].end <= 12 * SAMPLE_RATE + SHORTEST + 16
    assert [line for cue in found for line in cue.lines]


def test_words_of_a_text_without_spaces_give_times() -> None:
    words = (
        Word("今日は", 0, 16_000),
        Word("天気が", 80_000, 96_000),
        Word("いい", 96_000, 112_000),
    )
    assert cues(segment(0, "今日は天気がいい", 0, 9, words=words, language="ja")) == [
        Cue(0, 16_000, ("今日は",)),
        Cue(80_000, 112_000, ("天気がいい",)),
    ]


def test_slow_speech_is_cut_by_time() -> None:
    found = cues(segment(0, "This is a sentence that takes half a minute.", 0, 30))
    assert len(found) >= 5
    assert max(cue.end - cue.start for cue in found) <= LONGEST


def test_a_text_without_times_can_be_read() -> None:
    found = cues(segment(0, SPEECH, 5, 5), before=60 * SAMPLE_RATE)
    assert min(cue.end - cue.start for cue in found) >= SHORTEST


def test_the_language_of_the_session_counts_where_the_segment_has_none() -> None:
    text = "天気がいいですね" * 4
    (cue,) = cues(segment(0, text, 0, 5))
    assert cues(segment(0, text, 0, 5), language="JA") == cues(
        segment(0, text, 0, 5, language="ja")
    )
    assert len(cues(segment(0, text, 0, 5, language="en"), language="ja")) == len([cue])


@pytest.mark.parametrize("before", [None, 60_000, 20_000])
def test_an_event_is_a_cue_in_brackets(before: int | None) -> None:
    cue = note_cue(event(EventKind.BROKEN, 1, "the server went away"), 0, before)
    assert cue.start == 16_000
    assert cue.lines == ("[the server went away]",)


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (event(EventKind.BROKEN, 1), "[The captions are incomplete from here on]"),
        (event(EventKind.GAP, 1, "the disk is full", 13), "[12 s of audio lost: the disk is full]"),
        (event(EventKind.GAP, 1, until=1.25), "[0.2 s of audio lost]"),
        (event(EventKind.GAP, 1), "[audio lost]"),
        (event(EventKind.UNCONFIRMED, 1, "ended", 5), "[the last 4 s are not confirmed]"),
        (event(EventKind.UNCONFIRMED, 1), "[the last words are not confirmed]"),
        (event(EventKind.LANGUAGE, 1, "German"), "[language: German]"),
        (
            event(EventKind.RECONNECTED, 1, "the connection was gone for 12 s"),
            "[reconnected: the connection was gone for 12 s]",
        ),
        (event(EventKind.RECONNECTED, 1), "[reconnected]"),
    ],
)
def test_what_is_said_of_an_event(happened: Event, told: str) -> None:
    assert note_text(happened) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-3, "0.1 s"),
        (0.04, "0.1 s"),
        (0.94, "0.9 s"),
        (0.95, "1 s"),
        (59.6, "1 min"),
        (185, "3 min 5 s"),
        (7200, "120 min"),
    ],
)
def test_lengths_are_told_in_seconds_and_minutes(seconds: float, told: str) -> None:
    assert length_text(seconds) == told


@unhurried
@given(
    st.sampled_from(EventKind), texts, samples, st.none() | samples, samples, st.none() | samples
)
@example(EventKind.BROKEN, "x" * 500, 0, None, 0, None)
@example(EventKind.GAP, SPEECH, 0, 9_000_000, 0, None)
def test_a_note_is_one_cue_in_its_time(
    kind: EventKind, text: str, at: int, until: int | None, after: int, before: int | None
) -> None:
    happened = Event(kind, at, text, until)
    cue = note_cue(happened, after, before)
    _assert_readable([cue], max(after, at))
    assert max(map(wcswidth, cue.lines)) <= 42
    whole, told = _without_spaces(note_text(happened)), _without_spaces("".join(cue.lines))
    assert told == whole or (told.endswith("…]") and whole.startswith(told[:-2]))
