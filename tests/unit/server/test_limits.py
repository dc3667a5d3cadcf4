"""What a client may not do, and what others notice of it: nothing."""

import asyncio
import time
from contextlib import suppress

import aiohttp
import pytest

from tests.unit.server.scripted import MODULE, SLOW, command
from tests.unit.server.serving import (
    FINAL,
    SILENCE,
    clear,
    errors,
    frame,
    handshake,
    hear_out,
    hear_until,
    is_final,
    pieces,
    serving,
    status,
    streaming,
    texts,
    trace,
)
from tui.captions import SAMPLE_RATE
from tui.server.limits import Limits


async def still_serves(address: str) -> None:
    """A further client gets its captions."""
    async with streaming(address) as ws:
        await ws.send_bytes(SILENCE)
        await ws.send_str(FINAL)
        assert texts(await hear_until(ws, is_final)) == {"0": "8000"}


async def test_a_frame_that_is_too_large_ends_the_stream_alone() -> None:
    async with serving(MODULE) as address, streaming(address) as other:
        async with streaming(address) as ws:
            await ws.send_bytes(bytes(70_000))
            await hear_out(ws)
            assert ws.close_code == 1009
        await other.send_str(FINAL)
        await hear_until(other, is_final)


async def test_there_is_room_for_so_many_streams_and_again_when_one_ends() -> None:
    async with serving(MODULE, limits=Limits(streams=2)) as address:
        async with streaming(address), streaming(address):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with streaming(address):
                    pass
            assert refused.value.status == 503
            assert refused.value.headers
            assert int(refused.value.headers["Retry-After"]) > 0
        deadline = time.monotonic() + 5
        while await status(address) != 101:
            assert time.monotonic() < deadline


async def test_a_client_that_sends_nothing_is_told_and_dismissed() -> None:
    async with serving(MODULE, limits=Limits(idle=1.0, farewell=0.1)) as address:
        async with streaming(address) as ws:
            await ws.send_bytes(SILENCE)
            heard = await hear_out(ws)
        assert errors(heard) == ["idle"]
        assert texts(heard) == {"0": "8000"}
        assert ws.close_code == 1000


async def test_a_stream_may_not_last_forever_but_loses_no_words() -> None:
    limits = Limits(session=3 * SAMPLE_RATE, farewell=0.1)
    async with serving(MODULE, limits=limits) as address, streaming(address) as ws:
        for _ in range(6):
            await ws.send_bytes(SILENCE)
        heard = await hear_out(ws)
    assert errors(heard) == ["too_long"]
    assert texts(heard) == {"0": "16000", "1": "16000", "2": "16000"}


async def test_a_client_that_does_not_close_is_left() -> None:
    async with serving(MODULE, limits=Limits(farewell=0.1)) as address, streaming(address) as ws:
        await ws.send_str(FINAL)
        assert [is_final(message) for message in await hear_out(ws)] == [True]
        assert ws.close_code == 1000


async def test_a_flood_of_messages_without_sense_ends_the_stream() -> None:
    async with serving(MODULE, limits=Limits(mistakes=5)) as address, streaming(address) as ws:
        for _ in range(7):
            await ws.send_str("garbage")
        heard = await hear_out(ws)
    assert errors(heard)[-1] == "too_many_mistakes"
    assert len(heard) <= 6
    assert ws.close_code == 1008


async def test_the_smallest_frames_are_frames_too() -> None:
    async with serving(MODULE) as address, streaming(address) as ws:
        for _ in range(4_000):
            await ws.send_bytes(b"\0\0")
        await ws.send_bytes(b"")
        await ws.send_str(FINAL)
        assert texts(await hear_until(ws, is_final)) == {"0": "4000"}


async def test_audio_comes_no_faster_than_it_is_recognised() -> None:
    """Hours sent at once wait in the client, not in the server's memory."""
    async with serving(MODULE, limits=Limits(backlog=SAMPLE_RATE)) as address:
        _, writer = await handshake(address)
        slow = frame(2, command(SLOW))
        total = 0
        while (more := await taken(writer, slow, seconds=0.3)) > 100_000:
            total += more
            assert total < 50_000_000
        await still_serves(address)
        writer.transport.abort()


async def test_a_client_that_does_not_read_is_dropped_and_nobody_else_notices() -> None:
    limits = Limits(send=0.3, replies=8, heartbeat=60)
    async with serving(MODULE, limits=limits) as address:
        _, writer = await handshake(address, receive_buffer=4_096)
        asked = frame(1, trace("x" * 1_000).encode())
        async with asyncio.timeout(15):
            with pytest.raises(ConnectionError):
                await taken(writer, asked * 50, seconds=14)
        await still_serves(address)


async def test_sockets_that_never_ask_for_anything_are_closed() -> None:
    limits = Limits(handshake=0.5, connections=30)
    async with serving(MODULE, limits=limits) as address, streaming(address) as ws:
        host, _, port = address.rpartition(":")
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(100)]
        started = time.monotonic()
        for reader, _ in idle:
            assert await reader.read() == b""
        assert time.monotonic() - started < 5
        for _, writer in idle:
            writer.close()
        await ws.send_str(FINAL)
        await hear_until(ws, is_final)
        await still_serves(address)


async def test_a_lively_client_may_clear_and_trace_as_it_likes() -> None:
    limits = Limits(backlog=SAMPLE_RATE, replies=4)
    async with serving(MODULE, limits=limits) as address, streaming(address) as ws:
        for chunk in pieces(bytes(2 * SAMPLE_RATE)):
            await ws.send_bytes(chunk)
            await ws.send_str(trace("t"))
            await ws.send_str(clear("c"))
        await ws.send_str(FINAL)
        heard = await hear_until(ws, is_final)
    assert [m.get("object") for m in heard if "object" in m] == [
        "stt.output.trace",
        "stt.state.cleared",
    ] * 20


async def taken(writer: asyncio.StreamWriter, data: bytes, seconds: float) -> int:
    """Bytes that the server takes in so many seconds."""
    sent = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                writer.write(data)
                await writer.drain()
                sent += len(data)
    return sent
