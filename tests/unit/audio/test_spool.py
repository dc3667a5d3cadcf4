"""The spool keeps every sample under its index until it is trimmed."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tui.audio.spool import MEMORY_LIMIT, Loss, Spool

SECOND = 16_000


class SpoolAgainstBytes(RuleBasedStateMachine):
    """The spool answers as one long bytes object would from which nothing is ever removed."""

    def __init__(self) -> None:
        super().__init__()
        self.spool = Spool()
        self.sound = b""
        self.trimmed = 0

    @rule(
        samples=st.one_of(st.integers(0, 3_000), st.sampled_from([16_383, 16_384, 40_000])),
        pattern=st.binary(min_size=2, max_size=7),
    )
    def append(self, samples: int, pattern: bytes) -> None:
        pcm = (pattern * (samples * 2 // len(pattern) + 1))[: samples * 2]
        self.sound += pcm
        assert self.spool.append(pcm) == len(self.sound) // 2

    @rule(upto=st.integers(-10, 200_000))
    def trim(self, upto: int) -> None:
        self.spool.trim(upto)
        self.trimmed = max(self.trimmed, min(upto, len(self.sound) // 2))

    @rule(share=st.floats(0, 1), most=st.integers(0, 100_000))
    def read(self, share: float, most: int) -> None:
        start = self.trimmed + round(share * (len(self.sound) // 2 - self.trimmed))
        assert self.spool.read(start, most) == self.sound[start * 2 : (start + most) * 2]

    @rule(before=st.integers(1, 100_000), most=st.integers(0, 10))
    def read_what_was_trimmed(self, before: int, most: int) -> None:
        with pytest.raises(ValueError, match="not held"):
            self.spool.read(self.trimmed - before, most)

    @rule(behind=st.integers(1, 100_000))
    def read_what_is_to_come(self, behind: int) -> None:
        with pytest.raises(ValueError, match="not held"):
            self.spool.read(len(self.sound) // 2 + behind, 1)

    @invariant()
    def knows_its_bounds(self) -> None:
        assert self.spool.start == self.trimmed
        assert self.spool.end == len(self.sound) // 2


SpoolAgainstBytes.TestCase.settings = settings(max_examples=60, deadline=None)
TestSpoolAgainstBytes = SpoolAgainstBytes.TestCase


@given(st.binary(max_size=99).filter(lambda pcm: len(pcm) % 2))
def test_half_a_sample_is_refused_and_changes_nothing(pcm: bytes) -> None:
    spool = Spool()
    spool.append(b"\1\2")
    with pytest.raises(ValueError, match="whole PCM16 samples"):
        spool.append(pcm)
    assert spool.read(0, 100) == b"\1\2"


def test_trimming_gives_the_memory_back() -> None:
    spool = Spool()
    tracemalloc.start()
    try:
        for _ in range(600):
            spool.trim(spool.append(bytes(2 * SECOND)) - 5 * SECOND)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * 10 * SECOND


def test_half_an_hour_is_read_piece_by_piece_without_copying_the_rest() -> None:
    spool = Spool()
    for _ in range(1_800):
        spool.append(bytes(2 * SECOND))
    pieces = sum(len(spool.read(start, 800)) for start in range(0, spool.end, 800))
    assert pieces == 1_800 * 2 * SECOND


def test_a_spool_may_begin_anywhere() -> None:
    spool = Spool(70_000)
    assert (spool.start, spool.end) == (70_000, 70_000)
    assert spool.append(b"\1\2\3\4") == 70_002
    assert spool.read(70_001, 10) == b"\3\4"
    with pytest.raises(ValueError, match="not held"):
        spool.read(0, 1)


def test_without_a_disk_memory_is_bounded_and_what_is_given_up_is_told() -> None:
    spool = Spool()
    tracemalloc.start()
    try:
        for _ in range(2_400):
            spool.append(bytes(2 * SECOND))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MEMORY_LIMIT * 1.02
    assert spool.end - spool.start > 34 * 60 * SECOND
    assert spool.take_lost() == [Loss(0, spool.start, "there was no room to keep it")]
    assert spool.take_lost() == []
    assert spool.trouble is None


def test_without_a_folder_nothing_is_written() -> None:
    spool = Spool()
    spool.append(b"\1\2")
    spool.persist()
    spool.give_way()
    spool.close()
    assert spool.read(0, 1) == b"\1\2"
    assert spool.trouble is None
    spool.discard()
    assert (spool.start, spool.end) == (1, 1)
    assert spool.take_lost() == []
