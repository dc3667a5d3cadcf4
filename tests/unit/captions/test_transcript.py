"""What a reader of the transcript sees, message by message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captions import Change, Segment, SegmentKey, SegmentUpdate, Transcript, Word


def update(
    number: int,
    text: str,
    *,
    epoch: int = 0,
    start: int | None = None,
    end: int | None = None,
    final: bool | None = None,
) -> SegmentUpdate:
    return SegmentUpdate(SegmentKey(epoch, number), text, start, end, final=final)


def texts(transcript: Transcript) -> list[str]:
    return [segment.text for segment in transcript]


def settled(transcript: Transcript) -> list[str]:
    return [segment.text for segment in transcript if segment.settled]


def settling(changes: list[Change]) -> list[int]:
    return [change.after.key.number for change in changes if change.settles]


@pytest.fixture
def transcript() -> Transcript:
    transcript = Transcript()
    transcript.open_epoch(0)
    return transcript


def test_the_example_of_the_protocol(transcript: Transcript) -> None:
    transcript.apply([update(0, "A"), update(1, "B")])
    transcript.apply([update(1, "B'"), update(2, "C")])
    assert texts(transcript) == ["A", "B'", "C"]
    assert len(transcript) == 3


def test_an_empty_text_retracts_and_a_later_one_revives(transcript: Transcript) -> None:
    transcript.apply([update(0, "A"), update(1, "B")])
    [change] = transcript.apply([update(0, "")])
    assert change.after.retracted
    assert texts(transcript) == ["B"]
    assert transcript.get(SegmentKey(0, 0)) == change.after
    transcript.apply([update(0, "A again")])
    assert texts(transcript) == ["A again", "B"]


def test_retracting_what_never_was_is_nothing(transcript: Transcript) -> None:
    assert transcript.apply([update(4, "")]) == []
    assert transcript.get(SegmentKey(0, 4)) is None
    assert transcript.apply([update(4, "x"), update(4, "")]) == []
    assert texts(transcript) == []


def test_order_inside_a_message_does_not_matter(transcript: Transcript) -> None:
    changes = transcript.apply([update(10, "ten"), update(9, "nine"), update(2, "two")], 900)
    assert texts(transcript) == ["two", "nine", "ten"]
    assert [change.after.key.number for change in changes] == [2, 9, 10]


def test_of_several_updates_for_one_segment_the_last_counts(transcript: Transcript) -> None:
    [change] = transcript.apply([update(0, "first"), update(0, "second")])
    assert change == Change(None, change.after)
    assert (change.after.text, change.after.revision) == ("second", 0)


def test_repeating_a_message_changes_nothing(transcript: Transcript) -> None:
    message = [update(0, "A", start=5, end=9), update(1, "B"), update(2, "")]
    transcript.apply(message, 100)
    before = list(transcript)
    assert transcript.apply(message, 5_000) == []
    assert list(transcript) == before


def test_a_late_revision_changes_settled_text_in_place(transcript: Transcript) -> None:
    transcript.apply([update(0, "I scream", final=True)])
    transcript.apply([update(1, "is cold")])
    [change] = transcript.apply([update(0, "Ice cream", final=True)])
    assert change.corrects
    assert not change.settles
    assert change.before == Segment(SegmentKey(0, 0), "I scream", 0, 0, settled=True)
    assert (change.after.settled, change.after.revision) == (True, 1)
    assert texts(transcript) == ["Ice cream", "is cold"]


def test_a_late_revision_that_takes_its_finality_back_stays_settled(transcript: Transcript) -> None:
    transcript.apply([update(0, "A", final=True)])
    [change] = transcript.apply([update(0, "B", final=False)])
    assert change.corrects
    assert settled(transcript) == ["B"]
    assert transcript.open_segments == []


def test_words_and_times_alone_are_a_change_but_no_revision(transcript: Transcript) -> None:
    transcript.apply([update(0, "A", start=0, end=10)])
    words = (Word("A", 0, 20, 0.9),)
    [change] = transcript.apply([SegmentUpdate(SegmentKey(0, 0), "A", 0, 20, "en", words)])
    assert (change.after.words, change.after.end, change.after.language) == (words, 20, "en")
    assert (change.after.revision, change.corrects, change.settles) == (0, False, False)
    assert transcript.apply([update(0, "A")]) == [], "what an update leaves out stays"


class TestSettling:
    """The rules of the class docstring, one a test."""

    def test_when_the_server_calls_it_final(self, transcript: Transcript) -> None:
        assert settling(transcript.apply([update(0, "A", final=True)])) == [0]
        assert transcript.open_segments == []

    def test_without_a_word_of_finality_when_a_later_one_has_text(
        self, transcript: Transcript
    ) -> None:
        assert settling(transcript.apply([update(0, "A")])) == []
        assert settling(transcript.apply([update(1, "B")])) == [0]
        assert settled(transcript) == ["A"]

    def test_declared_open_it_waits_for_two_later_ones(self, transcript: Transcript) -> None:
        transcript.apply([update(0, "A", final=False)])
        assert settling(transcript.apply([update(1, "B", final=False)])) == []
        assert settling(transcript.apply([update(2, "C", final=False)])) == [0]
        assert [segment.text for segment in transcript.open_segments] == ["B", "C"]

    def test_a_retracted_later_one_does_not_count(self, transcript: Transcript) -> None:
        transcript.apply([update(0, "A", final=False), update(1, "B", final=False)])
        transcript.apply([update(1, "")])
        assert settling(transcript.apply([update(2, "C", final=False)])) == []

    def test_one_put_in_before_counts_as_passed(self, transcript: Transcript) -> None:
        transcript.apply([update(5, "later", final=False)])
        assert settling(transcript.apply([update(3, "earlier")])) == [3]

    def test_another_connection_settles_nothing(self, transcript: Transcript) -> None:
        transcript.apply([update(0, "A")])
        epoch = transcript.open_epoch(1_000)
        changes = transcript.apply([update(n, "B", epoch=epoch, final=False) for n in range(2)])
        assert settling(changes) == []
        assert settled(transcript) == []

    def test_the_end_of_the_connection_settles_the_rest_once(self, transcript: Transcript) -> None:
        transcript.apply([update(0, "A", final=False), update(1, "B", final=False)])
        changes = transcript.settle_all()
        assert settling(changes) == [0, 1]
        assert [change.before for change in changes] != [change.after for change in changes]
        assert transcript.settle_all() == []
        assert settled(transcript) == ["A", "B"]

    def test_revived_text_settles_again_by_the_rules(self, transcript: Transcript) -> None:
        transcript.apply([update(0, "A")])
        transcript.apply([update(0, "")])
        assert transcript.settle_all() == [], "a retracted segment has nothing to settle"
        transcript.apply([update(1, "B")])
        assert settling(transcript.apply([update(0, "A")])) == [0]


class TestTimes:
    """Times of servers that give some, none, or nonsense."""

    def test_the_servers_times_are_kept(self, transcript: Transcript) -> None:
        transcript.apply(
            [update(0, "A", start=100, end=900), update(1, "B", start=1_000, end=1_500)]
        )
        assert [(s.start, s.end, s.timed) for s in transcript] == [
            (100, 900, True),
            (1_000, 1_500, True),
        ]

    def test_without_times_the_audio_sent_stands_in(self, transcript: Transcript) -> None:
        transcript.apply([update(0, "A")], heard=800)
        transcript.apply([update(0, "A a")], heard=1_600)
        transcript.apply([update(1, "B")], heard=2_400)
        assert [(s.start, s.end) for s in transcript] == [(0, 1_600), (1_600, 2_400)]
        assert not any(segment.timed for segment in transcript)

    def test_a_connection_without_times_begins_at_its_origin(self, transcript: Transcript) -> None:
        transcript.apply([update(0, "A")], heard=800)
        epoch = transcript.open_epoch(5_000)
        transcript.apply([update(0, "B", epoch=epoch)], heard=6_000)
        assert [(s.start, s.end) for s in transcript] == [(0, 800), (5_000, 6_000)]

    def test_an_estimated_start_gives_way_to_the_servers_and_that_one_stays(
        self, transcript: Transcript
    ) -> None:
        transcript.apply([update(0, "A")], heard=800)
        transcript.apply([update(0, "A", start=160, end=700)])
        transcript.apply([update(0, "A b", start=480, end=900)])
        [segment] = transcript
        assert (segment.start, segment.end) == (160, 900)

    def test_an_end_before_the_start_is_none(self, transcript: Transcript) -> None:
        transcript.apply([update(0, "A", start=500, end=100)])
        [segment] = transcript
        assert (segment.start, segment.end) == (500, 500)

    def test_reviving_never_turns_the_time_back(self, transcript: Transcript) -> None:
        transcript.apply([update(2, "late", start=100, end=200)])
        transcript.apply([update(2, "")])
        transcript.apply([update(1, "early", start=300, end=400)])
        transcript.apply([update(2, "late again", start=100, end=200)])
        assert [(s.text, s.start) for s in transcript] == [("early", 300), ("late again", 300)]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8), st.data())
def test_connections_are_kept_apart(origins: list[int], data: st.DataObject) -> None:
    transcript = Transcript()
    epochs = [transcript.open_epoch(origin) for origin in sorted(origins)]
    assert epochs == list(range(len(origins)))
    for epoch in data.draw(st.permutations(epochs)):
        heard = sorted(origins)[epoch]
        transcript.apply([update(n, f"{epoch}.{n}", epoch=epoch) for n in range(2)], heard)
    assert texts(transcript) == [f"{epoch}.{n}" for epoch in epochs for n in range(2)]
    assert [segment.start for segment in transcript][::2] == sorted(origins)
