"""Up to when the sound of a device is accounted for, through all its interruptions."""

from tui.audio.microphone.losses import Losses
from tui.audio.source import Missed
from tui.captions import SAMPLE_RATE, length_text

MOST_MISSED = 60 * SAMPLE_RATE
"""Samples told as missed at once: a process that was stopped for hours gives no more."""

_LOST = "the microphone's sound did not arrive in time"


class SoundClock:
    """Says how much silence belongs before each sound, by the monotonic clock."""

    def __init__(self, opened: float) -> None:
        """A device that was opened at `opened`, in monotonic seconds."""
        self._until = opened
        self._losses: Losses | None = None
        self._counts = False

    @property
    def sounding(self) -> bool:
        """Whether sound has come since the last interruption."""
        return self._losses is not None

    def sound(self, samples: int, taken: float, cause: str) -> list[Missed]:
        """Count samples that came at `taken`; returns what is missing before them.

        `cause` is of the interruption, where this ends one. What a device takes to begin the very
        first time is not missing.
        """
        if self._losses is None:
            self._losses = Losses()
            begins = taken - samples / SAMPLE_RATE
            missed = self.missed(begins, cause) if self._counts else []
        else:
            missed = []
        lost = self._losses.feed(samples, taken)
        self._counts, self._until = True, max(taken, self._until)
        return missed + (_missed(lost, _LOST) if lost else [])

    def interrupt(self) -> None:
        """There is no sound from now on; the time goes on."""
        self._losses, self._counts = None, True

    def missed(self, now: float, cause: str, least: float = 0.0) -> list[Missed]:
        """What is missing until now, where it is more than `least` seconds."""
        samples = round((now - self._until) * SAMPLE_RATE)
        if samples <= least * SAMPLE_RATE:
            return []
        self._until = now
        return _missed(samples, cause)


def _missed(samples: int, cause: str) -> list[Missed]:
    if samples <= MOST_MISSED:
        return [Missed(samples, cause)]
    rest = length_text((samples - MOST_MISSED) / SAMPLE_RATE)
    return [Missed(MOST_MISSED, f"{cause}, {rest} longer than shown here")]
