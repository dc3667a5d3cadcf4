"""Who may use the server."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.server.scripted import MODULE
from tests.unit.server.serving import serving, status
from tui.wire.endpoint import STREAMING_PATH

TOKEN = "s3cret-ü"
ENCODED = "s3cret-%C3%BC"
UNKNOWN = "language=xx"
"""Makes the server upgrade and refuse without work for a worker."""


OFFERS = [
    ({"Authorization": TOKEN}, "", 101),
    ({"Authorization": f"Bearer {TOKEN}"}, "", 101),
    ({"Authorization": f"bearer  {TOKEN}"}, "", 101),
    ({}, f"Authorization={ENCODED}", 101),
    ({"Authorization": "wrong"}, f"Authorization={ENCODED}", 101),
    ({}, "", 401),
    ({"Authorization": ""}, "", 401),
    ({"Authorization": "Bearer"}, "", 401),
    ({"Authorization": "s3cret"}, "", 401),
    ({"Authorization": f"Basic {TOKEN}"}, "", 401),
    ({}, "Authorization=", 401),
    ({}, f"authorization={ENCODED}", 401),
    ({}, f"token={ENCODED}", 401),
]


async def test_the_token_in_three_ways() -> None:
    async with serving(MODULE, token=TOKEN) as address:
        for headers, query, expected in OFFERS:
            assert await status(address, f"{query}&{UNKNOWN}", headers) == expected, (
                headers,
                query,
            )


async def test_without_a_token_everybody_here_may_connect() -> None:
    async with serving(MODULE) as address:
        assert await status(address, UNKNOWN) == 101
        assert await status(address, UNKNOWN, {"Authorization": "whatever"}) == 101


PAGES = [
    ("127.0.0.1:{port}", None, 101),
    ("localhost:{port}", None, 101),
    ("LOCALHOST", None, 101),
    ("[::1]:{port}", None, 101),
    ("127.0.0.1", None, 101),
    ("127.0.0.1:1", None, 403),
    ("evil.example", None, 403),
    ("evil.example:{port}", None, 403),
    ("localhost.evil.example:{port}", None, 403),
    ("127.0.0.1.evil.example", None, 403),
    ("[::2]:{port}", None, 403),
    ("", None, 400),
    ("127.0.0.1:{port}:1", None, 400),
    ("127.0.0.1:port", None, 400),
    ("user@127.0.0.1:{port}", None, 400),
    ("[::1", None, 400),
    ("127.0.0.1:{port}/path", None, 400),
    ("127.0.0.1:{port}", "http://127.0.0.1:{port}", 101),
    ("localhost:{port}", "HTTPS://LocalHost:{port}", 101),
    ("localhost", "https://localhost", 101),
    ("localhost", "https://localhost:443", 101),
    ("localhost:{port}", "http://127.0.0.1:{port}", 403),
    ("127.0.0.1:{port}", "http://127.0.0.1", 403),
    ("127.0.0.1:{port}", "http://127.0.0.1:1", 403),
    ("127.0.0.1:{port}", "https://evil.example", 403),
    ("127.0.0.1:{port}", "null", 403),
    ("127.0.0.1:{port}", "chrome-extension://abcdef", 403),
    ("evil.example:{port}", "http://evil.example:{port}", 403),
    ("127.0.0.1:{port}", "", 400),
    ("127.0.0.1:{port}", "127.0.0.1:{port}", 400),
    ("127.0.0.1:{port}", "http://[::1", 400),
    ("127.0.0.1:{port}", "http://127.0.0.1:{port}/", 400),
]


async def test_pages_of_other_sites_are_kept_out() -> None:
    async with serving(MODULE) as address:
        port = address.rpartition(":")[2]
        for host, origin, expected in PAGES:
            lines = [f"Host: {host}", *([f"Origin: {origin}"] if origin is not None else [])]
            sent = [line.format(port=port).encode() for line in lines]
            assert await raw_status(address, sent) == expected, lines


async def test_headers_that_are_missing_or_doubled_are_malformed() -> None:
    async with serving(MODULE) as address:
        assert await raw_status(address, []) == 400
        assert await raw_status(address, [b"Host: localhost", b"Host: localhost"]) == 400
        assert await raw_status(address, [b"Host: localhost", *[b"Origin: null"] * 2]) == 400


async def test_a_broken_request_leaves_no_key_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(MODULE) as address:
        assert await raw_status(address, [b"Host: localhost", b"Authorization: s3cret\x1b"]) == 400
    assert not caplog.records


PRINTABLE = st.binary(max_size=60).map(lambda b: b.translate(None, b"\r\n\0"))


@given(host=PRINTABLE, origin=PRINTABLE)
@example(host=b"\xff\xfe", origin=b"\xff")
@example(host=b"localhost", origin=b"http://[")
@example(host=b"localhost:99999", origin=b"http://localhost:99999")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_header_breaks_the_server(server: str, host: bytes, origin: bytes) -> None:
    lines = [b"Host: " + host, b"Origin: " + origin]
    assert await raw_status(server, lines) in (101, 400, 403)
    assert await raw_status(server, [b"Host: localhost"]) == 101


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """A server without a token."""
    async with serving(MODULE) as address:
        yield address


async def raw_status(address: str, lines: list[bytes]) -> int:
    """The answer to a handshake with exactly these headers besides the necessary ones."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    upgrade = [
        f"GET {STREAMING_PATH}?{UNKNOWN} HTTP/1.1".encode(),
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    writer.write(b"\r\n".join([*upgrade, *lines, b"", b""]))
    try:
        async with asyncio.timeout(5):
            answer = await reader.readline()
    finally:
        writer.close()
    return int(answer.split()[1])
