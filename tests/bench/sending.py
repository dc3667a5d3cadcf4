"""How quickly audio leaves, beside a bare client in a loop."""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from tests.scripted_server import ScriptedServer
from tests.sources import Silence
from tui.audio.level import measure
from tui.captions import SAMPLE_RATE
from tui.live.session import LiveSession
from tui.wire.endpoint import Request

_SECONDS = 3600
ROUNDS = 3
_FRAME = bytes(2 * 6400)


async def _bare(url: str) -> float:
    started = time.perf_counter()
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as ws:
        for _ in range(_SECONDS * SAMPLE_RATE // 6400):
            await ws.send_bytes(_FRAME)
        await ws.send_str('{"checkpoint_id": "final"}')
        async for message in ws:
            if "checkpoint_id" in message.data:
                break
    return _SECONDS / (time.perf_counter() - started)


async def _captty(server: ScriptedServer) -> float:
    started = time.perf_counter()
    session = LiveSession(Silence(_SECONDS), server, Request(), paced=False)
    session.start()
    await asyncio.to_thread(session.join)
    return _SECONDS / (time.perf_counter() - started)


@contextmanager
def _counting_server() -> Iterator[ScriptedServer]:
    """A server in a process of its own."""
    command = [sys.executable, "-m", "tests.scripted_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield ScriptedServer(process.stdout.readline().strip())
        finally:
            process.kill()


def rate() -> list[str]:
    """Sending as fast as a server takes it that only counts."""
    measure(_FRAME)  # loads the library that the first block would wait for
    with _counting_server() as server:
        bare = [asyncio.run(_bare(server.url)) for _ in range(ROUNDS)]
        ours = [asyncio.run(_captty(server)) for _ in range(ROUNDS)]
    b, o = statistics.median(bare), statistics.median(ours)
    return [
        f"sending, x real time    captty {o:6.0f}      bare aiohttp {b:6.0f}"
        f"      ratio {o / b:.2f} (target 0.5)"
    ]
