"""Any traffic whatever: the transcript equals a plain dictionary, and reports every step."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tui.captions import Change, Segment, SegmentKey, SegmentUpdate, Transcript

TIMES = st.none() | st.integers(0, 400)
TEXTS = st.sampled_from(["", "", "one", "two", "three words here"])
FINAL = st.sampled_from([None, False, False, True])


class AnyTraffic(RuleBasedStateMachine):
    """Messages with duplicates, retractions, revivals, odd times, from several connections."""

    def __init__(self) -> None:
        super().__init__()
        self.transcript = Transcript()
        self.epochs = 0
        self.texts: dict[SegmentKey, str] = {}
        self.final: dict[SegmentKey, bool | None] = {}
        self.settled: set[SegmentKey] = set()
        self.reported: dict[SegmentKey, Segment] = {}
        self.message: list[SegmentUpdate] = []

    @rule(origin=st.integers(0, 300))
    def connect(self, origin: int) -> None:
        assert self.transcript.open_epoch(origin) == self.epochs
        self.epochs += 1

    @precondition(lambda self: self.epochs)
    @rule(
        data=st.data(),
        numbers=st.lists(st.integers(0, 5), max_size=4),
        heard=st.integers(0, 500),
    )
    def receive(self, data: st.DataObject, numbers: list[int], heard: int) -> None:
        self.message = [self.drawn_update(data, number) for number in numbers]
        self.check(self.transcript.apply(self.message, heard), self.expect(self.message))

    def drawn_update(self, data: st.DataObject, number: int) -> SegmentUpdate:
        epoch = data.draw(st.integers(0, self.epochs - 1))
        return SegmentUpdate(
            SegmentKey(epoch, number),
            data.draw(TEXTS),
            data.draw(TIMES),
            data.draw(TIMES),
            final=data.draw(FINAL),
        )

    def expect(self, message: list[SegmentUpdate]) -> set[SegmentKey]:
        """Take the message into the model; returns the segments that settle by it."""
        settling = set()
        for key, update in {update.key: update for update in message}.items():
            if not update.text and not self.texts.get(key):
                continue
            self.texts[key] = update.text
            self.final[key] = update.final
            if update.final and key not in self.settled:
                settling.add(key)
        settling |= {key for key in self.shown() if self.passed(key)} - self.settled
        self.settled |= settling
        return settling

    def shown(self) -> list[SegmentKey]:
        return sorted(key for key, text in self.texts.items() if text)

    def passed(self, key: SegmentKey) -> bool:
        later = [other for other in self.shown() if other.epoch == key.epoch and other > key]
        return len(later) >= (1 if self.final[key] is None else 2)

    def check(self, changes: list[Change], settling: set[SegmentKey]) -> None:
        """Every change once, in reading order, from what was reported before to what is now."""
        keys = [change.after.key for change in changes]
        assert keys == sorted(set(keys))
        assert {change.after.key for change in changes if change.settles} == settling
        for change in changes:
            before, after = change.before, change.after
            assert before == self.reported.get(after.key)
            assert before != after
            if before is None:
                assert after.revision == 0
            else:
                self.check_revision(before, after)
                assert change.corrects == (before.settled and before.text != after.text)
            self.reported[after.key] = after

    def check_revision(self, before: Segment, after: Segment) -> None:
        assert after.settled >= before.settled
        assert after.revision == before.revision + (before.text != after.text)
        if before.timed and not before.retracted:
            assert after.start == before.start
            assert after.timed

    @rule(heard=st.integers(0, 500))
    def receive_the_same_again(self, heard: int) -> None:
        assert self.transcript.apply(self.message, heard) == []

    @rule()
    def disconnect(self) -> None:
        settling = set(self.shown()) - self.settled
        self.settled |= settling
        self.check(self.transcript.settle_all(), settling)
        assert self.transcript.open_segments == []

    @invariant()
    def equals_the_dictionary(self) -> None:
        shown = [(segment.key, segment.text) for segment in self.transcript]
        assert shown == [(key, self.texts[key]) for key in self.shown()]
        assert len(self.transcript) == len(shown)
        assert all(segment == self.reported[segment.key] for segment in self.transcript)

    @invariant()
    def knows_what_is_open(self) -> None:
        assert {s.key for s in self.transcript if s.settled} == set(self.shown()) & self.settled
        assert self.transcript.open_segments == [s for s in self.transcript if not s.settled]

    @invariant()
    def times_never_go_backwards(self) -> None:
        segments = list(self.transcript)
        starts = [segment.start for segment in segments]
        assert starts == sorted(starts)
        assert all(0 <= segment.start <= segment.end for segment in segments)


AnyTraffic.TestCase.settings = settings(max_examples=150, stateful_step_count=25)
TestAnyTraffic = AnyTraffic.TestCase
