"""Whether a server does what a new connection asks of it."""

import asyncio
from contextlib import aclosing

from tui.live.connection import Connection, ConnectionBroken
from tui.live.uplink import FIRST_ANSWER_SECONDS
from tui.wire.events import ServerError, TraceEchoed, Updated
from tui.wire.segments import SegmentsClient

SILENT_SECONDS = 3.0
"""How long a server that answers no traces may take to refuse."""
_TRACE = "probe"


async def probe(connection: Connection, *, echoes: bool) -> None:
    """Return when the server has taken to the connection, which no audio was sent over yet.

    `echoes` tells that the server is known to answer traces. Raises `ConnectionBroken`, with the
    server's own words where it gives any.
    """
    await connection.send(SegmentsClient(0, 0).trace(_TRACE))
    try:
        async with asyncio.timeout(FIRST_ANSWER_SECONDS if echoes else SILENT_SECONDS):
            await _answer(connection)
    except TimeoutError:
        if echoes:
            raise ConnectionBroken("the server does not answer") from None


async def _answer(connection: Connection) -> None:
    protocol, complaint = SegmentsClient(0, 0), ""
    try:
        async with aclosing(connection.frames()) as frames:
            async for frame in frames:
                for event in protocol.receive(frame):
                    if isinstance(event, TraceEchoed | Updated):
                        return
                    if isinstance(event, ServerError):
                        complaint = event.message
    except ConnectionBroken as error:
        raise ConnectionBroken(complaint or str(error), hopeless=error.hopeless) from None
