"""The speech server: captions for clients of the `segments` protocol."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import WSCloseCode, hdrs, web
from aiohttp.http import HttpProcessingError

from tui.server.client import Client, StreamEnded
from tui.server.engines import DEFAULT, load
from tui.server.guard import Guard
from tui.server.limits import Limits
from tui.server.pipe import Begin
from tui.server.recognition import Recognitions
from tui.server.stream import Stream
from tui.wire.endpoint import STREAMING_PATH
from tui.wire.segments_server import Options

_LIMITS = Limits()
_RETRY_AFTER = "5"
"""Seconds, told to clients that find no room."""
_SHUTDOWN = 1.5
"""Seconds that streams have to say goodbye."""


class SpeechServer:
    """Streams on one address, each with an engine process of its own."""

    def __init__(self, engine: str = DEFAULT, token: str = "", limits: Limits = _LIMITS) -> None:
        """`engine` is the engine's module; an empty `token` admits everybody."""
        self._engine = load(engine)
        self._token = token
        self._limits = limits
        self._recognitions = Recognitions(engine, Begin(self._sole_language, ""), limits.stall)
        self._streams: dict[asyncio.BaseProtocol, Stream] = {}
        app = web.Application(middlewares=[self._guarded])
        app.router.add_get(STREAMING_PATH, self._transcriptions, allow_head=False)
        app.router.add_get("/health", self._health)
        self._runner = web.AppRunner(
            app, access_log=None, logger=_http_log(), shutdown_timeout=_SHUTDOWN
        )
        self._guard: Guard | None = None
        self._listener: asyncio.Server | None = None

    @property
    def engine(self) -> str:
        """The name of the engine."""
        return self._engine.name

    async def start(self, host: str, port: int) -> int:
        """Listen, and load an engine for the first stream meanwhile; returns the port.

        Raises `OSError` where the address cannot be had.
        """
        await self._runner.setup()
        address = "127.0.0.1" if host.casefold() == "localhost" else host
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._connection, address, port)
        bound: int = self._listener.sockets[0].getsockname()[1]
        self._guard = Guard(self._token, address, bound)
        self._recognitions.prepare()
        return bound

    async def stop(self) -> None:
        """Close all streams and end their engines, within two seconds."""
        if self._listener:
            self._listener.close()
        for stream in self._streams.values():
            stream.stop()
        await self._recognitions.close()
        await self._runner.cleanup()

    def _connection(self) -> asyncio.Protocol:
        """A new socket, which has to become a stream soon, or at once where it is one too many."""
        server = self._runner.server
        if server is None:
            raise RuntimeError("the server is not set up")
        protocol = server()
        room = len(server.connections) < self._limits.connections
        patience = self._limits.handshake if room else 0
        asyncio.get_running_loop().call_later(patience, self._drop, protocol)
        return protocol

    def _drop(self, connection: web.RequestHandler) -> None:
        if connection not in self._streams and connection.transport:
            connection.transport.abort()

    @web.middleware
    async def _guarded(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if self._guard is None:
            raise web.HTTPServiceUnavailable
        self._guard.admit(request)
        return await handler(request)

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "status": "ok",
                "engine": self.engine,
                "streams": len(self._streams),
                "limit": self._limits.streams,
            }
        )

    async def _transcriptions(self, request: web.Request) -> web.StreamResponse:
        if self._guard:
            self._guard.authorise(request)
        client = Client(request, self._limits)
        try:
            options = self._options(request)
        except ValueError as error:
            return await _refuse(client, str(error))
        if len(self._streams) >= self._limits.streams:
            raise web.HTTPServiceUnavailable(
                text="the server has no room for another stream: try again later",
                headers={hdrs.RETRY_AFTER: _RETRY_AFTER},
            )
        stream = self._streams[request.protocol] = Stream(client, options, self._limits)
        try:
            response = await client.open()
            await client.close(await stream.run(self._recognitions))
        finally:
            del self._streams[request.protocol]
        return response

    def _options(self, request: web.Request) -> Options:
        """What the client wants. Raises `ValueError` for a language that cannot be had."""
        options = Options.parse(request.query.items())
        language = options.language or self._sole_language
        if language is not None and language not in self._engine.languages:
            known = ", ".join(sorted(self._engine.languages))
            raise ValueError(f"{self.engine} does not know the language {language}, only {known}")
        return replace(options, language=language)

    @property
    def _sole_language(self) -> str | None:
        languages = self._engine.languages
        return next(iter(languages)) if len(languages) == 1 else None


def _http_log() -> logging.Logger:
    """A log of faults of our own: what strangers send is none, and may hold a key."""

    def is_ours(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError)

    logger = logging.Logger("tui.server.http")
    logger.parent = logging.getLogger(__name__)
    logger.addFilter(is_ours)
    return logger


async def _refuse(client: Client, reason: str) -> web.WebSocketResponse:
    """Upgrade only to say why not: a browser's page cannot read what an HTTP error says."""
    response = await client.open()
    refusal = StreamEnded(WSCloseCode.POLICY_VIOLATION, reason, "language_not_supported")
    await client.close(refusal)
    return response
