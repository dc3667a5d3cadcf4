"""A `segments` server that says which samples it heard, and has every fault a server can have."""

import asyncio
import json
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.spoken import Heard, Recogniser
from tui.captions import SAMPLE_RATE
from tui.wire.endpoint import STREAMING_PATH, Endpoint
from tui.wire.segments_server import (
    Audio,
    Finish,
    Trace,
    error_message,
    parse_client_message,
    trace_echo,
)

Act = Callable[["Stream"], Awaitable[None]]
"""What a server does at a moment."""


@dataclass(frozen=True)
class Manner:
    """How the server treats one connection."""

    status: int = 0
    """Refuse the handshake with this HTTP status, ..."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """... and with these headers."""
    hang: bool = False
    """Never answer the handshake."""
    greeting: tuple[str | bytes, ...] = ()
    """Frames sent before anything else."""
    at_second: Mapping[int, Act] = field(default_factory=dict)
    """What happens once that many seconds of the connection have been heard."""
    on_finish: Act | None = None
    """In place of the answer to the end marker."""


@dataclass
class Script:
    """How the server behaves; may change while it runs."""

    words_a_segment: int = 5
    times: bool = True
    finality: bool = True
    echo: bool = True
    """Whether traces other than the final one are echoed."""
    integer_ids: bool = False
    twice: bool = False
    """Every update is sent twice."""
    speed: float = 0.0
    """Audio is heard at most so many times faster than it was spoken; 0: without limit."""
    refused_languages: frozenset[str] = frozenset()
    manners: list[Manner] = field(default_factory=list)
    """Of the next connections, one after the other; those after them are treated well."""


@dataclass
class Stream:
    """One connection to the server."""

    ws: web.WebSocketResponse
    request: web.Request
    script: Script
    manner: Manner
    language: str
    began: float = field(default_factory=time.monotonic)
    """Clock of `time.monotonic`, as is `ended`."""
    ended: float | None = None
    mute: bool = False
    """Goes on reading and says nothing more."""
    finished: bool = False
    """The end marker came."""
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: reads nothing more."""
    ear: Recogniser = field(default_factory=Recogniser)
    segments: list[list[Heard]] = field(default_factory=lambda: [[]])
    """The words of each; the last one is still open."""
    _seconds: int = 0
    _due: float = 0.0

    @property
    def heard(self) -> int:
        """Samples."""
        return self.ear.samples

    async def hear(self, pcm: bytes) -> None:
        """Take audio and say what was understood."""
        await self._work(len(pcm) / 2 / SAMPLE_RATE)
        await self._understand(self.ear.hear(pcm))
        while self._seconds < self.heard // SAMPLE_RATE:
            self._seconds += 1
            if act := self.manner.at_second.get(self._seconds):
                await act(self)

    async def finish(self, reply: str) -> None:
        """Say the rest, and that it was all."""
        if not self.finished:
            self.finished = True
            await self._understand(self.ear.finish())
            if self.segments[-1]:
                self.segments.append([])
                await self.say(len(self.segments) - 2)
            if act := self.manner.on_finish:
                return await act(self)
        if not self.manner.on_finish:
            await self.send(reply)
        return None

    async def say(self, *numbers: int) -> None:
        """Send segments as they stand."""
        text = json.dumps(self._update(numbers))
        for _ in range(1 + self.script.twice):
            await self.send(text)

    async def send(self, frame: str | bytes) -> None:
        """Send one frame, unless the stream is mute."""
        if self.mute:
            return
        if isinstance(frame, bytes):
            await self.ws.send_bytes(frame)
        else:
            await self.ws.send_str(frame)

    async def _work(self, seconds: float) -> None:
        if self.script.speed:
            now = time.monotonic()
            self._due = max(self._due, now - 0.1) + seconds / self.script.speed
            if self._due > now:
                await asyncio.sleep(self._due - now)

    async def _understand(self, heard: list[Heard]) -> None:
        for one in heard:
            self.segments[-1].append(one)
            if len(self.segments[-1]) >= self.script.words_a_segment:
                self.segments.append([])
                await self.say(len(self.segments) - 2)
            else:
                await self.say(len(self.segments) - 1)

    def _update(self, numbers: Sequence[int]) -> dict[str, Any]:
        segments = [self._segment(number) for number in numbers]
        text = " ".join(segment["text"] for segment in segments)
        message = {"task": "transcribe", "text": text, "segments": segments}
        return message | ({"language": self.language} if self.language else {})

    def _segment(self, number: int) -> dict[str, Any]:
        heard, settled = self.segments[number], number < len(self.segments) - 1
        segment: dict[str, Any] = {
            "id": number if self.script.integer_ids else str(number),
            "text": " ".join(one.text for one in heard),
            "words": [self._word(one, settled) for one in heard],
        }
        if self.script.times and heard:
            segment |= _times(heard[0].start, heard[-1].end)
        return segment

    def _word(self, heard: Heard, settled: bool) -> dict[str, Any]:
        row: dict[str, Any] = {"word": heard.text}
        if self.script.finality:
            row["is_final"] = settled
        return row | (_times(heard.start, heard.end) if self.script.times else {})


def _times(start: int, end: int) -> dict[str, float]:
    return {"start": start / SAMPLE_RATE, "end": end / SAMPLE_RATE}


@dataclass
class OracleServer:
    """A running server and what came to it."""

    script: Script
    port: int = 0
    attempts: list[float] = field(default_factory=list)
    """When each handshake came, refused ones included; clock of `time.monotonic`."""
    streams: list[Stream] = field(default_factory=list)

    def endpoint(self, port: int = 0) -> Endpoint:
        """Where it is, or where a proxy to it is."""
        return Endpoint(url=f"ws://127.0.0.1:{port or self.port}{STREAMING_PATH}", name="oracle")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection from handshake to end."""
        self.attempts.append(time.monotonic())
        manner = self.script.manners.pop(0) if self.script.manners else Manner()
        if manner.hang:
            await asyncio.Event().wait()
        if manner.status:
            return web.Response(status=manner.status, headers=manner.headers, text="\x1b[31mno")
        ws = web.WebSocketResponse(max_msg_size=64 * 1024, compress=False)
        await ws.prepare(request)
        stream = Stream(ws, request, self.script, manner, request.query.get("language", ""))
        stream.reading.set()
        self.streams.append(stream)
        try:
            await self._converse(stream)
        except ConnectionError:
            pass
        finally:
            stream.ended = time.monotonic()
        return ws

    async def _converse(self, stream: Stream) -> None:
        if stream.language in self.script.refused_languages:
            refusal = f"the language {stream.language} is not supported"
            await stream.send(error_message(refusal, "language_not_supported"))
            await stream.ws.close(code=1008)
            return
        for frame in stream.manner.greeting:
            await stream.send(frame)
        async for message in stream.ws:
            await stream.reading.wait()
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            match parse_client_message(message.data):
                case Audio(pcm):
                    await stream.hear(pcm)
                case Trace(trace_id) if self.script.echo:
                    await stream.send(trace_echo(trace_id))
                case Finish(reply):
                    await stream.finish(reply)


@asynccontextmanager
async def oracle_server(script: Script | None = None, port: int = 0) -> AsyncIterator[OracleServer]:
    """Run a server on this event loop for the length of the block."""
    server = OracleServer(script or Script())
    app = web.Application()
    app.router.add_get(STREAMING_PATH, server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        for stream in server.streams:
            await reset(stream)
        await runner.cleanup()


async def reset(stream: Stream) -> None:
    """Break the connection as a crash does."""
    if transport := stream.request.transport:
        with suppress(OSError):
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


async def fall_mute(stream: Stream) -> None:
    """Go on reading and say nothing more."""
    stream.mute = True


async def stop_reading(stream: Stream) -> None:
    """Read nothing more, ping frames included."""
    stream.reading.clear()
    await stream.reading.wait()


async def repeat_all(stream: Stream) -> None:
    """Send every segment of the connection once more, last first."""
    for number in reversed(range(len(stream.segments))):
        if stream.segments[number]:
            await stream.say(number)


def hang_up(code: int, reason: str = "") -> Act:
    """Close the connection with this code."""

    async def act(stream: Stream) -> None:
        await stream.ws.close(code=code, message=reason.encode())

    return act


def say(*frames: str | bytes) -> Act:
    """Send frames."""

    async def act(stream: Stream) -> None:
        for frame in frames:
            await stream.send(frame)

    return act


async def _serve_for_ever(port: int, speed: float) -> None:
    async with oracle_server(Script(speed=speed), port) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve_for_ever(int(sys.argv[1]), float(sys.argv[2])))
