"""Where the sound of a broadcast stands against the clock."""

from tui.captions import SAMPLE_RATE

_BURST_SECONDS = 1.0
"""How long what a server had waiting takes to arrive."""
_DECAY = 0.001
"""Seconds a second by which clocks of stations may be slow, far more than any is."""


class BroadcastClock:
    """Tells how much sound is missing, from when sound came. All times are monotonic seconds.

    The edge is how far the sound ran ahead of the time since its first sample: the burst that a
    server sends at first, and what its clock gains. Sound that is lost leaves that much less.
    """

    def __init__(self, now: float) -> None:
        """The first sample comes now."""
        self._start = self._last = now
        self._edge = 0.0
        self._burst = 0.0
        self.position = 0
        """Samples that were heard or missed so far."""

    def hear(self, samples: int, now: float) -> None:
        """So many samples came."""
        self.position += samples
        lead = self._lead(now)
        self._edge = max(lead, self._edge - _DECAY * (now - self._last))
        self._last = now
        if now - self._start <= _BURST_SECONDS:
            self._burst = max(self._burst, lead)

    def miss(self, samples: int) -> None:
        """So many samples were given as missing."""
        self.position += samples

    def due(self, now: float) -> int:
        """Samples by which a listener has waited longer than the burst would have lasted."""
        return round((self._edge - self._burst - self._lead(now)) * SAMPLE_RATE)

    def gap(self, waiting: int, now: float) -> int:
        """Samples that are lost in front of a new stretch, of which `waiting` are there already.

        Less than 0 where so many of them were heard before.
        """
        return round((self._edge - self._lead(now)) * SAMPLE_RATE) - waiting

    def possible(self, ahead: float, now: float) -> int:
        """Samples that can be lost at most, where no server is more than `ahead` seconds ahead."""
        return round((ahead - self._lead(now)) * SAMPLE_RATE)

    def stand_still(self, samples: int) -> None:
        """So many samples that are missing are left out of the count."""
        self._start += samples / SAMPLE_RATE

    def _lead(self, now: float) -> float:
        return self.position / SAMPLE_RATE - (now - self._start)
