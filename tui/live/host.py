"""The server of a session: there while it is wanted, and made anew after it failed."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from tui.captions import CapttyError
from tui.wire.endpoint import Endpoint

Server = Callable[[], AbstractAsyncContextManager[Endpoint]]
"""Makes a server available for the length of a block, which is left with the error that made it
useless, if there was one. Entering it raises `ServerUnavailable`."""


class Host:
    """Keeps one server at hand for the connections of a session."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._entered: AbstractAsyncContextManager[Endpoint] | None = None
        self._endpoint: Endpoint | None = None
        self.known: Endpoint | None = None
        """Where the server was last, if there ever was one."""
        self._lock = asyncio.Lock()

    async def endpoint(self) -> Endpoint:
        """Where the server is. Raises `ServerUnavailable`."""
        async with self._lock:
            if self._endpoint is None:
                entered = self._server()
                self._endpoint = self.known = await entered.__aenter__()
                self._entered = entered
            return self._endpoint

    async def fail(self, endpoint: Endpoint | None, error: CapttyError) -> None:
        """A connection to that server broke: the next one may need another server."""
        async with self._lock:
            if endpoint is not None and endpoint is self._endpoint:
                await self._leave(error)

    async def close(self) -> None:
        """The session has no use for it any more."""
        async with self._lock:
            await self._leave(None)

    async def _leave(self, error: CapttyError | None) -> None:
        entered, self._entered, self._endpoint = self._entered, None, None
        if entered is None:
            return
        try:
            await entered.__aexit__(type(error) if error else None, error, None)
        except CapttyError:
            if error is None:
                raise
