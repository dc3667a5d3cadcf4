"""What a level meter shows of the sound, over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log10
from statistics import fmean

from tui.audio.level import SILENCE_DBFS, Level
from tui.captions import SAMPLE_RATE

PEAK_HOLD = 3 * SAMPLE_RATE // 2
"""Samples for which the highest peak stays marked: our choice, 1.5 s."""
CLIP_HOLD = 3 * SAMPLE_RATE
"""Samples for which clipping is told after it was heard: our choice, 3 s are enough to read it."""
NO_SIGNAL_AFTER = 3 * SAMPLE_RATE
"""Samples of digital zero that mean no signal: our choice; a microphone's noise is never zero."""
QUIET_PEAK_DBFS = -40.0
"""Peaks below are too quiet: our choice. Speech levelled by EBU R 128 (-23 LUFS) peaks some 20 dB
higher, and 16 bits leave 50 dB between such a peak and their noise."""
QUIET_AFTER = 8 * SAMPLE_RATE
"""Samples without a higher peak that mean too quiet: our choice, longer than a talker pauses."""
FIGURE_HOLD = SAMPLE_RATE // 2
"""Samples for which the figure stands still, so that it can be read: our choice, 0.5 s."""


class Fault(StrEnum):
    """What is wrong with the sound, in the words that users read."""

    NONE = ""
    GONE = "device gone"
    NO_SOUND = "no sound"
    """The source of it gives nothing, and is no device."""
    NO_SIGNAL = "no signal"
    QUIET = "too quiet"
    CLIPPING = "clipping"


_ADVICE = {
    Fault.NO_SIGNAL: "the microphone gives digital silence: it is muted, or captty may not use it",
    Fault.QUIET: "too quiet: turn the microphone up",
    Fault.CLIPPING: "too loud: turn the microphone down",
}
_MONITOR_ADVICE = {Fault.NO_SIGNAL: "nothing is played now"}


def sound_advice(fault: Fault, kind: str) -> str:
    """What to do about a fault of a `mic` or a `monitor`; of other sounds the meter says enough."""
    return {"mic": _ADVICE, "monitor": _MONITOR_ADVICE}.get(kind, {}).get(fault, "")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter shows at one moment, levels in dBFS."""

    rms: float
    peak: float
    """The highest peak of the last while."""
    figure: float
    """The RMS level of the last while, as a number that stands long enough to be read."""
    fault: Fault


class Ballistics:
    """Holds peaks, figure and faults. Its clock is the audio: absolute sample indexes."""

    def __init__(self, level: Level, at: int) -> None:
        """`level` is the first one, of the audio up to the sample `at`."""
        self._peak, self._peak_at = level.peak_dbfs, at
        self._figure, self._figure_at = level.rms_dbfs, at
        self._powers: list[float] = []
        self._sound_at = self._loud_at = at
        self._clipped_at = at - CLIP_HOLD

    def read(self, level: Level, at: int) -> Reading:
        """What to show after the audio up to the sample `at`, which had this level."""
        if level.peak_dbfs >= self._peak or at - self._peak_at >= PEAK_HOLD:
            self._peak, self._peak_at = level.peak_dbfs, at
        self._powers.append(10 ** (level.rms_dbfs / 10))
        if at - self._figure_at >= FIGURE_HOLD:
            self._figure, self._figure_at = _mean_level(self._powers), at
            self._powers.clear()
        if level.peak_dbfs > SILENCE_DBFS:
            self._sound_at = at
        if level.peak_dbfs >= QUIET_PEAK_DBFS:
            self._loud_at = at
        if level.clipped:
            self._clipped_at = at
        return Reading(level.rms_dbfs, self._peak, self._figure, self._fault(at))

    def _fault(self, at: int) -> Fault:
        if at - self._clipped_at < CLIP_HOLD:
            return Fault.CLIPPING
        if at - self._sound_at >= NO_SIGNAL_AFTER:
            return Fault.NO_SIGNAL
        if at - self._loud_at >= QUIET_AFTER:
            return Fault.QUIET
        return Fault.NONE


def _mean_level(powers: Sequence[float]) -> float:
    """The level of sound of these powers one after another, in dBFS: their energy counts."""
    power = fmean(powers)
    return round(10 * log10(power), 3) if power > 0 else SILENCE_DBFS
