"""The spool keeps every sample under its index until it is trimmed."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tui.audio.spool import Spool

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
        assert self.spool.samples == self.spool.end - self.spool.start


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


def test_an_hour_is_read_piece_by_piece_without_copying_the_rest() -> None:
    spool = Spool()
    for _ in range(3_600):
        spool.append(bytes(2 * SECOND))
    pieces = sum(len(spool.read(start, 800)) for start in range(0, spool.end, 800))
    assert pieces == 3_600 * 2 * SECOND
