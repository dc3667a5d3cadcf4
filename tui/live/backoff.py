"""How long to wait before the next attempt to connect."""

import random
from collections.abc import Callable

SHORTEST_SECONDS = 0.25
LONGEST_SECONDS = 10.0
STABLE_SECONDS = 30.0
"""A connection that was of use for that long has ended the trouble before it."""


class Backoff:
    """Exponential backoff with full jitter, without an end ("Exponential Backoff And Jitter", AWS).

    The wait before attempt n is random between 0.25 s and min(10, 0.25 · 2ⁿ) s.
    """

    def __init__(self, jitter: Callable[[float, float], float] = random.uniform) -> None:
        """`jitter` gives a number between two."""
        self.attempt = 0
        """Attempts since the last reset."""
        self._jitter = jitter

    def next(self, after: float = 0.0) -> float:
        """Count one more attempt; returns the seconds to wait before it.

        `after` is what the server asks for: the random part comes on top of it, so that those
        whom it sent away together do not come back together.
        """
        self.attempt += 1
        longest = min(LONGEST_SECONDS, SHORTEST_SECONDS * 2 ** min(self.attempt, 16))
        return after + self._jitter(SHORTEST_SECONDS, longest)

    def settle(self, lasted: float, useful: bool) -> None:
        """A connection has ended after so many seconds; `useful` where text or an echo came."""
        if useful and lasted >= STABLE_SECONDS:
            self.reset()

    def reset(self) -> None:
        """Begin anew with the shortest wait."""
        self.attempt = 0
