"""Sound that a device lost, found by the clock: its own reports are not to be trusted."""

from tui.captions import SAMPLE_RATE

TOLERATED = 0.5
"""Seconds that sound may come late without a word."""
_PERSISTS = 1.0
"""Seconds after which what is still missing is not late but lost."""
_DRIFT = 0.0005
"""How far a device's clock may be off; crystals are within 0.0002."""


class Losses:
    """Compares the samples of one stream with the time they took."""

    def __init__(self) -> None:
        self._samples = 0
        self._began: float | None = None
        self._last = 0.0
        self._usual = 0.0
        self._since: float | None = None
        self._least = 0.0

    def feed(self, samples: int, taken: float) -> int:
        """Count samples that came at `taken`, in monotonic seconds; returns how many were lost.

        A loss is told about a second after it happened, once. The deficit is measured against the
        least there was, which slowly rises, so that clocks of different speed never add up to one.
        """
        if self._began is None:
            self._began = self._last = taken
            return 0
        self._samples += samples
        deficit = taken - self._began - self._samples / SAMPLE_RATE
        self._usual = min(deficit, self._usual + _DRIFT * (taken - self._last))
        self._last = taken
        return self._judge(deficit - self._usual, taken)

    def _judge(self, deficit: float, taken: float) -> int:
        if deficit <= TOLERATED:
            self._since = None
            return 0
        if self._since is None:
            self._since, self._least = taken, deficit
        self._least = min(self._least, deficit)
        if taken - self._since < _PERSISTS:
            return 0
        self._since = None
        lost = round(self._least * SAMPLE_RATE)
        self._samples += lost
        return lost
