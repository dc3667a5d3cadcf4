"""Whatever breaks, and when: every word comes out once, and its audio is held until then."""

from collections.abc import Iterable
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.unit.live.model_recogniser import (
    JITTER,
    MS,
    Echo,
    Finished,
    Kind,
    Recogniser,
    Spoken,
    Update,
    speech,
)
from tui.audio.spool import Spool
from tui.captions import Change, Segment, SegmentKey
from tui.live.ledger import ONSET_SAMPLES, UNTIMED_LAG, Ledger


class Stretch:
    """What `tui.live.stretch` keeps of a language's share of the session."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.end: int | None = None
        self.stop: int | None = None
        self.line: Recogniser | None = None
        self.epoch: int | None = None
        """`None` while it does not speak."""


class AnyFault(RuleBasedStateMachine):
    """A speaker, a spool, and servers that come and go."""

    kind: ClassVar = Kind()
    crashes: ClassVar = True
    switches: ClassVar = True
    loses: ClassVar = True

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.spool = Spool()
        self.speech: list[Spoken] = []
        self.stretches = [Stretch(0)]
        self.journal: dict[SegmentKey, Segment] = {}
        self.fixed: dict[SegmentKey, Segment] = {}
        """Settled text of connections that are gone."""
        self.gaps: list[tuple[int, int]] = []
        self.edges: set[int] = set()
        """Where the audio began that a crash left: the part of a word there may be said again."""
        self.once: set[int] = set()
        """Words that have been in settled text."""
        self.most_sent = 0
        self.stopped = self.over = False

    @initialize(seed=st.integers(0, 999))
    def speak(self, seed: int) -> None:
        self.speech = speech(seed)

    # Audio

    @precondition(lambda self: not self.stopped)
    @rule(ms=st.sampled_from([50, 400, 1_000, 2_500, 6_000]))
    def capture(self, ms: int) -> None:
        self.spool.append(bytes(2 * ms * MS))

    @property
    def line(self) -> Recogniser | None:
        """Of the stretch that may speak."""
        return self.stretches[0].line

    @precondition(lambda self: any(s.line is None for s in self.stretches) and not self.over)
    @rule(fragments=st.booleans())
    def connect(self, fragments: bool) -> None:
        for stretch in self.stretches:
            if stretch.line is None:
                frontier = max(stretch.start, self.ledger.frontier)
                origin = max(self.spool.start, frontier - ONSET_SAMPLES)
                stretch.line = Recogniser(self.speech, origin, fragments)

    @precondition(lambda self: any(s.line for s in self.stretches))
    @rule(ms=st.sampled_from([200, 1_000, 3_000, 60_000]), trace=st.booleans())
    def send(self, ms: int, trace: bool) -> None:
        for stretch in self.stretches:
            if stretch.line:
                self._send(stretch, stretch.line, ms * MS, trace)

    def _send(self, stretch: Stretch, line: Recogniser, samples: int, trace: bool) -> None:
        end = self.spool.end if stretch.end is None else stretch.end
        self.spool.read(min(line.sent, self.spool.end), 1)
        if not (self.kind.times or self.kind.echo or line.marked):
            end = min(end, line.told + UNTIMED_LAG)
        line.send(max(line.sent, min(line.sent + samples, end)), trace)
        self.most_sent = max(self.most_sent, line.sent)

    @precondition(lambda self: self.line)
    @rule(
        ms=st.sampled_from([100, 700, 2_000, 8_000, 60_000]),
        close=st.booleans(),
        shift=st.sampled_from([-JITTER, 0, JITTER]),
        partial=st.booleans(),
        misheard=st.booleans(),
        echo=st.booleans(),
        which=st.integers(0, 1),
    )
    def understand(
        self,
        ms: int,
        close: bool,
        shift: int,
        partial: bool,
        misheard: bool,
        echo: bool,
        which: int,
    ) -> None:
        line = self.stretches[which % len(self.stretches)].line or self.line
        assert line is not None
        if not line.marked:
            line.understand(ms * MS, close, shift, partial, misheard and self.kind.times)
            if echo and self.kind.echo:
                line.answer()

    @precondition(lambda self: self.line and not self.line.marked)
    @rule(
        how=st.sampled_from(["repeat", "take back", "take back closed", "correct"]),
        number=st.integers(0, 9),
    )
    def speak_again(self, how: str, number: int) -> None:
        assert self.line
        match how:
            case "repeat":
                self.line.repeat()
            case "correct":
                self.line.correct(number)
            case _:
                self.line.take_back(how.endswith("closed"))

    # Text

    @precondition(lambda self: self.line and self.line.inbox)
    @rule(most=st.sampled_from([1, 1, 3, 100]))
    def deliver(self, most: int) -> None:
        while most and self.line and self.line.inbox:
            most -= 1
            self._hear(self.stretches[0], self.line, self.line.inbox.popleft())
            self.check()

    def _hear(self, stretch: Stretch, line: Recogniser, said: Update | Echo | Finished) -> None:
        if stretch.epoch is None:
            stretch.epoch = self.ledger.open_epoch(line.origin, stretch.stop)
        match said:
            case Update():
                updates = [self.kind.update(stretch.epoch, *row) for row in said.rows]
                line.told = said.heard
                self._take(self.ledger.hear(updates, line.sent))
            case Echo(sample):
                self._take(self.ledger.confirm(sample, line.sent))
            case Finished():
                assert stretch.end is not None
                self._take(self.ledger.finish(stretch.end))
                self._fix()
                self.stretches.pop(0)
                self.over = not self.stretches
                self.stretches = self.stretches or [Stretch(stretch.end)]
        self.spool.trim(self.ledger.safe)

    def _take(self, changes: list[Change]) -> None:
        for change in changes:
            if change.after.settled or change.after.retracted:
                self.journal[change.after.key] = change.after

    def _fix(self) -> None:
        """What has settled so far is never changed again."""
        self.fixed = {s.key: s for s in self.ledger.transcript if s.settled}

    @precondition(lambda self: self.line and not self.line.marked)
    @rule(ms=st.sampled_from([1_000, 2_500, 6_000]), close=st.booleans())
    def go_on(self, ms: int, close: bool) -> None:
        """All goes well for a while."""
        if not self.stopped:
            self.capture(ms)
        self.send(60_000, True)
        self.understand(60_000, close, 0, False, False, self.kind.echo, 0)
        self.deliver(100)

    # Faults

    @precondition(lambda self: any(s.line for s in self.stretches))
    @rule(which=st.integers(0, 1))
    def disconnect(self, which: int) -> None:
        stretch = self.stretches[which % len(self.stretches)]
        stretch.line = None
        if stretch.epoch is not None:
            stretch.epoch = None
            self._take(self.ledger.break_off())
            self._fix()

    @precondition(lambda self: self.loses and not self.line and (self.spool.end - self.spool.start))
    @rule(share=st.sampled_from([0.1, 0.5, 0.9]), often=st.integers(0, 2))
    def lose_audio(self, share: float, often: int) -> None:
        """The oldest has to be given up while nobody is connected."""
        if often:
            return
        for stretch in self.stretches:
            stretch.line = None
        start, safe = self.spool.start, self.ledger.safe
        self.spool.trim(start + round(share * (self.spool.end - self.spool.start)))
        start, end = max(start, safe), self.spool.start
        if end > start:
            self._take(self.ledger.lose(end))
            self.gaps.append((start, end))

    @precondition(lambda self: self.crashes and not self.over)
    @rule(flushed=st.booleans(), often=st.integers(0, 4))
    def crash(self, flushed: bool, often: int) -> None:
        if often:
            return
        opened = self.ledger.transcript.open_segments
        if flushed or self.once & set(self.told(opened, parts=True)):
            self.journal |= {s.key: s for s in opened}
        segments = [s for s in self.journal.values() if s.text]
        self.ledger = Ledger()
        self.edges.add(self.spool.start)
        epochs = max((s.key.epoch for s in segments), default=-1) + 1
        self.ledger.restore(segments, epochs, self.spool.start)
        end = self.stretches[-1].end
        self.stretches = [Stretch(0)]
        self.stretches[0].end = end
        self._fix()

    # What the user does

    @precondition(lambda self: self.switches and not self.stopped and self.stretches[-1].line)
    @rule()
    def switch(self) -> None:
        """Let another connection go on from a pause."""
        current = self.stretches[-1]
        known = max(self.ledger.frontier, self.ledger.text_end, current.start, self.spool.start)
        if not self.kind.times:
            known = max(known, current.line.sent if current.line else 0)
        if (boundary := self._pause(known)) is None or len(self.stretches) > 1:
            return
        current.stop = current.end = boundary
        if current.epoch is not None:
            self.ledger.stop_at(boundary)
        self.stretches.append(Stretch(boundary))
        self.connect(True)

    def _pause(self, known: int) -> int | None:
        edges = [0] + [word.end for word in self.speech]
        for before, word in zip(edges, self.speech, strict=False):
            middle = max((before + word.start) // 2, known)
            clear = before + 2 * JITTER <= middle <= word.start - 2 * JITTER
            if clear and middle <= self.spool.end:
                return middle
        return None

    @precondition(lambda self: self.line and self.ended and not self.line.marked)
    @rule()
    def mark_the_end(self) -> None:
        """All is sent, and the server told so."""
        assert self.line
        self.line.marked = True
        self._send(self.stretches[0], self.line, 10**9, False)
        self.line.finish()

    @property
    def ended(self) -> bool:
        return self.stretches[0].end is not None

    def stop(self) -> None:
        self.stopped = True
        cut = [word for word in self.speech if word.start < self.spool.end < word.end]
        for word in cut:
            self.spool.append(bytes(2 * (word.end - self.spool.end)))
        self.stretches[-1].end = self.spool.end

    def teardown(self) -> None:
        """Stop, and let servers without faults finish the work: the transcript is exact."""
        if not self.speech:
            return
        self.stop()
        for _ in range(9):
            if self.over:
                break
            if self.line is None:
                self.connect(True)
            if self.line and not self.line.marked:
                self.mark_the_end()
            self.deliver(100)
        self.check()
        assert self.over
        assert not self.ledger.transcript.open_segments
        heard = [word.number for word in self.speech if word.end <= self.spool.end]
        told = [number for number in self.told(self.ledger.transcript) if not self.lost(number)]
        assert told == [number for number in heard if not self.lost(number)]
        assert self.ledger.frontier >= self.spool.end

    # What always holds

    def told(self, segments: Iterable[Segment], *, parts: bool = False) -> list[int]:
        """The words in these segments; parts of words belong to gaps or to open text."""
        words = [word for segment in segments for word in segment.text.split()]
        words = [word for word in words if word[0] != "f" or not self.at_edge(int(word[1:]))]
        for word in words:
            assert parts or word[0] != "f" or self.lost(int(word[1:])), f"{word} was never said"
        return [int(word[1:]) for word in words]

    def at_edge(self, number: int) -> bool:
        word = self.speech[number]
        return any(word.start < edge < word.end for edge in self.edges)

    def lost(self, number: int) -> bool:
        """Whether audio of this word is in a gap that was reported."""
        word = self.speech[number]
        return any(word.start < end and word.end > start for start, end in self.gaps)

    @invariant()
    def check(self) -> None:
        if not self.speech:
            return
        ledger = self.ledger
        settled = [segment for segment in ledger.transcript if segment.settled]
        told = [number for number in self.told(settled) if not self.lost(number)]
        assert told == sorted(set(told)), f"settled words come once, in order: {told}"
        self.once |= set(told)
        missing = [
            word
            for word in self.speech
            if word.start < self.spool.end
            and word.number not in self.once
            and not self.lost(word.number)
        ]
        assert all(word.start >= self.spool.start for word in missing), "needed audio is held"
        for key, segment in self.fixed.items():
            assert ledger.transcript.get(key) == segment, "settled text stays"
        starts = [segment.start for segment in ledger.transcript]
        assert starts == sorted(starts)
        assert ledger.frontier <= max([self.most_sent, *(end for _, end in self.gaps)])
        assert sum(stretch.epoch is not None for stretch in self.stretches) <= 1


class WithoutFinality(AnyFault):
    kind = Kind(finality=False)


class WithoutEchoes(AnyFault):
    kind = Kind(echo=False)


class TimesAlone(AnyFault):
    kind = Kind(echo=False, finality=False)


class WithoutTimes(AnyFault):
    """Where audio is lost or languages change, text alone cannot tell what is said twice."""

    kind = Kind(times=False)
    loses = switches = False


class EchoesAlone(WithoutTimes):
    kind = Kind(times=False, finality=False)


class TextAlone(WithoutTimes):
    kind = Kind(times=False, echo=False, finality=False)


MACHINES = [
    AnyFault,
    WithoutFinality,
    WithoutEchoes,
    TimesAlone,
    WithoutTimes,
    EchoesAlone,
    TextAlone,
]


@pytest.mark.parametrize("machine", MACHINES)
def test_every_word_comes_out_once(machine: type[AnyFault]) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=40, stateful_step_count=40, derandomize=True)
    )
