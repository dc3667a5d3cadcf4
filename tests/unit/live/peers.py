"""Servers that behave as badly as they are told to, and the talk of a client with them."""

import asyncio
import base64
import hashlib
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import psutil
import pytest
from aiohttp import web

from tui.live.connection import Connection, ConnectionBroken, connect
from tui.wire.endpoint import STREAMING_PATH, Endpoint, Request, Secret

KEY = "s3cret-key"
FRAME = bytes(12_800)
"""400 ms, the largest frame that a session sends."""

mine = psutil.Process()

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def endpoint(port: int, scheme: str = "ws", host: str = "127.0.0.1") -> Endpoint:
    return Endpoint(f"{scheme}://{host}:{port}{STREAMING_PATH}", Secret(KEY), "example")


@asynccontextmanager
async def http_server(handler: Handler) -> AsyncIterator[int]:
    """An HTTP server on a port of this machine."""
    app = web.Application()
    app.router.add_get("/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that does with its sockets what it likes."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(ConnectionError, EOFError):
            await talk(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls, limit=1024)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Shake hands by hand (RFC 6455 § 4.2.2)."""
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    headers = dict(line.split(": ", 1) for line in request.splitlines()[1:] if line)
    accept = headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    digest = base64.b64encode(hashlib.sha1(accept.encode()).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    writer.write("\r\n".join([*lines, f"Sec-WebSocket-Accept: {digest}", "", ""]).encode())
    await writer.drain()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def upgrade_and_stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read nothing more: the buffers fill up."""
    await upgrade(reader, writer)
    await silence(reader, writer)


def reset(writer: asyncio.StreamWriter) -> None:
    """Send an RST."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def closing(code: int, reason: bytes = b"") -> Handler:
    """A server that closes as soon as the client has said something."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(timeout=1)
        await ws.prepare(request)
        await ws.receive()
        await ws.close(code=code, message=reason)
        return ws

    return handle


async def broken(where: Endpoint) -> ConnectionBroken:
    """How a conversation with the server breaks; it never takes long to leave it."""
    with pytest.raises(ConnectionBroken) as failed:
        await converse(where)
    return failed.value


async def converse(where: Endpoint) -> None:
    """Send something and hear the server out. Raises `ConnectionBroken` in any case."""
    async with connect(where, Request("en")) as link:
        await link.send(FRAME)
        await listen(link)


async def listen(link: Connection) -> None:
    """Hear the server out. Raises `ConnectionBroken` in any case."""
    async for _ in link.frames():
        pass


async def send_for_ever(link: Connection) -> None:
    """Send faster than any peer reads. Raises `ConnectionBroken` at the end."""
    while True:
        await link.send(FRAME)
        await asyncio.sleep(0)


def connected(port: int) -> bool:
    """Whether a socket of this process is connected to a port, or waits to be closed."""
    return any(at.raddr and at.raddr[1] == port for at in mine.net_connections("tcp"))


async def let_go(port: int) -> None:
    """Wait until nothing is connected to a port any more."""
    limit = time.monotonic() + 1
    while connected(port):
        assert time.monotonic() < limit
        await asyncio.sleep(0.01)
