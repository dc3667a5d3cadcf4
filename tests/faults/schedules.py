"""Faults at random, one after the other, from a seed."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from functools import partial

from tests.faults.proxy import Proxy, Way
from tests.faults.server import Manner, OracleServer, Stream, hang_up, repeat_all
from tests.faults.trial import Trial
from tui.live.session import LiveSession

Action = Callable[[], Awaitable[None]]


class Storm:
    """Throws faults at a wire and its server until it is cancelled; `log` tells which."""

    def __init__(self, seed: int, wire: Proxy, server: OracleServer) -> None:
        self.log: list[str] = []
        self._random = random.Random(seed)
        self._proxy = wire
        self._server = server

    async def blow(self, calm: tuple[float, float], session: LiveSession | None = None) -> None:
        """Fault after fault, each healed, with so many seconds between two.

        The user of the `session`, if it is given, pauses and switches languages in between.
        """
        faults: list[Action] = [
            *(self._reset, self._cut, self._refuse, self._slice, self._slow, self._late),
            *(self._vanish, self._freeze, self._hang, self._hang_up, self._go_mute, self._stall),
            *(self._repeat, self._turn_away),
        ]
        if session:
            faults += 4 * [partial(self._pause, session), partial(self._switch, session)]
        while True:
            await asyncio.sleep(self._random.uniform(*calm))
            fault = self._random.choice(faults)
            self.log.append(getattr(fault, "func", fault).__name__.strip("_"))
            await fault()
            await self._proxy.heal()

    @property
    def _stream(self) -> Stream | None:
        alive = [stream for stream in self._server.streams if stream.ended is None]
        return alive[-1] if alive else None

    async def _a_while(self, longest: float = 1.0) -> None:
        await asyncio.sleep(self._random.uniform(0.1, longest))

    async def _reset(self) -> None:
        await self._proxy.reset()

    async def _cut(self) -> None:
        self._proxy.wire.cut_after[self._random.choice(list(Way))] = self._random.randrange(20_000)
        await self._a_while()

    async def _refuse(self) -> None:
        await self._proxy.refuse()
        await self._proxy.reset()
        await self._a_while()

    async def _slice(self) -> None:
        self._proxy.wire.slice = self._random.randrange(1, 200)
        await self._a_while(0.5)

    async def _slow(self) -> None:
        self._proxy.wire.rate = self._random.uniform(30_000, 500_000)
        await self._a_while()

    async def _late(self) -> None:
        self._proxy.wire.latency = self._random.uniform(0.05, 0.5)
        await self._a_while()

    async def _vanish(self) -> None:
        self._proxy.wire.discard = self._random.choice(list(Way))
        await self._a_while()
        await self._proxy.reset()

    async def _freeze(self) -> None:
        self._proxy.wire.frozen = True
        await self._a_while(3.0)

    async def _hang(self) -> None:
        self._proxy.wire.hang = True
        await self._proxy.reset()
        await self._a_while()

    async def _hang_up(self) -> None:
        if stream := self._stream:
            await hang_up(self._random.choice([1000, 1001, 1011, 1012, 1013]))(stream)

    async def _go_mute(self) -> None:
        if stream := self._stream:
            stream.mute = True
            await self._a_while(3.0)
            await self._proxy.reset()

    async def _stall(self) -> None:
        if stream := self._stream:
            stream.reading.clear()
            await self._a_while(3.0)
            stream.reading.set()

    async def _repeat(self) -> None:
        if stream := self._stream:
            await repeat_all(stream)

    async def _pause(self, session: LiveSession) -> None:
        session.pause()
        await self._a_while(0.5)
        session.resume()

    async def _switch(self, session: LiveSession) -> None:
        session.switch(self._random.choice(["en", "de", "fr", None]))

    async def _turn_away(self) -> None:
        statuses = (408, 429, 500, 503)
        self._server.script.manners = [
            Manner(status=self._random.choice(statuses)) for _ in range(self._random.randrange(3))
        ]
        await self._proxy.reset()


async def weather(
    one: Trial,
    seed: int,
    wire: Proxy,
    server: OracleServer,
    calm: tuple[float, float],
    patience: float,
    *,
    used: bool = False,
) -> Storm:
    """Run the session to its end in a storm; the row and the failure tell the seed.

    Where it is `used`, its user pauses it and switches its language meanwhile.
    """
    storm = Storm(seed, wire, server)
    blowing = asyncio.create_task(storm.blow(calm, one.session if used else None))
    try:
        await one.run(patience)
    finally:
        blowing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await blowing
        one.note = f"{len(storm.log)} faults, {len(server.streams)} connections"
    assert one.text == one.said, f"seed {seed}: {one.verdict} after {storm.log}; {one.story()}"
    return storm
