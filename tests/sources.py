"""Sources of sound for tests of what comes behind them."""

import threading
from collections.abc import Iterator

from tui.audio.source import CHUNK_SAMPLES, SourceError, SourceInfo
from tui.captions import SAMPLE_RATE


class Silence:
    """So many seconds of silence; breaks off with an error where one is given."""

    def __init__(self, seconds: float, error: str = "", blocked: bool = False) -> None:
        self.info = SourceInfo("file", "silence.wav", round(seconds * SAMPLE_RATE))
        self.closed = threading.Event()
        self._error = error
        self._blocked = blocked

    def chunks(self) -> Iterator[bytes]:
        """50 ms at a time."""
        assert self.info.samples is not None
        whole, rest = divmod(self.info.samples, CHUNK_SAMPLES)
        for _ in range(whole):
            yield bytes(2 * CHUNK_SAMPLES)
        if rest:
            yield bytes(2 * rest)
        if self._blocked:
            self.closed.wait(30)
        if self._error:
            raise SourceError(self._error)

    def close(self) -> None:
        """Tell that nobody reads any more."""
        self.closed.set()
