"""How loud a piece of sound is."""

import math
from dataclasses import dataclass

FULL_SCALE = 32_768
"""The amplitude of 0 dBFS in PCM16."""

SILENCE_DBFS = -120.0
"""What digital silence reads, and the least that anything does: levels stay finite numbers.
A single step of PCM16 in a block of 800 samples reads -119.3 dBFS RMS."""

_CLIPPED_RUN = b"\1\1\1"
"""Flags of the full-scale samples in a row that count as clipping. Three are our choice: one or two
are met in recordings which were normalised to full scale and never clipped."""


@dataclass(frozen=True, slots=True)
class Level:
    """The level of one block of sound."""

    rms_dbfs: float
    """20·log10(RMS / full scale): a full-scale sine reads -3.01 dBFS, a full-scale square wave 0.
    AES17 meters read 3.01 dB more, since they call the full-scale sine 0 dBFS."""
    peak_dbfs: float
    """20·log10 of the largest sample's magnitude / full scale."""
    clipped: bool
    """Whether three samples in a row stand at full scale, of either sign."""


def measure(pcm: bytes) -> Level:
    """The level of PCM16 little-endian mono of any length; nothing at all is silence.

    Raises `ValueError` for half a sample.
    """
    import numpy as np

    samples = np.frombuffer(pcm, dtype="<i2")
    if not samples.size:
        return Level(SILENCE_DBFS, SILENCE_DBFS, clipped=False)
    peak = max(int(samples.max()), -int(samples.min()))
    values = samples.astype(np.float64)
    rms = math.sqrt(float(np.square(values).mean()))
    full = FULL_SCALE - 1
    clipped = peak >= full and _CLIPPED_RUN in (np.abs(values) >= full).tobytes()
    return Level(_dbfs(rms), _dbfs(peak), clipped)


def _dbfs(amplitude: float) -> float:
    if amplitude <= 0:
        return SILENCE_DBFS
    return max(20 * math.log10(amplitude / FULL_SCALE), SILENCE_DBFS)
