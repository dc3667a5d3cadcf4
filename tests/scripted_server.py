"""A `segments` server whose text says which samples it heard, and that fails as it is told to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from tui.captions import SAMPLE_RATE
from tui.wire.endpoint import STREAMING_PATH, Endpoint, Secret
from tui.wire.segments_server import Audio, Finish, Trace, parse_client_message, trace_echo

Act = Callable[["Stream"], Awaitable[None]]


@dataclass
class Script:
    """How the server behaves."""

    echo_traces: bool = True
    final_forms: tuple[str, ...] = ("checkpoint", "trace")
    """The forms of the end marker that it knows."""
    silent: bool = False
    """Only count."""
    times: bool = True
    finality: bool = True
    status: int = 0
    """Refuse the handshake with this HTTP status."""
    redirect: str = ""
    greeting: tuple[str | bytes, ...] = ()
    """Frames sent before anything else."""
    at_second: dict[int, Act] = field(default_factory=dict)
    """What happens once that many seconds have been heard."""
    on_finish: Act | None = None
    """In place of the answer to the end marker."""


@dataclass
class Stream:
    """One client of the server."""

    ws: web.WebSocketResponse
    script: Script
    heard: int = 0
    """Samples."""
    seconds: int = 0

    async def hear(self, pcm: bytes) -> None:
        """Say one word for each whole second heard."""
        self.heard += len(pcm) // 2
        while not self.script.silent and self.heard >= (self.seconds + 1) * SAMPLE_RATE:
            await self.say(self.seconds, word(self.seconds))
            self.seconds += 1
            if act := self.script.at_second.get(self.seconds):
                await act(self)

    async def say(self, number: int, text: str) -> None:
        """One segment a second of audio."""
        segment: dict[str, object] = {"id": str(number), "text": text}
        if self.script.times:
            segment |= {"start": float(number), "end": number + 1.0}
        if self.script.finality:
            segment["words"] = [{"word": text, "is_final": True}]
        await self.ws.send_str(json.dumps({"segments": [segment]}))


@dataclass
class ScriptedServer:
    """A running server and what came to it."""

    url: str
    streams: list[Stream] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    """Samples in each frame of audio."""
    texts: list[str] = field(default_factory=list)

    def endpoint(self, key: str = "") -> Endpoint:
        """Where it is."""
        return Endpoint(url=self.url, key=Secret(key), name="scripted", engine="script")

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Endpoint]:
        """A `tui.live.session.Server`."""
        yield self.endpoint()


def word(second: int) -> str:
    """What the server says of one second of audio."""
    return f"w{second:05}"


@asynccontextmanager
async def scripted_server(script: Script) -> AsyncIterator[ScriptedServer]:
    """Run a server on this event loop for the length of the block."""
    app = web.Application()
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    server = ScriptedServer("")

    async def handle(request: web.Request) -> web.StreamResponse:
        server.headers.append(dict(request.headers))
        server.paths.append(request.path_qs)
        if script.redirect:
            raise web.HTTPFound(script.redirect)
        if script.status:
            return web.Response(status=script.status)
        ws = web.WebSocketResponse(max_msg_size=64 * 1024)
        await ws.prepare(request)
        stream = Stream(ws, script)
        server.streams.append(stream)
        for frame in script.greeting:
            await (ws.send_bytes(frame) if isinstance(frame, bytes) else ws.send_str(frame))
        await _converse(server, stream)
        return ws

    app.router.add_get(STREAMING_PATH, handle)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.url = f"ws://127.0.0.1:{port}{STREAMING_PATH}"
    try:
        yield server
    finally:
        closing = [stream.ws.close() for stream in server.streams if not stream.ws.closed]
        await asyncio.gather(*closing, return_exceptions=True)
        await runner.cleanup()


async def _converse(server: ScriptedServer, stream: Stream) -> None:
    script = stream.script
    async for message in stream.ws:
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            continue
        if isinstance(message.data, str):
            server.texts.append(message.data)
        match parse_client_message(message.data):
            case Audio(pcm):
                server.frames.append(len(pcm) // 2)
                await stream.hear(pcm)
            case Trace(trace_id) if script.echo_traces:
                await stream.ws.send_str(trace_echo(trace_id))
            case Finish(reply):
                form = "checkpoint" if "checkpoint_id" in reply else "trace"
                if form not in script.final_forms:
                    continue
                if script.on_finish:
                    await script.on_finish(stream)
                else:
                    await stream.ws.send_str(reply)


async def _serve_for_ever() -> None:
    async with scripted_server(Script(silent=True)) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve_for_ever())
