"""Every captured sample, kept until there is evidence that it is no longer needed."""

from collections import deque

_BYTES = 2
_BLOCK = 32_768
"""Bytes kept together: about one second. Memory is given back in these units."""


class Spool:
    """PCM16 mono sound by absolute sample index, in memory. Not thread-safe: one owner uses it."""

    def __init__(self) -> None:
        self._blocks: deque[bytearray] = deque()
        self._base = 0
        self._start = 0
        self._end = 0

    @property
    def start(self) -> int:
        """Absolute index of the first sample still held."""
        return self._start

    @property
    def end(self) -> int:
        """Absolute index behind the last sample: how many were ever appended."""
        return self._end

    @property
    def samples(self) -> int:
        """How many samples are held."""
        return self._end - self._start

    def append(self, pcm: bytes) -> int:
        """Keep whole PCM16 samples behind the last one; returns the new `end`.

        Raises `ValueError` for half a sample: every index behind it would be wrong.
        """
        if len(pcm) % _BYTES:
            raise ValueError(f"{len(pcm)} bytes are no whole PCM16 samples: append even lengths")
        rest = memoryview(pcm)
        while rest:
            room = self._room()
            self._blocks[-1] += rest[:room]
            rest = rest[room:]
        self._end += len(pcm) // _BYTES
        return self._end

    def read(self, start: int, most: int) -> bytes:
        """The sound from absolute index `start`, `most` samples of it or what there is.

        Empty at `end`. Raises `ValueError` where samples were trimmed or not captured yet.
        """
        if not self._start <= start <= self._end:
            raise ValueError(
                f"sample {start} is not held: the spool has {self._start} up to {self._end}"
            )
        first = (start - self._base) * _BYTES
        last = (min(start + max(most, 0), self._end) - self._base) * _BYTES
        return b"".join(
            self._blocks[number][max(first - number * _BLOCK, 0) : last - number * _BLOCK]
            for number in range(first // _BLOCK, -(-last // _BLOCK))
        )

    def trim(self, upto: int) -> None:
        """Let go of everything before absolute index `upto`.

        A stale index moves nothing back, and one that lies ahead trims no further than `end`.
        """
        self._start = min(max(upto, self._start), self._end)
        gone = (self._start - self._base) * _BYTES // _BLOCK
        for _ in range(gone):
            self._blocks.popleft()
        self._base += gone * _BLOCK // _BYTES

    def _room(self) -> int:
        """Bytes that the last block still takes; begins a block where it is full."""
        if not self._blocks or len(self._blocks[-1]) == _BLOCK:
            self._blocks.append(bytearray())
        return _BLOCK - len(self._blocks[-1])
