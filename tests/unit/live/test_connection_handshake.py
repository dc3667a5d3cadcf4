"""What a refused or broken handshake means, and that it never takes long: real sockets."""

import asyncio
import logging
import shutil
import socket
import ssl
import subprocess
import threading
import time
import traceback
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.live.peers import (
    KEY,
    broken,
    endpoint,
    http_server,
    raw_server,
    reset,
    silence,
    upgrade,
)
from tui.live import connection


@pytest.fixture(autouse=True)
def _short_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.2)


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
