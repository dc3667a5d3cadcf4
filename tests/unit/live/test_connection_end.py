"""What the end of a conversation means, and how soon it is noticed: real sockets."""

import asyncio
import time
from contextlib import suppress

import pytest
from aiohttp import web

from tests.unit.live.peers import (
    FRAME,
    broken,
    closing,
    endpoint,
    http_server,
    listen,
    raw_server,
    reset,
    upgrade,
)
from tui.live import connection
from tui.live.connection import ConnectionBroken, connect
from tui.wire.endpoint import Request


@pytest.fixture(autouse=True)
def _short_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.2)


@pytest.mark.parametrize("code", [1003, 1007, 1008, 1009, 4103, 4400, 4401, 4402, 4403, 4404])
async def test_codes_that_would_come_again(code: int) -> None:
    async with http_server(closing(code, b"no\x1b[31m language")) as port:
        error = await broken(endpoint(port))
    assert error.hopeless
    assert str(error) == "example closed the connection (no[31m language)"


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1011, 1012, 1013, 1014, 3008, 4008, 4405, 4500])
async def test_codes_that_may_not_come_again(code: int) -> None:
    async with http_server(closing(code)) as port:
        error = await broken(endpoint(port))
    assert not error.hopeless
    assert str(error) == f"example closed the connection (code {code})"


async def test_a_goodbye_without_a_code() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        writer.write(b"\x88\x00")
        await writer.drain()
        await reader.read()

    async with raw_server(talk) as port:
        error = await broken(endpoint(port))
    assert not error.hopeless
    assert str(error) == "example closed the connection (without a reason)"


async def test_a_sender_says_as_much_of_the_goodbye_as_the_receiver() -> None:
    async with (
        http_server(closing(1008, b"no such language")) as port,
        connect(endpoint(port), Request()) as link,
    ):
        await link.send(FRAME)
        with pytest.raises(ConnectionBroken, match="no such language"):
            await listen(link)
        await link.close()
        with pytest.raises(ConnectionBroken, match="no such language") as failed:
            await link.send(FRAME)
    assert failed.value.hopeless


async def test_a_message_that_is_no_caption_costs_the_connection_and_no_more() -> None:
    async def flood(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(timeout=1)
        await ws.prepare(request)
        with suppress(ConnectionError):
            await ws.send_str("x" * 5 * 2**20)
        return ws

    async with http_server(flood) as port:
        error = await broken(endpoint(port))
        assert str(error) == "example sent a message of more than 4 MiB"
        assert not error.hopeless


@pytest.mark.parametrize("politely", [True, False], ids=["fin", "rst"])
async def test_a_connection_that_is_cut_is_noticed_at_once(politely: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await reader.readexactly(100)
        writer.close() if politely else reset(writer)

    async with raw_server(talk) as port:
        started = time.monotonic()
        error = await broken(endpoint(port))
        assert time.monotonic() - started < 1
    assert str(error) == "the connection to example broke"
    assert not error.hopeless


async def test_nonsense_in_place_of_frames_breaks_the_connection() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        writer.write(b"\xff" * 100)
        await reader.read()

    async with raw_server(talk) as port:
        error = await broken(endpoint(port))
    assert str(error) == "the connection to example broke"
