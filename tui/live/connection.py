"""One websocket to a speech-to-text server, with a time limit on everything."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import ClientTimeout, ClientWSTimeout, WSMsgType
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from tui.captions import CapttyError, clean
from tui.wire.endpoint import Endpoint, Request

HANDSHAKE_SECONDS = 10.0
SEND_SECONDS = 10.0
CLOSE_SECONDS = 1.0
HEARTBEAT_SECONDS = 7.0
"""Without a byte from the server until it is pinged; it then has half of that to say something.

aiohttp rounds the first part up to a whole second: a dead server is noticed within 11.5 s.
"""
UNACKNOWLEDGED_SECONDS = 10
"""How long TCP may go without an acknowledgement of what was sent (RFC 5482)."""
LONGEST_MESSAGE = 4 * 2**20
"""Bytes; more in one message is no caption."""
LONGEST_PAUSE = 300.0
"""Seconds: the most that a server may ask for with `Retry-After`."""

PASSING_STATUSES = frozenset({408, 425, 429, *range(500, 600)})
"""HTTP statuses of a trouble that passes: a timeout and the server's own failures (RFC 9110
§ 15.5.9 and § 15.6), too early (RFC 8470 § 5.2), too many requests (RFC 6585 § 4)."""
HOPELESS_CODES = frozenset({1003, 1007, 1008, 1009, 3000, 3003, 4103, *range(4400, 4405)})
"""Codes with which a server closes that would close the next connection as well.

It does not take such data (1003, 1007), such messages (1009) or this client (1008): RFC 6455
§ 7.4.1. The client is not authorised (3000) or forbidden (3003): IANA's registry of close codes.
Another connection goes on with the session (4103): AssemblyAI's error codes. The request, key,
account or address is wrong (4400 to 4404, after HTTP's 400 to 404): never retried by Gladia's
clients either. All other codes are of a server that stops, fails or has run out of something.
"""


class ConnectionBroken(CapttyError):
    """No connection, or none any more."""

    def __init__(self, why: str, *, hopeless: bool = False, after: float = 0.0) -> None:
        super().__init__(why)
        self.hopeless = hopeless
        """Trying again would not help: the user has to do something."""
        self.after = after
        """Seconds for which the server asks to be left alone; 0 where it does not say."""


class Connection:
    """Frames to and from one server."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, name: str) -> None:
        self._ws = ws
        self._name = name
        self._socket = ws.get_extra_info("socket")
        self._goodbye: aiohttp.WSMessage | None = None

    async def send(self, frame: bytes | str) -> None:
        """Send one frame; that it was sent does not mean that it was received.

        Raises `ConnectionBroken` where the connection is gone or takes nothing for 10 s.
        """
        try:
            async with asyncio.timeout(SEND_SECONDS):
                if isinstance(frame, bytes):
                    await self._ws.send_bytes(frame)
                else:
                    await self._ws.send_str(frame)
        except TimeoutError:
            raise ConnectionBroken(f"{self._name} takes no more audio") from None
        except (aiohttp.ClientError, ConnectionError, RuntimeError):
            raise self._broken() from None

    async def frames(self) -> AsyncGenerator[str | bytes, None]:
        """The server's frames; pings are answered while somebody waits for the next one.

        Raises `ConnectionBroken` when the connection ends, which also ends a `send` that waits.
        """
        while True:
            try:
                message = await self._ws.receive()
            except (aiohttp.ClientError, ConnectionError, RuntimeError):  # answering a ping
                self._hang_up()
                raise self._broken() from None
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                yield message.data
            elif message.type is WSMsgType.CLOSE:
                self._goodbye = message
                raise self._broken()
            else:
                self._hang_up()
                raise self._broken()

    async def close(self) -> None:
        """Say goodbye, wait a second at most for the answer, and hang up."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._ws.close()
        finally:
            self._hang_up()

    def _hang_up(self) -> None:
        """Let go of what is not sent yet: a closed transport would wait for a frozen peer."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _broken(self) -> ConnectionBroken:
        """What the end of the connection means."""
        if self._goodbye:
            return _goodbye(self._name, self._goodbye.data, self._goodbye.extra)
        if isinstance(self._ws.exception(), TimeoutError):
            return ConnectionBroken(f"{self._name} does not answer any more")
        if self._ws.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
            return ConnectionBroken(f"{self._name} sent a message of more than 4 MiB")
        return ConnectionBroken(f"the connection to {self._name} broke")


@asynccontextmanager
async def connect(endpoint: Endpoint, request: Request) -> AsyncIterator[Connection]:
    """Open a connection; closed at the end of the block, within about a second.

    Raises `ConnectionBroken`, with a sentence that holds neither key nor query.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=_socket, resolver=_Resolver()),
        timeout=ClientTimeout(total=None, sock_connect=5),
        trace_configs=[_no_redirects()],
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as http:
        connection = Connection(await _handshake(http, endpoint, request), endpoint.name)
        try:
            yield connection
        finally:
            await connection.close()


async def _handshake(
    http: aiohttp.ClientSession, endpoint: Endpoint, request: Request
) -> aiohttp.ClientWebSocketResponse:
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            return await http.ws_connect(
                URL(request.url(endpoint), encoded=True),
                headers=dict(endpoint.headers()),
                heartbeat=HEARTBEAT_SECONDS,
                timeout=ClientWSTimeout(ws_close=CLOSE_SECONDS),
                autoclose=False,
                max_msg_size=LONGEST_MESSAGE,
            )
    except (aiohttp.ClientError, OSError, ValueError, _RedirectRefused) as error:
        broken = _failure(endpoint.name, error)
    raise broken  # where aiohttp's error, which holds the headers, is no part of it


def _failure(name: str, error: Exception) -> ConnectionBroken:
    """What an attempt that came to nothing means."""
    match error:
        case TimeoutError():
            return ConnectionBroken(f"{name} does not answer")
        case aiohttp.WSServerHandshakeError(status=status):
            return _refusal(name, status, error.headers or {})
        case _RedirectRefused():
            why = f"{name} redirects elsewhere: give the address that it redirects to"
            return ConnectionBroken(why, hopeless=True)
        case aiohttp.ClientConnectorCertificateError():
            why = f"the certificate of {name} is not trusted"
            return ConnectionBroken(why, hopeless=True)
        case aiohttp.ClientConnectorSSLError():
            why = f"{name} does not speak TLS here: check the port, or try ws://"
            return ConnectionBroken(why, hopeless=True)
        case aiohttp.ClientConnectorDNSError():
            return ConnectionBroken(f"there is no host {name}: check the address and the network")
        case aiohttp.ClientConnectorError():
            return ConnectionBroken(f"{name} cannot be reached ({_os_reason(error)})")
        case aiohttp.ServerDisconnectedError() | OSError():
            return ConnectionBroken(f"{name} hung up before it answered")
    return _no_websocket(name, type(error).__name__)


def _refusal(name: str, status: int, headers: Mapping[str, str]) -> ConnectionBroken:
    """What the HTTP status in place of an upgrade means."""
    if status in PASSING_STATUSES:
        why = f"{name} fails to take the connection ({_status(status)})"
        if status in (429, 503):
            why = f"{name} has no room for another stream ({status}): try again later"
        return ConnectionBroken(why, after=_retry_after(headers.get("Retry-After", "")))
    why = f"{name} refuses the connection ({_status(status)})"
    if status in (401, 403):
        why = f"{name} refuses the key ({status}): set CAPTTY_API_KEY to a key that it knows"
    elif status == 404:
        why = f"{name} has no streaming speech-to-text at this address (404): check the path"
    elif status < 300:
        return _no_websocket(name, _status(status))
    return ConnectionBroken(why, hopeless=True)


def _no_websocket(name: str, what: str) -> ConnectionBroken:
    why = f"{name} does not speak websocket here ({what}): check the address"
    return ConnectionBroken(why, hopeless=True)


def _goodbye(name: str, code: int, reason: str | None) -> ConnectionBroken:
    """What the server's closing means; `code` is 0 where it gave none."""
    words = clean(reason or "", 200) or (f"code {code}" if code else "without a reason")
    return ConnectionBroken(
        f"{name} closed the connection ({words})", hopeless=code in HOPELESS_CODES
    )


def _status(status: int) -> str:
    """The status in words of our own: what the server says beside it may be anything."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _retry_after(value: str) -> float:
    """Seconds from now, for a header of seconds or of an HTTP date (RFC 9110 § 10.2.3)."""
    seconds = 0.0
    if value.isdecimal():
        seconds = float(value)
    elif date := parsedate_tz(value):
        with suppress(ValueError, OverflowError):
            seconds = mktime_tz(date) - time.time()
    return min(max(0.0, seconds), LONGEST_PAUSE)


def _os_reason(error: aiohttp.ClientConnectorError) -> str:
    number = error.os_error.errno
    return os.strerror(number).lower() if number else "no reason given"


class _RedirectRefused(Exception):
    """Audio and key stay with the server that the user named."""


def _no_redirects() -> aiohttp.TraceConfig:
    async def refuse(session: object, context: SimpleNamespace, params: object) -> None:
        raise _RedirectRefused

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(refuse)
    return trace


def _socket(address: Any) -> socket.socket:
    """A socket that notices that what it sends is not acknowledged."""
    sock = socket.socket(family=address[0], type=address[1], proto=address[2])
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = 1000 * UNACKNOWLEDGED_SECONDS
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return sock


class _Resolver(AbstractResolver):
    """Looks hosts up on daemon threads: a name server that hangs must not hold up the end."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises `OSError`."""
        answer: Future[list[Any]] = Future()
        answer.set_running_or_notify_cancel()

        def look_up() -> None:
            try:
                answer.set_result(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
            except Exception as error:
                answer.set_exception(error)

        threading.Thread(target=look_up, name="resolver", daemon=True).start()
        return [
            ResolveResult(
                hostname=host, host=at[0], port=at[1], family=kind, proto=protocol, flags=0
            )
            for kind, _, protocol, _, at in await asyncio.wrap_future(answer)
        ]

    async def close(self) -> None:
        """Nothing is held."""
