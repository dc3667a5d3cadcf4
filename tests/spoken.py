"""Sound that says which second it belongs to, and an ear that understands it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tui.audio.source import CHUNK_SAMPLES, SourceInfo
from tui.captions import SAMPLE_RATE

WORD_START = SAMPLE_RATE // 5
"""Samples from the beginning of a second to its word."""
WORD_SAMPLES = SAMPLE_RATE * 3 // 5
"""Length of a word; the rest of the second is silence."""
MOST_SECONDS = 2**15 - 2
"""A sample holds the number of its second and one, as signed 16 bits."""


def word(second: int) -> str:
    """What is said in a second."""
    return f"w{second:05}"


def fragment(second: int) -> str:
    """What is understood of a second whose word was not heard whole, or heard too long."""
    return f"x{second:05}"


def words(seconds: int, first: int = 0) -> list[str]:
    """What is said in so many seconds."""
    return [word(second) for second in range(first, first + seconds)]


def word_start(second: int) -> int:
    """The absolute sample index at which the word of a second begins."""
    return second * SAMPLE_RATE + WORD_START


def said_in(samples: int, silent: range = range(0)) -> list[str]:
    """What so many first samples say; of a word that their end cuts, a fragment."""
    seconds, rest = divmod(samples, SAMPLE_RATE)
    into = rest - WORD_START
    whole = words(seconds + (into >= WORD_SAMPLES))
    cut = [fragment(seconds)] if 0 < into < WORD_SAMPLES and seconds not in silent else []
    return [text for second, text in enumerate(whole) if second not in silent] + cut


def spoken(second: int) -> bytes:
    """The PCM16 of one second: in its word, every sample has the value `second + 1`."""
    samples = np.zeros(SAMPLE_RATE, "<i2")
    samples[WORD_START : WORD_START + WORD_SAMPLES] = second + 1
    return samples.tobytes()


class Spoken:
    """A source of so many whole seconds, the first of which says the word of `first`."""

    def __init__(self, seconds: int, first: int = 0, silent: range = range(0)) -> None:
        """Nothing is said in the seconds `silent`."""
        assert first + seconds <= MOST_SECONDS
        self.info = SourceInfo("file", "spoken.wav", seconds * SAMPLE_RATE)
        self.closed = threading.Event()
        self._silent = silent
        self._seconds = range(first, first + seconds)

    def chunks(self) -> Iterator[bytes]:
        """50 ms at a time."""
        step = 2 * CHUNK_SAMPLES
        for second in self._seconds:
            pcm = spoken(second) if second not in self._silent else bytes(2 * SAMPLE_RATE)
            yield from (pcm[at : at + step] for at in range(0, len(pcm), step))

    def close(self) -> None:
        """Tell that nobody reads any more."""
        self.closed.set()


@dataclass(frozen=True, slots=True)
class Heard:
    """One word, or fragment of one, with its samples from the beginning of the stream."""

    text: str
    start: int
    end: int


class Recogniser:
    """Understands `Spoken` from frames of any length; sample 0 is the first one it hears."""

    def __init__(self) -> None:
        self.samples = 0
        """How many were heard."""
        self._value = 0
        self._since = 0
        """Where the run of equal samples began that is being heard."""

    def hear(self, pcm: bytes) -> list[Heard]:
        """What became clear with these whole samples."""
        values = np.frombuffer(pcm, "<i2")
        heard: list[Heard] = []
        begins = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist()] if len(values) else []
        for begin, end in zip(begins, [*begins[1:], len(values)], strict=True):
            heard += self._hear_run(int(values[begin]), self.samples + begin, self.samples + end)
        self.samples += len(values)
        return heard

    def finish(self) -> list[Heard]:
        """What is left when no more sound comes."""
        return self._hear_run(0, self.samples, self.samples)

    def _hear_run(self, value: int, start: int, end: int) -> list[Heard]:
        """Hear equal samples, which may go on with the run before them."""
        heard: list[Heard] = []
        if value != self._value:
            heard += self._rest(start)
            self._value, self._since = value, start
        while self._value and end - self._since >= WORD_SAMPLES:
            since, self._since = self._since, self._since + WORD_SAMPLES
            heard.append(Heard(word(self._value - 1), since, self._since))
        return heard

    def _rest(self, end: int) -> list[Heard]:
        """What the run says that ends here, if it is no whole word."""
        if not self._value or end == self._since:
            return []
        return [Heard(fragment(self._value - 1), self._since, end)]
