"""A TCP proxy on loopback that has every fault a wire can have, switched while it runs."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

_MOST = 65_536
"""Bytes taken from a socket at once."""


class Way(Enum):
    """A direction through the proxy."""

    UP = "client to server"
    DOWN = "server to client"


@dataclass
class Wire:
    """What the proxy does to the bytes that go through it; every field may change at any time."""

    latency: float = 0.0
    """Seconds that bytes wait before they go on."""
    rate: float = 0.0
    """Bytes a second in each direction; 0: as fast as they come."""
    slice: int = 0
    """Bytes that go on at a time; 0: as they come."""
    frozen: bool = False
    """Nothing goes on and nobody is told: what a pulled cable does."""
    hang: bool = False
    """New connections are accepted and then left alone."""
    discard: Way | None = None
    """Bytes of this direction vanish."""
    cut_after: dict[Way, int] = field(default_factory=dict)
    """Bytes of a direction after which both sides get a reset; once."""


class Proxy:
    """Forwards to a port of this machine whatever `wire` lets through."""

    def __init__(self, target: int) -> None:
        self.wire = Wire()
        self.port = 0
        self.accepted = 0
        """Connections so far."""
        self._target = target
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._links: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Accept connections, always on the same port."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
            self._listener.setblocking(False)
            self.port = self._listener.getsockname()[1]
            self._accepting = asyncio.create_task(self._accept(self._listener))

    async def refuse(self) -> None:
        """Refuse new connections; the present ones go on."""
        if self._listener and self._accepting:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
            self._listener.close()
            self._listener = None

    async def reset(self) -> None:
        """Break all present connections with RST on both sides."""
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def heal(self) -> None:
        """Forward everything again, on the present connections and on new ones."""
        self.wire.__dict__.update(Wire().__dict__)
        await self.listen()

    async def close(self) -> None:
        """Break everything and listen no more."""
        await self.refuse()
        await self.reset()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(listener)
            self.accepted += 1
            link = asyncio.create_task(self._link(client))
            self._links.add(link)
            link.add_done_callback(self._links.discard)

    async def _link(self, client: socket.socket) -> None:
        """Forward one connection in both directions until it ends or is broken."""
        server = socket.socket()
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pumps: list[asyncio.Task[None]] = []
        try:
            await self._until(lambda: not self.wire.hang)
            await asyncio.get_running_loop().sock_connect(server, ("127.0.0.1", self._target))
            pumps.append(asyncio.create_task(self._pump(Way.UP, client, server)))
            pumps.append(asyncio.create_task(self._pump(Way.DOWN, server, client)))
            await asyncio.gather(*pumps)
        except (OSError, asyncio.CancelledError):
            for sock in (client, server):
                _reset_on_close(sock)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            client.close()
            server.close()

    async def _pump(self, way: Way, origin: socket.socket, goal: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._thawed()
            try:
                data = await loop.sock_recv(origin, self._appetite())
            finally:
                await self._thawed()
            if not data:
                with contextlib.suppress(OSError):
                    goal.shutdown(socket.SHUT_WR)
                return
            await asyncio.sleep(self.wire.latency)
            if self.wire.discard is not way:
                await self._forward(way, data, goal)

    async def _forward(self, way: Way, data: bytes, goal: socket.socket) -> None:
        loop, left = asyncio.get_running_loop(), self.wire.cut_after.get(way)
        step = min(self.wire.slice or len(data), self._appetite())
        for at in range(0, len(data[:left]), step):
            await asyncio.sleep(step / self.wire.rate if self.wire.rate else 0)
            await self._thawed()
            await loop.sock_sendall(goal, data[:left][at : at + step])
        if left is not None:
            self.wire.cut_after[way] = left - len(data)
            if left <= len(data):
                del self.wire.cut_after[way]
                raise ConnectionResetError("cut as ordered")

    def _appetite(self) -> int:
        """Bytes to take at once, so that a slow wire is slow for small messages too."""
        return max(1, min(_MOST, int(self.wire.rate / 20))) if self.wire.rate else _MOST

    async def _thawed(self) -> None:
        await self._until(lambda: not self.wire.frozen)

    async def _until(self, healthy: Callable[[], bool]) -> None:
        while not healthy():  # noqa: ASYNC110 - tests set plain fields
            await asyncio.sleep(0.02)


def _reset_on_close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@asynccontextmanager
async def fault_proxy(target: int) -> AsyncIterator[Proxy]:
    """A proxy to a port of this machine, for the length of the block."""
    proxy = Proxy(target)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
