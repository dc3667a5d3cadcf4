"""The way of the audio from the spool to the server, and what the server has confirmed of it."""

import asyncio

from tui.audio.source import CHUNK_SAMPLES
from tui.audio.spool import Spool
from tui.captions import SAMPLE_RATE
from tui.live.connection import Connection, ConnectionBroken
from tui.wire.segments import SegmentsClient

LARGEST_FRAME = 8 * CHUNK_SAMPLES
"""400 ms: the protocol's largest frame, sent while there is a backlog."""
TRACE_SAMPLES = 5 * SAMPLE_RATE
"""Audio between two traces; while no audio comes, a trace is sent as often."""
WINDOW_SAMPLES = 20 * SAMPLE_RATE
"""Audio that a server which echoes traces may have without having confirmed it."""
BACKLOG_SAMPLES = 10 * SAMPLE_RATE
"""Unsent audio at which a source that can wait is kept waiting."""
SILENCE_SECONDS = 60.0
"""How long a server that owes an answer may say nothing at all."""

_TRACE = "s:"


class Uplink:
    """Sends what the spool holds, in order, and marks it with traces.

    A trace carries the absolute index of the sample behind it; its echo confirms all before it.
    """

    def __init__(self, spool: Spool, connection: Connection, protocol: SegmentsClient) -> None:
        self.sent = spool.start
        """Absolute index behind the last sample sent."""
        self.confirmed = spool.start
        """Absolute index behind the last sample that the server has transcribed."""
        self.finished = False
        """Whether the end of the audio is being sent, or has been."""
        self._spool = spool
        self._connection = connection
        self._protocol = protocol
        self._next_trace = spool.start
        self._echoes = False
        self._complete = False
        self._moved = asyncio.Event()
        self._heard_at = asyncio.get_running_loop().time()

    async def offer(self, pcm: bytes, *, wait: bool) -> None:
        """Take captured audio; where `wait`, return only when the backlog is short again."""
        self._spool.append(pcm)
        self._moved.set()
        while wait and self._spool.end - self.sent > BACKLOG_SAMPLES:
            await self._move()

    def complete(self) -> None:
        """No more audio comes."""
        self._complete = True
        self._moved.set()

    def heard(self) -> None:
        """The server has said something."""
        self._heard_at = asyncio.get_running_loop().time()
        self._moved.set()

    def echoed(self, trace_id: str) -> None:
        """The server has transcribed everything before this trace."""
        number = trace_id.removeprefix(_TRACE)
        if trace_id.startswith(_TRACE) and number.isdecimal():
            self._echoes = True
            self.confirmed = max(self.confirmed, min(int(number), self.sent))
            self._moved.set()

    async def run(self) -> None:
        """Send until all is sent, then the end marker; then watch that the server answers.

        Never returns. Raises `ConnectionBroken` where the server falls silent or hangs up.
        """
        await self._send_trace()
        while not (self._complete and self.sent == self._spool.end):
            if self.sent == self._spool.end:
                await self._idle()
            elif self._echoes and self.sent - self.confirmed >= WINDOW_SAMPLES:
                await self._answer()
            else:
                await self._send_audio()
        self.finished = True
        for frame in self._protocol.finish():
            await self._connection.send(frame)
        while True:
            await self._answer()

    async def _send_audio(self) -> None:
        pcm = self._spool.read(self.sent, LARGEST_FRAME)
        shortest = 2 * CHUNK_SAMPLES
        await self._connection.send(pcm.ljust(shortest, b"\0"))
        self.sent += len(pcm) // 2
        self._moved.set()
        if self.sent >= self._next_trace:
            await self._send_trace()

    async def _send_trace(self) -> None:
        await self._connection.send(self._protocol.trace(f"{_TRACE}{self.sent}"))
        self._next_trace = self.sent + TRACE_SAMPLES

    async def _idle(self) -> None:
        """Wait for audio; keep the connection in use where none comes."""
        try:
            async with asyncio.timeout(TRACE_SAMPLES / SAMPLE_RATE):
                await self._move()
        except TimeoutError:
            await self._send_trace()

    async def _answer(self) -> None:
        """Wait for something to move, as long as the server may be silent."""
        silence = asyncio.get_running_loop().time() - self._heard_at
        try:
            async with asyncio.timeout(max(0.0, SILENCE_SECONDS - silence)):
                await self._move()
        except TimeoutError:
            raise ConnectionBroken(
                f"the server has said nothing for {SILENCE_SECONDS:.0f} s: the end is not confirmed"
            ) from None

    async def _move(self) -> None:
        self._moved.clear()
        await self._moved.wait()
