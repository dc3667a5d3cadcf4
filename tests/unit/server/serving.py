"""Servers, clients and recordings for the tests of the server."""

import asyncio
import json
import socket
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from tui.server.app import SpeechServer
from tui.server.engines import DEFAULT
from tui.server.limits import Limits
from tui.wire.endpoint import STREAMING_PATH

ROOT = Path(__file__).parents[3]
CLIPS = ROOT.parent / "shared" / "speech" / "clips"
CHUNK = 1600
"""Bytes: 50 ms, as the protocol's clients send them."""
SILENCE = bytes(16_000)
"""Half a second."""
FINAL = json.dumps({"checkpoint_id": "final"})
FINAL_TRACE = json.dumps({"object": "stt.input.trace", "trace_id": "final"})

Message = dict[str, Any]


def recording(name: str) -> bytes:
    """PCM of a 16 kHz recording; skips the test where the recordings are not there."""
    path = CLIPS / name
    if not path.is_file():
        pytest.skip("the recordings are not beside this checkout")
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (16_000, 1)
        return bytes(sound.readframes(sound.getnframes()))


def pieces(pcm: bytes, size: int = CHUNK) -> Iterable[bytes]:
    """The audio in frames of so many bytes."""
    return (pcm[at : at + size] for at in range(0, len(pcm), size))


def trace(trace_id: str) -> str:
    """A message that asks for an echo."""
    return json.dumps({"event_id": "e", "object": "stt.input.trace", "trace_id": trace_id})


def clear(reset_id: str) -> str:
    """A message that asks to drop the context."""
    return json.dumps({"event_id": "e", "object": "stt.state.clear", "reset_id": reset_id})


@asynccontextmanager
async def serving(
    engine: str = DEFAULT, *, token: str = "", limits: Limits | None = None
) -> AsyncIterator[str]:
    """A server on a free port of this machine; gives its `host:port`."""
    server = SpeechServer(engine, token, limits or Limits())
    port = await server.start("127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop()


@asynccontextmanager
async def streaming(
    address: str, query: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[ClientWebSocketResponse]:
    """A client of the server at an address."""
    url = f"http://{address}{STREAMING_PATH}?{query}"
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(url, headers=headers, timeout=aiohttp.ClientWSTimeout(ws_close=2)) as ws,
    ):
        yield ws


async def status(address: str, query: str = "", headers: dict[str, str] | None = None) -> int:
    """What the server answers to a handshake: 101, or why not."""
    try:
        async with streaming(address, query, headers):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


async def handshake(
    address: str, receive_buffer: int = 0
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A websocket client that reads no frames unless it is made to."""
    host, _, port = address.rpartition(":")
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=sock, limit=1_024)
    writer.write(
        f"GET {STREAMING_PATH} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in answer
    return reader, writer


def frame(opcode: int, payload: bytes) -> bytes:
    """A client's frame, with a mask that changes nothing."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


async def hear(ws: ClientWebSocketResponse) -> Message | None:
    """The next message; `None` where the server has closed."""
    frame = await ws.receive(timeout=20)
    if frame.type is not WSMsgType.TEXT:
        assert frame.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED), frame
        return None
    message: Message = json.loads(frame.data)
    return message


async def hear_until(
    ws: ClientWebSocketResponse, wanted: Callable[[Message], bool]
) -> list[Message]:
    """Messages up to one of a kind, with it at the end; fails where the server closes before."""
    heard: list[Message] = []
    while (message := await hear(ws)) is not None:
        heard.append(message)
        if wanted(message):
            return heard
    raise AssertionError(f"closed with {ws.close_code} after {heard[-3:]}")


async def hear_out(ws: ClientWebSocketResponse) -> list[Message]:
    """All messages until the server closes."""
    heard: list[Message] = []
    while (message := await hear(ws)) is not None:
        heard.append(message)
    return heard


def is_final(message: Message) -> bool:
    """Whether it says that everything has been transcribed."""
    return message.get("checkpoint_id") == "final"


def echoes(trace_id: str) -> Callable[[Message], bool]:
    """Whether a message echoes this trace."""
    return lambda m: (m.get("object"), m.get("trace_id")) == ("stt.output.trace", trace_id)


def texts(messages: Iterable[Message]) -> dict[str, str]:
    """The state of a client that has taken these messages."""
    return {
        segment["id"]: segment["text"]
        for message in messages
        for segment in message.get("segments", [])
    }


def errors(messages: Iterable[Message]) -> list[str]:
    """The codes of the errors among messages."""
    return [message["error"]["code"] for message in messages if "error" in message]


def workers() -> list[psutil.Process]:
    """The worker processes of the servers of this test process."""
    return [p for p in psutil.Process().children(recursive=True) if "tui.server.worker" in _args(p)]


def _args(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        await asyncio.sleep(0.01)
