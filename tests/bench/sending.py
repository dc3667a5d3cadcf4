"""How quickly audio leaves, beside a bare client in a loop."""

import asyncio
import statistics
import time

import aiohttp

from tests.scripted_server import Script, scripted_server
from tests.sources import Silence
from tui.captions import SAMPLE_RATE
from tui.live.session import LiveSession
from tui.wire.endpoint import Request

_SECONDS = 1800
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


async def _captty(server: object) -> float:
    started = time.perf_counter()
    session = LiveSession(Silence(_SECONDS), server, Request(), paced=False)  # type: ignore[arg-type]
    session.start()
    await asyncio.to_thread(session.join)
    return _SECONDS / (time.perf_counter() - started)


async def _rates() -> tuple[list[float], list[float]]:
    bare, ours = [], []
    for _ in range(3):
        async with scripted_server(Script(silent=True)) as server:
            bare.append(await _bare(server.url))
        async with scripted_server(Script(silent=True)) as server:
            ours.append(await _captty(server))
    return bare, ours


def rate() -> list[str]:
    """Sending as fast as the server takes it."""
    bare, ours = map(statistics.median, asyncio.run(_rates()))
    return [
        f"sending, x real time    captty {ours:6.0f}        bare aiohttp   {bare:6.0f}"
        f"      ratio {ours / bare:.2f} (target 0.5)"
    ]
