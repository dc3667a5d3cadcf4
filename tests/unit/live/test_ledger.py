"""What becomes of audio and text when a connection breaks: one case each."""

import pytest

from tui.captions import SAMPLE_RATE, Segment, SegmentKey, SegmentUpdate, Word
from tui.live.ledger import ONSET_SAMPLES, UNTIMED_LAG, Ledger

SECOND = SAMPLE_RATE


def spoken(epoch: int, number: int, first: float, *words: str, final: bool = True) -> SegmentUpdate:
    """Words of half a second each, from a second on."""
    starts = [round((first + index / 2) * SECOND) for index in range(len(words))]
    timed = tuple(
        Word(word, start, start + SECOND // 2) for word, start in zip(words, starts, strict=True)
    )
    key = SegmentKey(epoch, number)
    return SegmentUpdate(key, " ".join(words), starts[0], timed[-1].end, words=timed, final=final)


def plain(epoch: int, number: int, text: str) -> SegmentUpdate:
    return SegmentUpdate(SegmentKey(epoch, number), text)


def texts(ledger: Ledger) -> list[str]:
    return [segment.text for segment in ledger.transcript]


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.open_epoch(0)
    return ledger


def test_audio_goes_when_settled_text_covers_it(ledger: Ledger) -> None:
    ledger.hear([spoken(0, 0, 0, "a", "b", final=False)], 4 * SECOND)
    assert ledger.frontier == 0
    ledger.hear([spoken(0, 0, 0, "a", "b")], 4 * SECOND)
    assert ledger.frontier == SECOND
    assert ledger.safe == SECOND - ONSET_SAMPLES


def test_an_echo_covers_silence_and_no_open_text(ledger: Ledger) -> None:
    ledger.confirm(9 * SECOND, 8 * SECOND)
    assert ledger.frontier == 8 * SECOND, "nobody confirms what was not sent"
    ledger.hear([spoken(0, 0, 9, "a", final=False)], 20 * SECOND)
    ledger.confirm(20 * SECOND, 20 * SECOND)
    assert ledger.frontier == 9 * SECOND


def test_a_retraction_does_not_make_a_server_one_without_times(ledger: Ledger) -> None:
    ledger.hear([plain(0, 0, "")], UNTIMED_LAG + 9 * SECOND)
    assert ledger.frontier == 0


def test_open_text_stays_until_another_connection_has_said_it_anew(ledger: Ledger) -> None:
    ledger.hear([spoken(0, 0, 0, "a", "b"), spoken(0, 1, 1, "c", "d", final=False)], 3 * SECOND)
    ledger.break_off()
    ledger.open_epoch(0)
    assert ledger.hear([spoken(1, 0, 0, "a", "b")], SECOND) == []
    assert texts(ledger) == ["a b", "c d"]
    ledger.hear([spoken(1, 0, 0, "a", "b", "c", "d", "e")], 3 * SECOND)
    assert texts(ledger) == ["a b", "c d e"]


def test_open_text_before_settled_text_settles_with_the_connection(ledger: Ledger) -> None:
    ledger.hear([spoken(0, 0, 0, "a", final=False), spoken(0, 1, 1, "b")], 3 * SECOND)
    assert ledger.frontier == 0
    assert [change.after.text for change in ledger.break_off()] == ["a"]
    assert ledger.frontier == 3 * SECOND // 2


def test_settled_text_that_came_back_in_another_segment_is_kept(ledger: Ledger) -> None:
    ledger.hear([spoken(0, 0, 0, "a", "b")], 4 * SECOND)
    ledger.hear([plain(0, 0, ""), spoken(0, 1, 0, "a", "b", "c", final=False)], 4 * SECOND)
    ledger.break_off()
    ledger.open_epoch(0)
    ledger.hear([spoken(1, 0, 0, "a", "b", "c")], 4 * SECOND)
    assert texts(ledger) == ["a b", "c"]


def test_half_a_word_before_what_is_covered_is_nobodys(ledger: Ledger) -> None:
    ledger.hear([spoken(0, 0, 18, "a")], 20 * SECOND)
    ledger.confirm(20 * SECOND, 20 * SECOND)
    ledger.break_off()
    ledger.open_epoch(19 * SECOND)
    cut = SegmentUpdate(SegmentKey(1, 0), "x", 19 * SECOND, 19 * SECOND + 1_600, final=True)
    ledger.hear([cut], 21 * SECOND)
    assert texts(ledger) == ["a"]


class TestLoss:
    """Audio that was given up."""

    def test_open_text_is_settled_as_far_as_its_audio_is_gone(self, ledger: Ledger) -> None:
        ledger.hear([spoken(0, 0, 0, "a", "b", "c", "d", final=False)], 2 * SECOND)
        ledger.break_off()
        ledger.lose(SECOND)
        assert texts(ledger) == ["a b"]
        ledger.open_epoch(SECOND)
        ledger.hear([spoken(1, 0, 1, "c", "d", "e")], 3 * SECOND)
        ledger.finish(3 * SECOND)
        assert texts(ledger) == ["a b", "c d e"]

    def test_what_a_live_connection_has_heard_is_its_to_say(self, ledger: Ledger) -> None:
        ledger.hear([spoken(0, 0, 0, "a", "b", final=False)], 2 * SECOND)
        assert ledger.lose(SECOND // 2) == []
        ledger.hear([spoken(0, 0, 0, "a", "b", "c")], 2 * SECOND)
        assert texts(ledger) == ["a b c"]
        assert ledger.frontier == 3 * SECOND // 2


class TestRecovery:
    """What a journal tells of."""

    def restored(self, held_from: int, *segments: Segment) -> Ledger:
        ledger = Ledger()
        ledger.restore(segments, 1, held_from)
        return ledger

    def segment(self, number: int, text: str, start: int, *, settled: bool) -> Segment:
        return Segment(
            SegmentKey(0, number),
            text,
            start * SECOND,
            (start + 1) * SECOND,
            settled=settled,
            timed=True,
        )

    def test_open_text_that_was_passed_by_settled_text_is_kept(self) -> None:
        ledger = self.restored(
            0, self.segment(0, "a b", 0, settled=False), self.segment(1, "c d", 1, settled=True)
        )
        assert ledger.frontier == 2 * SECOND
        ledger.open_epoch(SECOND)
        ledger.hear([spoken(1, 0, 1, "c", "d", "e")], 4 * SECOND)
        assert texts(ledger) == ["a b", "c d", "e"]

    def test_what_is_held_is_not_taken_for_covered(self) -> None:
        ledger = self.restored(5 * SECOND)
        assert ledger.frontier == 5 * SECOND
        ledger.open_epoch(5 * SECOND)
        ledger.hear([spoken(1, 0, 5, "a")], 8 * SECOND)
        assert texts(ledger) == ["a"]


class TestWithoutTimes:
    """Servers that give text alone."""

    def test_two_words_are_heard_again_to_be_known_again(self, ledger: Ledger) -> None:
        ledger.hear([plain(0, 0, "a b c"), plain(0, 1, "d")], 5 * SECOND)
        ledger.confirm(5 * SECOND, 5 * SECOND)
        ledger.hear([plain(0, 1, "d e"), plain(0, 2, "f")], 6 * SECOND)
        ledger.break_off()
        assert ledger.frontier == 0, "where the last word but one began at the earliest"
        ledger.open_epoch(0)
        ledger.hear([plain(1, 0, "a b c d")], 5 * SECOND)
        ledger.hear([plain(1, 0, "a b c d e f g")], 7 * SECOND)
        assert texts(ledger) == ["a b c", "d e", "f g"]

    def test_silence_lets_go_of_them(self, ledger: Ledger) -> None:
        ledger.hear([plain(0, 0, "a b c"), plain(0, 1, "d")], 4 * SECOND)
        ledger.hear([plain(0, 2, "")], 5 * SECOND)
        ledger.finish(5 * SECOND)
        ledger.open_epoch(5 * SECOND)
        ledger.confirm(60 * SECOND, 60 * SECOND)
        assert ledger.frontier == 60 * SECOND

    def test_a_word_that_is_held_back_keeps_its_audio(self, ledger: Ledger) -> None:
        ledger.hear([plain(0, 0, "a b"), plain(0, 1, "c d"), plain(0, 2, "e")], 4 * SECOND)
        ledger.break_off()
        ledger.open_epoch(0)
        ledger.hear([plain(1, 0, "yes")], 3 * SECOND)
        ledger.confirm(3 * SECOND, 3 * SECOND)
        assert ledger.frontier == 0
        ledger.confirm(9 * SECOND, 9 * SECOND)
        assert texts(ledger)[-1] == "yes"

    def test_without_echoes_a_lag_is_assumed(self, ledger: Ledger) -> None:
        sent = UNTIMED_LAG + 40 * SECOND
        for number in range(4):
            ledger.hear([plain(0, number, f"w{number}")], sent + number * SECOND)
        assert 0 <= ledger.frontier <= sent - UNTIMED_LAG + 3 * SECOND
