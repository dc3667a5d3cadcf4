"""Where sound can be cut without cutting a word."""

import numpy as np

_WINDOW = 1_600
"""Samples: 100 ms, about the shortest pause between two words."""
_STEP = 160


def quietest(pcm: bytes) -> int:
    """The middle of the quietest 100 ms of PCM16 mono sound, in samples from its beginning.

    Of several that are equally quiet, the last. Less than 100 ms of sound is cut at its end.
    """
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    if len(samples) < _WINDOW:
        return len(samples)
    energy = np.concatenate(([0.0], np.cumsum(samples**2)))
    windows = (energy[_WINDOW:] - energy[:-_WINDOW])[::_STEP]
    last = len(windows) - 1 - int(np.argmin(windows[::-1]))
    return last * _STEP + _WINDOW // 2
