"""What a broken connection means, and how soon it is noticed: real sockets, shortened limits."""

import asyncio
import base64
import hashlib
import logging
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from pathlib import Path

import psutil
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tui.live import connection
from tui.live.connection import Connection, ConnectionBroken, connect
from tui.wire.endpoint import STREAMING_PATH, Endpoint, Request, Secret

KEY = "s3cret-key"
FRAME = bytes(12_800)
"""400 ms, the largest frame that a session sends."""

GOODBYE_SECONDS = connection.CLOSE_SECONDS

mine = psutil.Process()


@pytest.fixture(autouse=True)
def _short_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.2)


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


# The handshake


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 529])
async def test_a_refusal_that_passes_is_worth_another_try(status: int) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Retry-After": "7"})

    async with http_server(refuse) as port:
        error = await broken(endpoint(port))
    assert (error.hopeless, error.after) == (False, 7.0)
    assert str(status) in str(error)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (200, "does not speak websocket here"),
        (400, "400 Bad Request"),
        (401, "refuses the key"),
        (402, "402 Payment Required"),
        (403, "refuses the key"),
        (404, "check the path"),
        (410, "410 Gone"),
        (426, "426"),
    ],
)
async def test_a_refusal_that_stays_is_told_to_the_user(status: int, words: str) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Retry-After": "7"})

    async with http_server(refuse) as port:
        error = await broken(endpoint(port))
    assert (error.hopeless, error.after) == (True, 0.0)
    assert words in str(error)


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("", 0, 0),
        ("0", 0, 0),
        ("30", 30, 30),
        ("999999", 300, 300),
        pytest.param("9" * 4000, 300, 300, id="endless"),
        ("-5", 0, 0),
        ("soon", 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300, 300),
        ("Wed, 99 Nov 99999999999999999 25:61:61 GMT", 0, 300),
    ],
)
async def test_how_long_the_server_asks_to_be_left_alone(
    value: str, least: float, most: float
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": value})

    async with http_server(refuse) as port:
        error = await broken(endpoint(port))
    assert least <= error.after <= most


@pytest.mark.parametrize(("ahead", "least", "most"), [(200, 100, 200), (-200, 0, 0)])
def test_a_date_until_which_to_leave_the_server_alone(ahead: int, least: int, most: int) -> None:
    date = formatdate(time.time() + ahead, usegmt=True)
    assert least <= connection._retry_after(date) <= most


@given(st.text())
def test_no_header_is_taken_for_more_than_a_pause(value: str) -> None:
    assert 0 <= connection._retry_after(value) <= 300


async def test_neither_audio_nor_key_follow_a_redirect() -> None:
    hits: list[str] = []

    async def trap(request: web.Request) -> web.Response:
        hits.append(request.path)
        return web.Response()

    async with http_server(trap) as elsewhere:

        async def redirect(request: web.Request) -> web.Response:
            raise web.HTTPTemporaryRedirect(f"http://127.0.0.1:{elsewhere}/trap")

        async with http_server(redirect) as port:
            error = await broken(endpoint(port))
    assert error.hopeless
    assert "redirects elsewhere" in str(error)
    assert hits == []


async def test_what_an_error_page_says_is_shown_to_nobody() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"\x1b]0;owned\x07 \x9b31m"
        writer.write(b"HTTP/1.1 418 \x1b[31mteapot\x1b]8;;http://evil\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async with raw_server(talk) as port:
        error = await broken(endpoint(port))
    assert str(error).isprintable()
    assert "evil" not in str(error)
    assert "owned" not in str(error)


async def test_the_key_is_in_no_sentence_log_or_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == KEY
        return web.Response(status=401, text=f"unknown key {KEY}")

    caplog.set_level(logging.DEBUG)
    async with http_server(refuse) as port:
        error = await broken(endpoint(port))
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    for text in (str(error), repr(error), "".join(told.format()), caplog.text):
        assert KEY not in text
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_server_that_hangs_up_instead_of_answering(at_once: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not at_once:
            await reader.readuntil(b"\r\n\r\n")
        reset(writer)

    async with raw_server(talk) as port:
        error = await broken(endpoint(port))
    assert not error.hopeless
    assert "example" in str(error)


@pytest.mark.parametrize("politely", [True, False])
async def test_a_server_that_hangs_up_right_after_the_upgrade(politely: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        writer.close() if politely else reset(writer)

    async with raw_server(talk) as port:
        for _ in range(10):
            error = await broken(endpoint(port))
            assert not error.hopeless


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["ssh", "unproven", "web"],
)
async def test_what_is_no_websocket_server_never_will_be(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with raw_server(talk) as port:
        error = await broken(endpoint(port))
    assert error.hopeless
    assert "does not speak websocket here" in str(error)


async def test_a_server_that_takes_the_call_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 0.3)
    async with raw_server(silence) as port:
        started = time.monotonic()
        error = await broken(endpoint(port))
        assert time.monotonic() - started < 1.5
    assert str(error) == "example does not answer"
    assert not error.hopeless


async def test_nobody_there_and_no_such_host_may_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refused = await broken(endpoint(port))
    assert "cannot be reached (connection refused)" in str(refused)
    nowhere = await broken(endpoint(port, host="no.such.host.invalid"))
    assert "there is no host example" in str(nowhere)
    assert not refused.hopeless
    assert not nowhere.hopeless


def test_a_name_server_that_hangs_holds_up_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()

    def hang(*_: object, **__: object) -> None:
        answer.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "temporary failure")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 0.2)
    started = time.monotonic()
    try:
        error = asyncio.run(broken(endpoint(80, host="far.example")))
    finally:
        answer.set()
    assert time.monotonic() - started < 1.5
    assert str(error) == "example does not answer"


async def test_tls_that_cannot_be_trusted_or_is_none(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("openssl makes the certificate")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    made = (*("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),)
    command = [openssl, *made, "-keyout", key, "-out", certificate]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    async with raw_server(silence, context) as port:
        untrusted = await broken(endpoint(port, "wss", "localhost"))
    assert "is not trusted" in str(untrusted)

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await silence(reader, writer)

    async with raw_server(plain) as port:
        none = await broken(endpoint(port, "wss"))
    assert "does not speak TLS" in str(none)
    assert untrusted.hopeless
    assert none.hopeless


async def test_a_server_that_stops_in_the_middle_of_the_tls_handshake_may_come_back() -> None:
    async def vanish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with raw_server(vanish) as port:
        error = await broken(endpoint(port, "wss"))
    assert not error.hopeless


# The end of a conversation


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


# Peers that are there and not there


class Proxy:
    """Forwards between a client and a server until it is frozen; the sockets stay."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open = asyncio.Event()
        self._open.set()

    def freeze(self) -> None:
        """Forward nothing more in either direction."""
        self._open.clear()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        ways = [self._forward(reader, back), self._forward(there, writer)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            back.transport.abort()

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            await self._open.wait()
            sink.write(data)
            await sink.drain()


async def echo(request: web.Request) -> web.WebSocketResponse:
    """A server that answers everything."""
    ws = web.WebSocketResponse(timeout=1)
    await ws.prepare(request)
    async for message in ws:
        await ws.send_str(str(len(message.data)))
    return ws


def test_a_dead_link_is_noticed_within_fifteen_seconds() -> None:
    rounded_up = connection.HEARTBEAT_SECONDS + 1
    assert rounded_up + connection.HEARTBEAT_SECONDS / 2 <= 12
    assert connection.UNACKNOWLEDGED_SECONDS <= 12
    assert connection.SEND_SECONDS <= 12
    assert GOODBYE_SECONDS <= 1


async def test_the_kernel_gives_up_as_early() -> None:
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        pytest.skip("this system has no such limit")
    async with http_server(echo) as port, connect(endpoint(port), Request()) as link:
        milliseconds = link._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert milliseconds == 1000 * connection.UNACKNOWLEDGED_SECONDS


async def test_a_peer_that_freezes_is_noticed_and_left_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 0.4)
    frozen = 0.0

    async def conversation(port: int, proxy: Proxy) -> None:
        nonlocal frozen
        async with connect(endpoint(port), Request()) as link:
            frames = link.frames()
            for _ in range(3):
                await link.send(FRAME)
                assert await anext(frames) == str(len(FRAME))
            proxy.freeze()
            frozen = time.monotonic()
            await anext(frames)

    async with http_server(echo) as server:
        proxy = Proxy(server)
        async with raw_server(proxy) as port:
            with pytest.raises(ConnectionBroken, match="does not answer any more") as failed:
                await conversation(port, proxy)
            assert time.monotonic() - frozen < 1.5
            assert not failed.value.hopeless
            await let_go(port)


async def test_a_quiet_server_that_answers_pings_is_not_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 0.2)
    async with http_server(echo) as port, connect(endpoint(port), Request()) as link:
        frames = link.frames()
        listening = asyncio.ensure_future(anext(frames))
        done, _ = await asyncio.wait({listening}, timeout=1)
        assert not done
        await link.send(FRAME)
        assert await listening == str(len(FRAME))


async def test_a_sender_whose_peer_reads_nothing_is_freed_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "SEND_SECONDS", 0.5)
    broke = 0.0

    async def conversation(port: int) -> None:
        nonlocal broke
        async with asyncio.timeout(10), connect(endpoint(port), Request()) as link:
            try:
                await send_for_ever(link)
            finally:
                broke = time.monotonic()

    async with raw_server(upgrade_and_stall) as port:
        with pytest.raises(ConnectionBroken, match="takes no more audio") as failed:
            await conversation(port)
        assert time.monotonic() - broke < 1.5
        assert not failed.value.hopeless
        await let_go(port)


async def test_a_heartbeat_that_fails_frees_the_sender_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 0.4)
    async with raw_server(upgrade_and_stall) as port:
        async with connect(endpoint(port), Request()) as link:
            sending = asyncio.create_task(send_for_ever(link))
            with pytest.raises(ConnectionBroken, match="does not answer any more"):
                await listen(link)
            noticed = time.monotonic()
            with pytest.raises(ConnectionBroken):
                await sending
            assert time.monotonic() - noticed < 0.5
        await let_go(port)


@pytest.mark.parametrize("full", [True, False])
async def test_leaving_a_frozen_peer_takes_a_second(full: bool) -> None:
    async with raw_server(upgrade_and_stall) as port:
        async with connect(endpoint(port), Request()) as link:
            tasks = [asyncio.create_task(listen(link))]
            if full:
                tasks.append(asyncio.create_task(send_for_ever(link)))
                await asyncio.wait(tasks, timeout=0.3)
            started = time.monotonic()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert time.monotonic() - started < 1.5
        await let_go(port)


async def test_a_peer_that_talks_on_and_never_says_goodbye_is_left_in_time() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        while True:
            writer.write(b"\x81\x02ok")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with raw_server(talk) as port:
        async with connect(endpoint(port), Request()):
            started = time.monotonic()
        assert time.monotonic() - started < 1.5


def test_a_frozen_peer_leaves_nothing_behind_on_a_loop_that_ends() -> None:
    async def session() -> None:
        async with connect(endpoint(port), Request()) as link:
            sending = asyncio.create_task(send_for_ever(link))
            await asyncio.wait({sending}, timeout=0.3)
            sending.cancel()

    ports: list[int] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with raw_server(upgrade_and_stall) as at:
            ports.append(at)
            ready.set()
            await asyncio.to_thread(over.wait, 20)

    server = threading.Thread(target=lambda: asyncio.run(serve()))
    server.start()
    assert ready.wait(10)
    port = ports[0]
    started = time.monotonic()
    try:
        asyncio.run(session())
        assert time.monotonic() - started < 2.5
        assert not connected(port)
    finally:
        over.set()
        server.join(10)
