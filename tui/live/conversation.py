"""One connection: audio goes out, what the server says comes in."""

import asyncio
import logging
from collections.abc import Callable

from tui.live.connection import Connection, ConnectionBroken
from tui.live.uplink import Uplink

log = logging.getLogger(__name__)

_LAST_WORDS_SECONDS = 1.0
"""How long a broken connection may take to say why."""

Frame = str | bytes


class Conversation:
    """Talks and listens at the same time, so that neither holds up the other.

    The server's frames are taken in as they come, which keeps the heartbeat going, and heard in
    order once it is their turn.
    """

    def __init__(
        self, connection: Connection, uplink: Uplink, hear: Callable[[Frame], bool]
    ) -> None:
        """`hear` takes a frame, and tells whether it was the last one."""
        self._connection = connection
        self._uplink = uplink
        self._hear = hear
        self._frames: asyncio.Queue[Frame | ConnectionBroken] = asyncio.Queue()

    async def run(self, turn: asyncio.Event) -> None:
        """Converse until the server has finished. Raises `ConnectionBroken` for any other end."""
        talk = asyncio.create_task(self._uplink.run())
        take_in = asyncio.create_task(self._take_in(turn))
        listen = asyncio.create_task(self._listen(turn))
        try:
            await asyncio.wait({talk, listen}, return_when=asyncio.FIRST_COMPLETED)
            if not listen.done():
                await turn.wait()  # what was said by now may be all there is to say
                await asyncio.wait({listen}, timeout=_LAST_WORDS_SECONDS)
            await (listen if listen.done() else talk)
        finally:
            for task in (talk, take_in, listen):
                task.cancel()
            await asyncio.gather(talk, take_in, listen, return_exceptions=True)

    async def _take_in(self, turn: asyncio.Event) -> None:
        try:
            async for frame in self._connection.frames():
                if not turn.is_set():
                    self._uplink.heard()
                self._frames.put_nowait(frame)
        except ConnectionBroken as error:
            self._frames.put_nowait(error)
        except Exception as error:
            log.exception("frames cannot be taken in")
            self._frames.put_nowait(ConnectionBroken(f"captty failed ({type(error).__name__})"))

    async def _listen(self, turn: asyncio.Event) -> None:
        await turn.wait()
        while True:
            frame = await self._frames.get()
            if isinstance(frame, ConnectionBroken):
                raise frame
            if self._hear(frame):
                return
