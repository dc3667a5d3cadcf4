"""The client of a stream: a websocket with a limit on everything."""

import asyncio
from collections.abc import Awaitable

from aiohttp import WSCloseCode, WSMsgType, web

from tui.server.limits import Limits
from tui.wire.segments_server import error_message


class StreamEnded(Exception):
    """Why a stream ends, and what its client is told."""

    def __init__(self, close: WSCloseCode | None, message: str = "", code: str = "") -> None:
        """`close` is `None` where nobody is left to be told."""
        super().__init__(message)
        self.close = close
        self.error = error_message(message, code) if message else ""


class Client:
    """Messages to and from one client."""

    def __init__(self, request: web.Request, limits: Limits) -> None:
        self._request = request
        self._limits = limits
        self._ws = web.WebSocketResponse(
            max_msg_size=limits.message,
            compress=False,
            heartbeat=limits.heartbeat,
            timeout=limits.closing,
        )

    async def open(self) -> web.WebSocketResponse:
        """Upgrade the connection. Raises `web.HTTPBadRequest` where it is no websocket."""
        await self._ws.prepare(self._request)
        return self._ws

    async def receive(self) -> str | bytes:
        """The next message. Raises `StreamEnded` at the end."""
        message = await self._ws.receive()
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            raise StreamEnded(None)
        data: str | bytes = message.data
        return data

    async def send(self, message: str) -> None:
        """Send a message. Raises `StreamEnded` where the client is gone or does not read."""
        await self._limited(self._ws.send_str(message))

    async def show_life(self) -> None:
        """Send a sign of life. Raises `StreamEnded` as `send` does."""
        await self._limited(self._ws.ping())

    async def _limited(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._limits.send):
                await sending
        except TimeoutError:
            self._abort()
            raise StreamEnded(None) from None
        except ConnectionError:
            raise StreamEnded(None) from None

    async def close(self, ended: StreamEnded) -> None:
        """Say why, and goodbye; hang up on a client that does not answer."""
        if ended.close is None:
            return
        try:
            async with asyncio.timeout(self._limits.closing):
                if ended.error:
                    await self._ws.send_str(ended.error)
                await self._ws.close(code=ended.close)
        except (TimeoutError, ConnectionError):
            self._abort()

    def _abort(self) -> None:
        if self._request.transport:
            self._request.transport.abort()
