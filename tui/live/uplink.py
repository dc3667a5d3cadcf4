"""The way of the audio from the spool to a server, and what the server has confirmed of it."""

import asyncio
from collections import deque
from collections.abc import Iterable

from tui.audio.source import CHUNK_SAMPLES
from tui.audio.spool import Spool
from tui.captions import SAMPLE_RATE, SegmentKey, SegmentUpdate
from tui.live.connection import Connection, ConnectionBroken
from tui.live.pulse import Pulse
from tui.wire.segments import SegmentsClient

SHORTEST_FRAME = CHUNK_SAMPLES
"""50 ms: the protocol's smallest frame."""
LARGEST_FRAME = 8 * CHUNK_SAMPLES
"""400 ms: the protocol's largest frame, sent while there is a backlog."""
TRACE_SAMPLES = 5 * SAMPLE_RATE
"""Audio between two traces; while no audio comes, a trace is sent as often."""
WINDOW_SAMPLES = 20 * SAMPLE_RATE
"""Audio that a server which echoes traces may have without having confirmed it."""
ANSWER_SECONDS = 15.0
"""How long a server that owes an echo may say nothing new."""
OWED_SECONDS = 120.0
"""How long it may owe the same echo, whatever else it says."""
FIRST_ANSWER_SECONDS = 45.0
"""The same for the first echo of a connection: an engine may have to load its model."""
END_SECONDS = 30.0
"""How long a server that knows that there is no more audio may say nothing new."""
REPLAY_SPEED = 2.0
"""Seconds of audio that a server gets each second while it is behind live audio: providers warn
of bursts. One that tells neither by times nor by echoes how far it is gets no more of any audio,
once it has had a window of it."""
CONFIRMED_SPEED = 8.0
"""The same for a server that confirms what it has done: the window keeps it from too much."""

_TRACE = "s:"


class Uplink:
    """Sends what the spool holds from `origin` on, in order, and marks it with traces.

    A trace carries the absolute index of the sample behind it; its echo confirms all before it.
    """

    def __init__(
        self,
        spool: Spool,
        connection: Connection,
        protocol: SegmentsClient,
        pulse: Pulse,
        *,
        origin: int,
        paced: bool,
        echoes: bool = False,
    ) -> None:
        """`paced` audio is live: a backlog is sent faster than that, but not in a burst.

        `echoes` tells that the server is known to answer traces.
        """
        self.sent = origin
        """Absolute index behind the last sample sent."""
        self.confirmed = origin
        """Absolute index behind the last sample that the server has transcribed."""
        self.finished = False
        """Whether the end of the audio is being sent, or has been."""
        self.echoes = echoes
        """Whether the server answers traces."""
        self.timed = False
        """Whether the server's text carries times."""
        self._spool = spool
        self._connection = connection
        self._protocol = protocol
        self._pulse = pulse
        self._paced = paced
        self._end: int | None = None
        self._origin = origin
        self._next_trace = origin
        self._owed: deque[tuple[int, float]] = deque(maxlen=64)
        """Traces without an echo: their sample, and when they were sent."""
        self._texts: dict[SegmentKey, str] = {}
        self._answered = False
        self.heard_at = self._now
        """When the server said something new, by the clock of the event loop."""

    def complete(self, end: int) -> None:
        """There is no audio for this connection from the sample `end` on."""
        self._end = end
        self._pulse.beat()

    def heard(self) -> None:
        """The server has said something that it had not said before."""
        self.heard_at = self._now
        self._pulse.beat()

    def told(self, updates: Iterable[SegmentUpdate]) -> None:
        """The server has said this, maybe not for the first time."""
        new = {update.key: update.text for update in updates}
        if new.items() - self._texts.items():
            self._texts |= new
            self.heard()

    def echoed(self, trace_id: str) -> bool:
        """The server has transcribed everything before this trace; returns whether it was ours."""
        number = trace_id.removeprefix(_TRACE)
        if not trace_id.startswith(_TRACE) or not number.isdecimal() or len(number) > 18:
            return False
        self.echoes = self._answered = True
        self.confirmed = max(self.confirmed, min(int(number), self.sent))
        while self._owed and self._owed[0][0] <= self.confirmed:
            self._owed.popleft()
            self.heard_at = self._now
        self._pulse.beat()
        return True

    async def run(self) -> None:
        """Send until all is sent, then the end marker; then watch that the server answers.

        Never returns. Raises `ConnectionBroken` where the server falls silent or hangs up.
        """
        await self._send_trace()
        while self._end is None or self.sent < self._end:
            self._check_answer()
            if self._available < SHORTEST_FRAME and self._end is None:
                await self._idle()
            elif self._available == 0 or self._window_is_full:
                await self._pulse.wait(1.0)
            else:
                await self._send_audio()
        self.finished = True
        for frame in self._protocol.finish():
            await self._connection.send(frame)
        await self._watch_the_end()

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def _available(self) -> int:
        """Samples that could be sent now. Raises `ConnectionBroken` where they were given up."""
        if self.sent < self._spool.start:
            raise ConnectionBroken("audio that was not sent yet had to be given up")
        end = self._spool.end if self._end is None else min(self._end, self._spool.end)
        return max(0, end - self.sent)

    @property
    def _window_is_full(self) -> bool:
        return self._answered and self.sent - self.confirmed >= WINDOW_SAMPLES

    async def _send_audio(self) -> None:
        behind = self._available > LARGEST_FRAME
        pcm = self._spool.read(self.sent, min(LARGEST_FRAME, self._available))
        await self._connection.send(pcm.ljust(2 * SHORTEST_FRAME, b"\0"))
        self.sent += len(pcm) // 2
        self._pulse.beat()
        if self.sent >= self._next_trace:
            await self._send_trace()
        if behind and (speed := self._speed):
            await asyncio.sleep(len(pcm) / 2 / SAMPLE_RATE / speed)

    @property
    def _speed(self) -> float | None:
        """Times real time at which a backlog is sent; `None` for as fast as it is taken."""
        if self._paced:
            return CONFIRMED_SPEED if self._answered else REPLAY_SPEED
        blind = not self._answered and not self.timed
        return REPLAY_SPEED if blind and self.sent - self._origin > WINDOW_SAMPLES else None

    async def _send_trace(self) -> None:
        await self._connection.send(self._protocol.trace(f"{_TRACE}{self.sent}"))
        self._owed.append((self.sent, self._now))
        self._next_trace = self.sent + TRACE_SAMPLES

    async def _idle(self) -> None:
        """Wait for audio; keep the connection in use where none comes."""
        if not await self._pulse.wait(TRACE_SAMPLES / SAMPLE_RATE):
            await self._send_trace()

    def _check_answer(self) -> None:
        """Raises `ConnectionBroken` where a server that answers traces has fallen silent."""
        if not (self.echoes and self._owed):
            return
        limit = ANSWER_SECONDS if self._answered else FIRST_ANSWER_SECONDS
        owed = self._now - self._owed[0][1]
        if min(self._now - self.heard_at, owed) > limit:
            raise ConnectionBroken(f"the server has said nothing for {limit:.0f} s")
        if owed > OWED_SECONDS:
            raise ConnectionBroken("the server does not keep up with the audio")

    async def _watch_the_end(self) -> None:
        self.heard_at = self._now
        while (left := self.heard_at + END_SECONDS - self._now) > 0:
            await self._pulse.wait(left)
        raise ConnectionBroken(
            f"the server has said nothing for {END_SECONDS:.0f} s: the end is not confirmed"
        )
