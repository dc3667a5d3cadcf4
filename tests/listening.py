"""Listening to a source that goes on while a test looks at what came."""

import threading
import time
from collections.abc import Callable

import numpy as np

from tests.unit.audio.sounds import Sound
from tui.audio.source import Fact, Missed, Source, SourceError


def noise(seconds: float, rate: int = 16_000) -> Sound:
    """Sound of which every moment is like no other."""
    chance = np.random.default_rng(7)
    return (0.1 * chance.standard_normal((1, round(seconds * rate)))).astype(np.float32)


class Listening:
    """What came from a source so far, read on a thread."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.items: list[bytes | Fact] = []
        self.times: list[float] = []
        self.error = ""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for item in self.source.chunks():
                self.items.append(item)
                self.times.append(time.monotonic())
        except SourceError as error:
            self.error = str(error)

    def until(self, met: Callable[[], bool], seconds: float = 15) -> None:
        """Wait for a condition."""
        end = time.monotonic() + seconds
        while not met():
            assert time.monotonic() < end, self.facts()[-5:]
            time.sleep(0.02)

    def stop(self) -> None:
        self.source.close()
        self._thread.join(5)
        assert not self._thread.is_alive()

    @property
    def seconds(self) -> float:
        return sum(len(item) for item in self.items if isinstance(item, bytes)) / 32_000

    @property
    def pcm(self) -> bytes:
        return b"".join(item for item in self.items if isinstance(item, bytes))

    @property
    def missed(self) -> float:
        return sum(item.samples for item in self.items if isinstance(item, Missed)) / 16_000

    def facts(self) -> list[Fact]:
        return [item for item in self.items if not isinstance(item, bytes)]


def place(pcm: bytes, whole: bytes) -> float:
    """The second at which a piece of sound stands in the whole; NaN where it does not."""
    found = np.frombuffer(pcm, "<i2").astype(float)
    there = np.frombuffer(whole, "<i2").astype(float)
    size = 1 << (len(found) + len(there)).bit_length()
    product = np.fft.irfft(np.fft.rfft(there, size) * np.conj(np.fft.rfft(found, size)), size)
    best = int(product.argmax())
    energy = float(np.dot(found, found))
    start = best if best < len(there) else best - size
    return start / 16_000 if product[best] > 0.8 * energy else float("nan")
