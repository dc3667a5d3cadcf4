"""Peers that are there and not there: noticed and left in time, with real sockets."""

import asyncio
import socket
import threading
import time

import pytest
from aiohttp import web

from tests.unit.live.peers import (
    FRAME,
    connected,
    endpoint,
    http_server,
    let_go,
    listen,
    raw_server,
    send_for_ever,
    upgrade,
    upgrade_and_stall,
)
from tui.live import connection
from tui.live.connection import ConnectionBroken, connect
from tui.wire.endpoint import Request

GOODBYE_SECONDS = connection.CLOSE_SECONDS


@pytest.fixture(autouse=True)
def _short_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.2)


class Proxy:
    """Forwards between a client and a server until it is frozen; the sockets stay."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open = asyncio.Event()
        self._open.set()

    def freeze(self) -> None:
        """Forward nothing more in either direction."""
        self._open.clear()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        ways = [self._forward(reader, back), self._forward(there, writer)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            back.transport.abort()

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            await self._open.wait()
            sink.write(data)
            await sink.drain()


async def echo(request: web.Request) -> web.WebSocketResponse:
    """A server that answers everything."""
    ws = web.WebSocketResponse(timeout=1)
    await ws.prepare(request)
    async for message in ws:
        await ws.send_str(str(len(message.data)))
    return ws


def test_a_dead_link_is_noticed_within_fifteen_seconds() -> None:
    rounded_up = connection.HEARTBEAT_SECONDS + 1
    assert rounded_up + connection.HEARTBEAT_SECONDS / 2 <= 12
    assert connection.UNACKNOWLEDGED_SECONDS <= 12
    assert connection.SEND_SECONDS <= 12
    assert GOODBYE_SECONDS <= 1


async def test_the_kernel_gives_up_as_early() -> None:
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        pytest.skip("this system has no such limit")
    async with http_server(echo) as port, connect(endpoint(port), Request()) as link:
        milliseconds = link._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert milliseconds == 1000 * connection.UNACKNOWLEDGED_SECONDS


async def test_a_peer_that_freezes_is_noticed_and_left_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 0.4)
    frozen = 0.0

    async def conversation(port: int, proxy: Proxy) -> None:
        nonlocal frozen
        async with connect(endpoint(port), Request()) as link:
            frames = link.frames()
            for _ in range(3):
                await link.send(FRAME)
                assert await anext(frames) == str(len(FRAME))
            proxy.freeze()
            frozen = time.monotonic()
            await anext(frames)

    async with http_server(echo) as server:
        proxy = Proxy(server)
        async with raw_server(proxy) as port:
            with pytest.raises(ConnectionBroken, match="does not answer any more") as failed:
                await conversation(port, proxy)
            assert time.monotonic() - frozen < 1.5
            assert not failed.value.hopeless
            await let_go(port)


async def test_a_quiet_server_that_answers_pings_is_not_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 0.2)
    async with http_server(echo) as port, connect(endpoint(port), Request()) as link:
        frames = link.frames()
        listening = asyncio.ensure_future(anext(frames))
        done, _ = await asyncio.wait({listening}, timeout=1)
        assert not done
        await link.send(FRAME)
        assert await listening == str(len(FRAME))


async def test_a_sender_whose_peer_reads_nothing_is_freed_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "SEND_SECONDS", 0.5)
    broke = 0.0

    async def conversation(port: int) -> None:
        nonlocal broke
        async with asyncio.timeout(10), connect(endpoint(port), Request()) as link:
            try:
                await send_for_ever(link)
            finally:
                broke = time.monotonic()

    async with raw_server(upgrade_and_stall) as port:
        with pytest.raises(ConnectionBroken, match="takes no more audio") as failed:
            await conversation(port)
        assert time.monotonic() - broke < 1.5
        assert not failed.value.hopeless
        await let_go(port)


async def test_a_heartbeat_that_fails_frees_the_sender_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 0.4)
    async with raw_server(upgrade_and_stall) as port:
        async with connect(endpoint(port), Request()) as link:
            sending = asyncio.create_task(send_for_ever(link))
            with pytest.raises(ConnectionBroken, match="does not answer any more"):
                await listen(link)
            noticed = time.monotonic()
            with pytest.raises(ConnectionBroken):
                await sending
            assert time.monotonic() - noticed < 0.5
        await let_go(port)


@pytest.mark.parametrize("full", [True, False])
async def test_leaving_a_frozen_peer_takes_a_second(full: bool) -> None:
    async with raw_server(upgrade_and_stall) as port:
        async with connect(endpoint(port), Request()) as link:
            tasks = [asyncio.create_task(listen(link))]
            if full:
                tasks.append(asyncio.create_task(send_for_ever(link)))
                await asyncio.wait(tasks, timeout=0.3)
            started = time.monotonic()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert time.monotonic() - started < 1.5
        await let_go(port)


async def test_a_peer_that_talks_on_and_never_says_goodbye_is_left_in_time() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        while True:
            writer.write(b"\x81\x02ok")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with raw_server(talk) as port:
        async with connect(endpoint(port), Request()):
            started = time.monotonic()
        assert time.monotonic() - started < 1.5


def test_a_frozen_peer_leaves_nothing_behind_on_a_loop_that_ends() -> None:
    async def session() -> None:
        async with connect(endpoint(port), Request()) as link:
            sending = asyncio.create_task(send_for_ever(link))
            await asyncio.wait({sending}, timeout=0.3)
            sending.cancel()

    ports: list[int] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with raw_server(upgrade_and_stall) as at:
            ports.append(at)
            ready.set()
            await asyncio.to_thread(over.wait, 20)

    server = threading.Thread(target=lambda: asyncio.run(serve()))
    server.start()
    assert ready.wait(10)
    port = ports[0]
    started = time.monotonic()
    try:
        asyncio.run(session())
        assert time.monotonic() - started < 2.5
        assert not connected(port)
    finally:
        over.set()
        server.join(10)
