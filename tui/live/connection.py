"""One websocket to a speech-to-text server, with a time limit on everything."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import ClientTimeout, ClientWSTimeout, WSMsgType
from yarl import URL

from tui.captions import CapttyError, clean
from tui.wire.endpoint import Endpoint, Request

HANDSHAKE_SECONDS = 10.0
SEND_SECONDS = 10.0
CLOSE_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
LONGEST_MESSAGE = 4 * 2**20
"""Bytes; more in one message is no caption."""


class ConnectionBroken(CapttyError):
    """No connection, or none any more."""


class Connection:
    """Frames to and from one server."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, name: str) -> None:
        self._ws = ws
        self._name = name

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
            raise ConnectionBroken(self._why_closed()) from None

    async def frames(self) -> AsyncIterator[str | bytes]:
        """The server's frames. Raises `ConnectionBroken` when the connection ends."""
        while True:
            message = await self._ws.receive()
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                yield message.data
            elif message.type is WSMsgType.ERROR:
                raise ConnectionBroken(self._why_failed(message.data))
            else:
                raise ConnectionBroken(self._why_closed(message))

    async def close(self) -> None:
        """Say goodbye, waiting a second at most for the answer."""
        await self._ws.close()

    def _why_failed(self, error: object) -> str:
        if isinstance(error, aiohttp.ServerTimeoutError | TimeoutError):
            return f"{self._name} does not answer any more"
        if self._ws.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
            return f"{self._name} sent a message of more than 4 MiB"
        return f"the connection to {self._name} broke"

    def _why_closed(self, message: aiohttp.WSMessage | None = None) -> str:
        reason = message.extra if message and isinstance(message.extra, str) else ""
        code = self._ws.close_code
        words = clean(reason, 200) or (f"code {code}" if code else "without a reason")
        return f"{self._name} closed the connection ({words})"


@asynccontextmanager
async def connect(endpoint: Endpoint, request: Request) -> AsyncIterator[Connection]:
    """Open a connection; closed at the end of the block.

    Raises `ConnectionBroken`, with a sentence that holds neither key nor query.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=_socket),
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
                max_msg_size=LONGEST_MESSAGE,
            )
    except TimeoutError:
        why = f"{endpoint.name} does not answer"
    except aiohttp.WSServerHandshakeError as error:
        why = _refusal(endpoint.name, error.status, error.message)
    except _RedirectRefused:
        why = f"{endpoint.name} redirects elsewhere: give the address that it redirects to"
    except aiohttp.ClientConnectorCertificateError:
        why = f"the certificate of {endpoint.name} is not trusted"
    except aiohttp.ClientConnectorSSLError:
        why = f"{endpoint.name} does not speak TLS here: check the port, or try ws://"
    except aiohttp.ClientConnectorDNSError:
        why = f"there is no host {endpoint.name}: check the address and the network"
    except aiohttp.ClientConnectorError as error:
        why = f"{endpoint.name} cannot be reached ({_os_reason(error)})"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = f"{endpoint.name} does not speak websocket here ({type(error).__name__})"
    raise ConnectionBroken(why)


class _RedirectRefused(Exception):
    """Audio and key stay with the server that the user named."""


def _no_redirects() -> aiohttp.TraceConfig:
    async def refuse(session: object, context: SimpleNamespace, params: object) -> None:
        raise _RedirectRefused

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(refuse)
    return trace


def _socket(address: Any) -> socket.socket:
    """A socket that notices within 15 s that what it sends is not acknowledged."""
    sock = socket.socket(family=address[0], type=address[1], proto=address[2])
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15_000)
    return sock


def _os_reason(error: aiohttp.ClientConnectorError) -> str:
    number = error.os_error.errno
    return os.strerror(number).lower() if number else "no reason given"


def _refusal(name: str, status: int, message: str) -> str:
    if status in (401, 403):
        return f"{name} refuses the key ({status}): set CAPTTY_API_KEY to a key that it knows"
    if status == 404:
        return f"{name} has no streaming speech-to-text at this address (404): check the path"
    if status in (429, 503):
        return f"{name} has no room for another stream ({status}): try again later"
    return f"{name} refuses the connection ({status} {clean(message, 100)})"
