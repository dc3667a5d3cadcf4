"""The clock of a broadcast finds what is missing, and believes in nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from tui.audio.web.clock import BroadcastClock

seconds = st.floats(0, 20)


def running(burst: float, length: float, drift: float = 0.0) -> tuple[BroadcastClock, float]:
    """A clock that heard a burst at once and then some seconds as they came, and the time."""
    clock = BroadcastClock(100.0)
    clock.hear(round(burst * 16_000), 100.0)
    now = 100.0
    for _ in range(round(length * 10)):
        now += 0.1
        clock.hear(round(1_600 * (1 + drift)), now)
    return clock, now


@given(burst=seconds, length=seconds, gone=seconds, waiting=seconds)
def test_what_was_broadcast_while_nobody_heard_is_missed(
    burst: float, length: float, gone: float, waiting: float
) -> None:
    clock, now = running(burst, length)
    gap = clock.gap(round(waiting * 16_000), now + gone)
    assert abs(gap / 16_000 - (gone - waiting)) < 0.03


@given(burst=seconds, length=seconds, gone=seconds)
def test_nothing_is_missed_before_the_burst_is_used_up(
    burst: float, length: float, gone: float
) -> None:
    clock, now = running(burst, length)
    due = clock.due(now + gone) / 16_000
    assert abs(due - (gone - burst)) < 0.05


@given(burst=seconds, gone=seconds)
def test_what_was_given_as_missing_is_not_missed_again(burst: float, gone: float) -> None:
    clock, now = running(burst, 5)
    missed = max(clock.due(now + gone), 0)
    clock.miss(missed)
    gap = clock.gap(0, now + gone)
    assert abs(gap + missed - gone * 16_000) < 500


@given(drift=st.floats(-5e-4, 5e-4))
def test_a_station_with_a_slow_or_fast_clock_misses_nothing(drift: float) -> None:
    clock, now = running(3, 600, drift)
    assert abs(clock.gap(0, now)) < 16_000 * 0.05


def test_what_is_left_out_is_not_missed_again() -> None:
    clock, now = running(2, 5)
    gap = clock.gap(0, now + 3_600)
    clock.miss(960_000)
    clock.stand_still(gap - 960_000)
    assert abs(clock.gap(0, now + 3_600)) < 20
