"""The instruments of the fault tests, tested by themselves: proxy, ear and server."""

import asyncio
import json
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import aiohttp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.proxy import Proxy, Way, fault_proxy
from tests.faults.server import Manner, Script, oracle_server, repeat_all
from tests.spoken import WORD_SAMPLES, Recogniser, Spoken, spoken, word, word_start, words
from tui.captions import SAMPLE_RATE
from tui.wire.segments import SegmentsClient


@asynccontextmanager
async def echo_port() -> AsyncIterator[int]:
    """A server that sends back what it gets."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def client(proxy: Proxy) -> AsyncIterator[socket.socket]:
    loop = asyncio.get_running_loop()
    with closing(socket.socket()) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", proxy.port))
        yield sock


async def said(sock: socket.socket, data: bytes, seconds: float = 5.0) -> bytes:
    """What comes back of the data within so many seconds."""
    loop, back = asyncio.get_running_loop(), b""
    try:
        async with asyncio.timeout(seconds):
            await loop.sock_sendall(sock, data)
            while len(back) < len(data) and (more := await loop.sock_recv(sock, 65_536)):
                back += more
    except TimeoutError:
        pass
    return back


async def test_a_healthy_wire_passes_every_byte() -> None:
    data = random.Random(1).randbytes(300_000)
    async with echo_port() as port, fault_proxy(port) as proxy, client(proxy) as sock:
        assert await said(sock, data[:1]) == data[:1]
        assert await said(sock, data) == data


async def test_a_wire_that_refuses_accepts_again_on_the_same_port() -> None:
    async with echo_port() as port, fault_proxy(port) as proxy:
        async with client(proxy) as present:
            await proxy.refuse()
            with pytest.raises(ConnectionRefusedError):
                async with client(proxy):
                    pass
            assert await said(present, b"goes on") == b"goes on"
        await proxy.heal()
        async with client(proxy) as sock:
            assert await said(sock, b"again") == b"again"


async def test_a_wire_that_hangs_accepts_and_says_nothing_until_it_is_healed() -> None:
    async with echo_port() as port, fault_proxy(port) as proxy:
        proxy.wire.hang = True
        async with client(proxy) as sock:
            assert await said(sock, b"hello", 0.1) == b""
            await proxy.heal()
            assert (await said(sock, b"!")).startswith(b"hello")
        assert proxy.accepted == 1


async def test_latency_delays_and_rate_limits() -> None:
    async with echo_port() as port, fault_proxy(port) as proxy, client(proxy) as sock:
        proxy.wire.latency = 0.1
        began = time.monotonic()
        assert await said(sock, b"late") == b"late"
        assert time.monotonic() - began >= 0.2
        proxy.wire.latency, proxy.wire.rate = 0.0, 10_000
        began = time.monotonic()
        assert await said(sock, bytes(3000)) == bytes(3000)
        assert 0.2 < time.monotonic() - began < 2


async def test_slices_arrive_whole() -> None:
    data = random.Random(2).randbytes(500)
    async with echo_port() as port, fault_proxy(port) as proxy, client(proxy) as sock:
        proxy.wire.slice = 1
        assert await said(sock, data) == data


async def test_a_cut_comes_after_exactly_so_many_bytes() -> None:
    async with echo_port() as port, fault_proxy(port) as proxy, client(proxy) as sock:
        proxy.wire.cut_after[Way.DOWN] = 7
        with pytest.raises(ConnectionResetError):
            await said(sock, b"0123456789")
        assert proxy.wire.cut_after == {}
    async with echo_port() as port, fault_proxy(port) as proxy, client(proxy) as sock:
        proxy.wire.cut_after[Way.UP] = 7
        assert await said(sock, b"0123") == b"0123"
        assert proxy.wire.cut_after == {Way.UP: 3}


async def test_a_reset_is_a_reset() -> None:
    async with echo_port() as port, fault_proxy(port) as proxy, client(proxy) as sock:
        assert await said(sock, b"x") == b"x"
        await proxy.reset()
        with pytest.raises(ConnectionResetError):
            await said(sock, b"y")


async def test_a_frozen_wire_keeps_its_bytes_and_its_sockets() -> None:
    async with echo_port() as port, fault_proxy(port) as proxy, client(proxy) as sock:
        assert await said(sock, b"x") == b"x"
        proxy.wire.frozen = True
        assert await said(sock, b"frozen", 0.1) == b""
        await proxy.heal()
        assert await said(sock, b"", 0.1) == b""
        assert await asyncio.get_running_loop().sock_recv(sock, 100) == b"frozen"


@pytest.mark.parametrize("way", list(Way))
async def test_one_direction_vanishes(way: Way) -> None:
    async with echo_port() as port, fault_proxy(port) as proxy, client(proxy) as sock:
        proxy.wire.discard = way
        assert await said(sock, b"lost", 0.1) == b""
        await proxy.heal()
        assert await said(sock, b"here") == b"here"


@given(st.integers(0, 40_000), st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_the_ear_hears_each_word_once_whatever_the_frames(begin: int, cuts: list[int]) -> None:
    pcm = b"".join(Spoken(3, first=7).chunks())[2 * begin :]
    ear, heard, at, frame = Recogniser(), [], 0, 0
    while at < len(pcm):
        length = 2 * cuts[frame % len(cuts)]
        heard += ear.hear(pcm[at : at + length])
        at, frame = at + length, frame + 1
    heard += ear.hear(bytes(1600)) + ear.finish()
    whole = [second for second in range(3) if word_start(second) >= begin]
    assert [one.text for one in heard if one.text.startswith("w")] == [word(7 + s) for s in whole]
    assert [one.start + begin for one in heard if one.text.startswith("w")] == [
        word_start(second) for second in whole
    ]
    cut = [one for one in heard if one.text.startswith("x")]
    inside = any(word_start(s) < begin < word_start(s) + WORD_SAMPLES for s in range(3))
    assert len(cut) == inside


@pytest.mark.parametrize(
    ("lost", "doubled"), [((5000, 5800), (0, 0)), ((0, 0), (5000, 5800)), ((4000, 4001), (0, 0))]
)
def test_the_ear_hears_what_is_missing_and_what_is_doubled(
    lost: tuple[int, int], doubled: tuple[int, int]
) -> None:
    values = np.frombuffer(spoken(3), "<i2")
    kept = np.concatenate([values[: lost[0]], values[lost[1] :]])
    twice = np.concatenate([kept[: doubled[1]], kept[doubled[0] :]])
    ear = Recogniser()
    heard = ear.hear(twice.tobytes()) + ear.finish()
    assert "x00003" in [one.text for one in heard]


async def conversation(script: Script, seconds: int) -> tuple[list[str], dict[int, str]]:
    """The kinds of events that a client gets in order, and the final text of each segment."""
    protocol, kinds, texts = SegmentsClient(0, 0), list[str](), dict[int, str]()
    async with oracle_server(script) as server, aiohttp.ClientSession() as http:
        async with http.ws_connect(server.endpoint().url + "?language=de") as ws:
            for second in range(seconds):
                await ws.send_bytes(spoken(second))
                await ws.send_str(protocol.trace(f"s:{second}"))
            for frame in protocol.finish():
                await ws.send_str(frame)
            async for message in ws:
                for event in protocol.receive(message.data):
                    kinds.append(type(event).__name__)
                if "segments" in (data := json.loads(message.data)):
                    texts |= {int(one["id"]): one["text"] for one in data["segments"]}
                if kinds.count("Finished") == 2:
                    break
        assert server.streams[0].language == "de"
        assert server.streams[0].heard == seconds * SAMPLE_RATE
    return kinds, texts


async def test_the_server_says_all_it_heard_in_growing_segments() -> None:
    kinds, texts = await conversation(Script(words_a_segment=3), 7)
    assert " ".join(texts.values()).split() == words(7)
    assert [len(text.split()) for text in texts.values()] == [3, 3, 1]
    assert kinds == ["Updated", "TraceEchoed"] * 7 + ["Updated", "Finished", "Finished"]


async def test_the_server_has_the_manners_of_its_script() -> None:
    script = Script(echo=False, integer_ids=True, twice=True, times=False, finality=False)
    script.manners = [Manner(at_second={4: repeat_all})]
    kinds, texts = await conversation(script, 5)
    assert " ".join(texts.values()).split() == words(5)
    assert "TraceEchoed" not in kinds
    assert kinds.count("Updated") == 2 * 5 + 2


async def test_the_server_hears_no_faster_than_it_is_told() -> None:
    began = time.monotonic()
    await conversation(Script(speed=20), 10)
    assert time.monotonic() - began > 0.35
