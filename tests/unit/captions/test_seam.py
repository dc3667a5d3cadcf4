"""Where two connections meet, every word is said by one of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captions import SegmentKey, SegmentUpdate, Word
from tui.captions.seam import Seam, bare, repeated, with_word_times

KEY = SegmentKey(1, 0)
UNIQUE = st.integers(0, 10_000).map(lambda number: f"n{number}")


def timed(text: str, *times: tuple[int, int], words: str = "") -> SegmentUpdate:
    texts = (words or text).split()
    spoken = tuple(Word(word, *time) for word, time in zip(texts, times, strict=True))
    return SegmentUpdate(KEY, text, times[0][0], times[-1][1], words=spoken)


def plain(text: str, number: int = 0) -> SegmentUpdate:
    return SegmentUpdate(SegmentKey(1, number), text)


def left(seam: Seam, *updates: SegmentUpdate) -> list[str]:
    return [update.text for update in seam.trim(updates)]


class TestTimes:
    """Each word belongs where its midpoint lies."""

    def test_the_midpoint_decides(self) -> None:
        update = timed("a b c d", (0, 100), (100, 200), (200, 300), (300, 400))
        [trimmed] = Seam(150, 350).trim([update])
        assert (trimmed.text, trimmed.start, trimmed.end) == ("b c", 100, 300)
        assert [word.text for word in trimmed.words] == ["b", "c"]

    def test_what_lies_within_is_left_alone(self) -> None:
        update = timed("a b", (150, 250), (250, 300))
        assert Seam(150, 350).trim([update]) == [update]

    def test_what_lies_outside_is_taken_back(self) -> None:
        [trimmed] = Seam(500).trim([timed("a b", (0, 100), (100, 200))])
        assert (trimmed.text, trimmed.words) == ("", ())

    def test_punctuation_stays_with_its_word(self) -> None:
        update = timed(
            "Well, yes. “No!” he said?",
            (0, 100), (100, 200), (200, 300), (300, 400), (400, 500),
            words="Well yes No he said",
        )  # fmt: skip
        assert left(Seam(200), update) == ["No!” he said?"]
        assert left(Seam(100, 300), update) == ["yes. “No!”"]

    def test_a_word_that_occurs_twice_is_cut_at_the_right_one(self) -> None:
        update = timed("no, no, no!", (0, 100), (100, 200), (200, 300), words="no no no")
        assert left(Seam(100), update) == ["no, no!"]
        assert left(Seam(0, 100), update) == ["no,"]

    def test_scripts_without_spaces_stay_without(self) -> None:
        update = timed("今日は天気。", (0, 100), (100, 200), (200, 300), words="今日 は 天気")
        assert left(Seam(200), update) == ["天気。"]
        estimated = SegmentUpdate(KEY, "今日は天気", 0, 500)
        assert left(Seam(300), estimated) == ["天気"]

    def test_words_that_the_text_does_not_have_are_put_in_its_place(self) -> None:
        update = timed("It costs $20", (0, 100), (100, 200), (200, 300), words="it costs twenty")
        assert left(Seam(100), update) == ["costs twenty"]

    def test_words_without_times_share_those_of_the_segment(self) -> None:
        words = with_word_times(SegmentUpdate(KEY, "a b c", 100, 400))
        assert [(word.start, word.end) for word in words] == [(100, 200), (200, 300), (300, 400)]
        assert with_word_times(SegmentUpdate(KEY, "a b c", 100)) == []
        assert with_word_times(SegmentUpdate(KEY, "", 100, 400)) == []

    @given(
        st.lists(st.tuples(st.integers(0, 50), st.integers(1, 90), UNIQUE), min_size=1),
        st.integers(0, 1_000),
    )
    def test_two_connections_share_all_words(
        self, layout: list[tuple[int, int, str]], border: int
    ) -> None:
        at, times = 0, []
        for pause, length, _ in layout:
            times.append((at + pause, at + pause + length))
            at += pause + length
        update = timed(" ".join(text for *_, text in layout), *times)
        [first], [second] = Seam(0, border).trim([update]), Seam(border).trim([update])
        assert f"{first.text} {second.text}".strip() == update.text
        assert first.words + second.words == update.words


class TestTextAlone:
    """Where nothing is known of time, runs of equal words are what is repeated."""

    @pytest.mark.parametrize(
        ("said", "words", "count"),
        [
            ("a b c d", "c d e", 2),
            ("a b c d", "b c d", 3),
            ("a b c d", "x c d e", 3),
            ("one two three four", "one two tree four five", 2),
            ("a b c d e f", "a b x d e f g", 6),
            ("it is very", "very good it was", 0),
            ("it is very very", "very very good", 2),
            ("p q r s you know", "you know it is you know z", 2),
            ("a b c d e", "d e f g a b", 2),
            ("the", "the end", 1),
            ("the", "at last comes the end", 0),
            ("", "a b", 0),
        ],
    )
    def test_how_much_is_repeated(self, said: str, words: str, count: int) -> None:
        assert repeated(said.split(), words.split()) == count

    def test_a_single_word_waits_until_more_come(self) -> None:
        seam = Seam(0, said=["a", "b", "c"])
        assert left(seam, plain("c")) == []
        assert seam.holds_back
        assert left(seam, plain("c d e f")) == ["c d e f"]
        assert not seam.holds_back

    def test_or_none_will(self) -> None:
        seam = Seam(0, said=["a", "b", "c"])
        assert left(seam, plain("yes")) == []
        assert [update.text for update in seam.release()] == ["yes"]
        assert seam.release() == []

    def test_part_of_a_word_before_the_run_goes_with_it(self) -> None:
        seam = Seam(0, said=["one", "two", "three"])
        assert left(seam, plain("wo")) == []
        assert left(seam, plain("wo two three")) == [""]
        assert left(seam, plain("wo two three four")) == ["four"]

    def test_case_and_punctuation_do_not_matter(self) -> None:
        seam = Seam(0, said=["And", "then,", "he"])
        assert left(seam, plain("and Then he, left.")) == ["left."]
        assert bare("Don’t!") == "dont"
        assert bare("—") == "—"

    def test_a_later_retraction_is_told_whenever_it_comes(self) -> None:
        seam = Seam(0)
        for text in ("", "a", ""):
            assert left(seam, plain(text)) == [text]
        assert left(seam, timed("a", (0, 100))) == ["a"]
        assert left(seam, plain("")) == [""]

    @given(st.lists(UNIQUE, min_size=4, unique=True), st.data())
    def test_of_unique_words_none_is_said_twice_and_none_is_lost(
        self, words: list[str], data: st.DataObject
    ) -> None:
        end = data.draw(st.integers(2, len(words)))
        start = data.draw(st.integers(0, end - 2))
        seam = Seam(0, said=words[:end])
        shown: dict[SegmentKey, str] = {}
        for count in range(start + 1, len(words) + 1):
            middle = (start + count) // 2
            parts = (words[start:middle], words[middle:count])
            message = [plain(" ".join(part), number) for number, part in enumerate(parts)]
            shown |= {update.key: update.text for update in seam.trim(message)}
        shown |= {update.key: update.text for update in seam.release()}
        assert [word for key in sorted(shown) for word in shown[key].split()] == words[end:]

    @given(st.lists(UNIQUE, min_size=1), st.lists(UNIQUE, min_size=1))
    def test_where_nothing_repeats_nothing_is_lost(self, said: list[str], new: list[str]) -> None:
        seam = Seam(0, said=[f"old-{word}" for word in said])
        shown = left(seam, plain(" ".join(new))) + [update.text for update in seam.release()]
        assert shown == [" ".join(new)]
