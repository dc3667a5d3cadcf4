"""The waits between attempts to connect."""

from hypothesis import given
from hypothesis import strategies as st

from tui.live.backoff import Backoff

asked = st.floats(0, 300)
attempts = st.integers(1, 2000)


@given(attempts, asked)
def test_waits_grow_within_their_bounds(attempt: int, after: float) -> None:
    bounds: list[tuple[float, float]] = []

    def jitter(low: float, high: float) -> float:
        bounds.append((low, high))
        return high

    backoff = Backoff(jitter)
    backoff.attempt = attempt - 1
    wait = backoff.next(after)
    assert backoff.attempt == attempt
    ((low, high),) = bounds
    assert low == 0.25
    assert high == min(10, 0.25 * 2 ** min(attempt, 50))
    assert wait == after + high


@given(st.lists(asked, max_size=30))
def test_no_wait_is_shorter_than_asked_for_or_much_longer(pauses: list[float]) -> None:
    backoff = Backoff()
    for after in pauses:
        assert after + 0.25 <= backoff.next(after) <= after + 10


def test_the_first_attempts_come_within_a_second_and_differ() -> None:
    waits = {Backoff().next() for _ in range(20)}
    assert len(waits) > 1
    assert max(waits) <= 0.5


@given(attempts, st.floats(0, 1e6), st.booleans())
def test_it_begins_anew_only_after_a_connection_that_lasted_and_was_of_use(
    attempt: int, lasted: float, useful: bool
) -> None:
    backoff = Backoff()
    backoff.attempt = attempt
    backoff.settle(lasted, useful)
    assert backoff.attempt == (0 if useful and lasted >= 30 else attempt)


def test_a_server_that_breaks_every_few_seconds_is_not_hammered() -> None:
    backoff = Backoff(lambda low, high: high)
    waits = []
    for _ in range(8):
        waits.append(backoff.next())
        backoff.settle(5.0, useful=True)
    assert waits == [0.5, 1, 2, 4, 8, 10, 10, 10]
    backoff.reset()
    assert backoff.next() == 0.5
