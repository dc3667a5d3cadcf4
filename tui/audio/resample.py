"""Sound of any sample rate made into what captty hears, sends and saves."""

import numpy as np
import soxr
from numpy.typing import NDArray

from tui.captions import SAMPLE_RATE

Mono = NDArray[np.float32]
"""One channel; full scale is -1 to 1."""


class Resampler:
    """Mono blocks in, PCM16 at 16 000 Hz out, without a seam between the blocks."""

    def __init__(self) -> None:
        self._rate = SAMPLE_RATE
        self._stream: soxr.ResampleStream | None = None

    def feed(self, block: Mono, rate: int) -> bytes:
        """The PCM16 that is ready once this block is in; the filter holds some milliseconds back.

        Where `rate`, in samples a second, is another one than before, what was held comes first.
        """
        held = self.flush() if rate != self._rate else b""
        self._rate = rate
        if rate == SAMPLE_RATE:
            return held + _pcm16(block)
        if self._stream is None:
            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        return held + _pcm16(self._stream.resample_chunk(block))

    def flush(self) -> bytes:
        """What the filter still held. The next block begins a new sound."""
        if self._stream is None:
            return b""
        rest = self._stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
        self._stream = None
        return _pcm16(rest)


def _pcm16(block: Mono) -> bytes:
    return np.clip(np.rint(block * 32_768), -32_768, 32_767).astype("<i2").tobytes()
