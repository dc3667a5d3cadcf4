"""Workers that crash, fail or stand still, and the end of the server."""

import asyncio
import os
import signal
import time

import aiohttp
import pytest

from tests.unit.server.scripted import CRASH, FAIL, HANG, MODULE, STOP, command
from tests.unit.server.serving import (
    FINAL,
    SILENCE,
    errors,
    frame,
    handshake,
    hear_out,
    hear_until,
    is_final,
    serving,
    streaming,
    texts,
    trace,
    until,
    workers,
)
from tui.server.app import SpeechServer
from tui.server.limits import Limits

LIMITS = Limits(stall=3.0)


@pytest.mark.parametrize("fault", [CRASH, FAIL, HANG, STOP])
async def test_a_worker_that_fails_takes_its_own_stream_with_it_and_no_other(fault: int) -> None:
    async with serving(MODULE, limits=LIMITS) as address, streaming(address) as other:
        await other.send_bytes(SILENCE)
        async with streaming(address) as ws:
            await ws.send_bytes(SILENCE)
            await hear_until(ws, lambda m: texts([m]) == {"0": "8000"})
            await ws.send_bytes(command(fault))
            heard = await hear_out(ws)
            assert errors(heard) == ["engine_failed"]
            assert "/secret" not in str(heard)
            assert ws.close_code == 1011
        await other.send_bytes(SILENCE)
        await other.send_str(FINAL)
        assert texts(await hear_until(other, is_final)) == {"0": "16000"}
        await other.close()
        await until(lambda: not workers())


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
async def test_the_same_from_outside(sign: signal.Signals) -> None:
    async with serving(MODULE, limits=LIMITS) as address, streaming(address) as ws:
        await ws.send_str(trace("ready"))
        await hear_until(ws, lambda m: "trace_id" in m)
        (worker,) = workers()
        os.kill(worker.pid, sign)
        await ws.send_bytes(SILENCE)
        assert errors(await hear_out(ws)) == ["engine_failed"]


async def test_an_engine_that_cannot_start_says_so_once_the_client_listens() -> None:
    async with serving(MODULE) as address, streaming(address, "prompt=no+model") as ws:
        await ws.send_bytes(SILENCE)
        heard = await hear_out(ws)
    assert errors(heard) == ["engine_failed"]
    assert "/secret" not in str(heard)


async def test_a_client_that_vanishes_leaves_no_worker_behind() -> None:
    async with serving(MODULE) as address:
        reader, writer = await handshake(address)
        writer.write(frame(2, SILENCE))
        assert await reader.readuntil(b"8000")
        assert len(workers()) == 1
        writer.transport.abort()
        await until(lambda: not workers())


async def test_the_server_ends_in_time_with_clients_and_workers_that_are_stuck() -> None:
    server = SpeechServer(MODULE, limits=Limits(send=60, stall=60))
    port = await server.start("127.0.0.1", 0)
    address = f"127.0.0.1:{port}"
    async with aiohttp.ClientSession() as http:
        clients = []
        for fault in (None, None, STOP, HANG):
            ws = await http.ws_connect(f"http://{address}/v1/audio/transcriptions/streaming")
            await ws.send_str(trace("ready"))
            await hear_until(ws, lambda m: "trace_id" in m)
            if fault:
                await ws.send_bytes(command(fault))
            clients.append(ws)
        good = asyncio.create_task(hear_out(clients[0]))
        started = time.monotonic()
        await server.stop()
        assert time.monotonic() - started < 3
        assert await good == []
        assert clients[0].close_code == 1001
        assert not workers()
        for ws in clients:
            await ws.close()


async def test_a_server_that_nobody_used_ends_at_once() -> None:
    server = SpeechServer(MODULE)
    await server.start("127.0.0.1", 0)
    await server.stop()
    assert not workers()


async def test_a_prepared_worker_that_died_meanwhile_is_replaced() -> None:
    async with serving(MODULE, limits=LIMITS) as address:
        await until(lambda: len(workers()) == 1)
        (prepared,) = workers()
        os.kill(prepared.pid, signal.SIGKILL)
        await until(lambda: not workers())
        async with streaming(address) as ws:
            await ws.send_bytes(SILENCE)
            await ws.send_str(FINAL)
            assert texts(await hear_until(ws, is_final)) == {"0": "8000"}
