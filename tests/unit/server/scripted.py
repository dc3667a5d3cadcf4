"""An engine for faults: says how much it heard, and fails on samples of certain values."""

import ctypes
import os
import signal
import time
from array import array
from collections.abc import Callable, Sequence

from tui.captions import SAMPLE_RATE
from tui.server.engines import Hypothesis

MODULE = __name__
CRASH, HANG, STOP, FAIL, SLOW = 1111, 2222, 3333, 4444, 5555
"""Sample values; an audio frame that holds one makes the worker do so."""
SLOWNESS = 0.2
"""Seconds that a feed takes with `SLOW` in it."""


def command(value: int) -> bytes:
    """Half a second of audio that carries a command."""
    return array("h", [value] * (SAMPLE_RATE // 2)).tobytes()


def _fail() -> None:
    raise ValueError("told to fail in /secret/path")


_ACTS: dict[int, Callable[[], object]] = {
    CRASH: lambda: os.kill(os.getpid(), signal.SIGSEGV),
    HANG: lambda: time.sleep(600),
    STOP: lambda: os.kill(os.getpid(), signal.SIGSTOP),
    SLOW: lambda: time.sleep(SLOWNESS),
    FAIL: _fail,
}


class ScriptedStream:
    """One segment for each second of audio, whose text is the samples of it heard so far."""

    def __init__(self) -> None:
        self._heard = 0

    def feed(self, pcm: bytes) -> Sequence[Hypothesis]:
        """Count; settle the seconds that are full."""
        for value in set(array("h", pcm)) & set(_ACTS):
            _ACTS[value]()
        first = self._heard // SAMPLE_RATE
        self._heard += len(pcm) // 2
        print("from Python")
        ctypes.CDLL(None).puts(b"from a native library")
        return [self._second(n) for n in range(first, -(-self._heard // SAMPLE_RATE))]

    def finish(self) -> Sequence[Hypothesis]:
        """Settle the last second."""
        number, rest = divmod(self._heard, SAMPLE_RATE)
        return [self._second(number, settled=True)] if rest else []

    def close(self) -> None:
        """Nothing is held."""

    def _second(self, number: int, *, settled: bool = False) -> Hypothesis:
        start = number * SAMPLE_RATE
        end = min(self._heard, start + SAMPLE_RATE)
        full = end - start == SAMPLE_RATE
        return Hypothesis(number, str(end - start), start, end, settled=settled or full)


class Scripted:
    """Starts whatever it is asked for; without a model where the prompt says so."""

    name = "scripted"
    languages = frozenset({"en", "de"})

    def start(self, language: str | None, prompt: str) -> ScriptedStream:
        """A stream, unless the prompt forbids it."""
        if prompt == "no model":
            raise FileNotFoundError("/secret/path/to/model")
        return ScriptedStream()


ENGINE = Scripted()
