"""The way of the sound from its source into the session, at its pace."""

import asyncio
from collections.abc import Awaitable, Callable

from tui.audio.level import Level, measure
from tui.audio.source import Fact, Missed, Source
from tui.captions import SAMPLE_RATE
from tui.live.pace import pace_of
from tui.live.reader import SourceReader

_LEVEL_SAMPLES = SAMPLE_RATE // 5
_MOST_BLOCKS = 4
_CHUNKS_AT_ONCE = 40
"""Handed from thread to thread where nobody waits for the single chunk."""


class Capture:
    """Reads a source at real-time pace, or as fast as the server takes it; can be paused."""

    def __init__(
        self,
        source: Source,
        *,
        paced: bool,
        measured: Callable[[Level], None],
        told: Callable[[Fact], None],
    ) -> None:
        """`told` gets what the source tells besides sound, in its place."""
        self._source = source
        self._measured = measured
        self._told = told
        self._running = asyncio.Event()
        self._running.set()
        self._pace = pace_of(source.info) if paced else None
        self._interval = _LEVEL_SAMPLES if paced else 5 * _LEVEL_SAMPLES
        self._blocks: list[bytes] = []
        self._unmeasured = 0

    def pause(self) -> None:
        """Take no more audio until `resume`."""
        self._running.clear()

    def resume(self) -> None:
        """Go on with the next sample."""
        if self._pace:
            self._pace.restart()
        self._running.set()

    async def run(self, offer: Callable[[bytes], Awaitable[None]]) -> None:
        """Offer the source's audio, each block when the one before is taken, until it ends.

        Raises `SourceError` where the source breaks off.
        """
        reader = SourceReader(self._source, 1 if self._pace else _CHUNKS_AT_ONCE)
        try:
            async for block in reader.blocks():
                if await self._heard(block):
                    if isinstance(block, bytes):
                        await self._keep_pace(len(block) / 2 / SAMPLE_RATE)
                        await offer(block)
                        self._measure(block)
                    else:
                        self._told(block)
        finally:
            await reader.stop()

    async def _heard(self, block: bytes | Fact) -> bool:
        """Whether a block counts: what goes by in a pause does not, what waits comes after it."""
        if self._source.info.waits:
            await self._running.wait()
        return self._running.is_set() or not isinstance(block, bytes | Missed)

    async def _keep_pace(self, seconds: float) -> None:
        """Return when the block of so many seconds is due."""
        if self._pace:
            now = asyncio.get_running_loop().time()
            if (wait := self._pace.wait(seconds, now)) > 0:
                await asyncio.sleep(wait)

    def _measure(self, block: bytes) -> None:
        """Tell the level of all audio that comes at its pace, and samples of what comes faster."""
        self._unmeasured += len(block)
        self._blocks.append(block)
        if self._unmeasured >= 2 * self._interval:
            self._measured(measure(b"".join(self._blocks[-_MOST_BLOCKS:])))
            self._unmeasured = 0
            self._blocks.clear()
