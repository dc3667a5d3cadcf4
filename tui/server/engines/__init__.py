"""The interface between the server and its speech engines; one module an engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from tui.captions import Word

DEFAULT = "tui.server.engines.pocketsphinx"
"""The module of the engine that is always there."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What an engine believes one segment of its stream to say."""

    number: int
    """Counts the segments of the stream from 0."""
    text: str
    """Empty where the segment turned out to hold no words."""
    start: int
    """Sample index in the stream; the first sample fed is 0."""
    end: int
    words: tuple[Word, ...] = ()
    settled: bool = False
    """The engine will not come back to it."""


class Recogniser(Protocol):
    """One stream of audio being recognised. Lives in a process of its own."""

    def feed(self, pcm: bytes) -> Sequence[Hypothesis]:
        """Take PCM16 mono at 16 000 Hz of any even length; returns what is new or changed."""
        ...

    def finish(self) -> Sequence[Hypothesis]:
        """Settle what is open. The next `feed` begins a fresh context on the same timeline."""
        ...

    def close(self) -> None:
        """Free what the engine holds."""
        ...


class Engine(Protocol):
    """A speech engine that is installed on this machine."""

    @property
    def name(self) -> str:
        """The word by which users choose it."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """Codes of the languages it can recognise now."""
        ...

    def start(self, language: str | None, prompt: str) -> Recogniser:
        """Load the models of a language, or of its default where it is `None`."""
        ...


def load(module: str) -> Engine:
    """The engine of a module, which calls it `ENGINE`; loads no model and no native library."""
    engine: Engine = import_module(module).ENGINE
    return engine
