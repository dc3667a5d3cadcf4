"""Worker processes as the server sees them."""

import asyncio
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from tui.captions import CapttyError, clean
from tui.server.engines import Hypothesis
from tui.server.pipe import LENGTH, Begin, Failure, Reply, Request, packed, reply

log = logging.getLogger(__name__)


class RecognitionFailed(CapttyError):
    """A stream's engine crashed, failed or stands still."""


class Recognition:
    """One stream's engine, in a process of its own that may crash."""

    def __init__(self, process: Process, stall: float) -> None:
        self._process = process
        self._stall = stall

    @classmethod
    async def start(cls, engine: str, begin: Begin, stall: float) -> "Recognition":
        """Start a process and load the models in it.

        `stall` is how many seconds any answer may take. Raises `RecognitionFailed`.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "tui.server.worker", engine),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
            )
        except OSError as error:
            log.error("no worker can be started: %s", error)
            raise RecognitionFailed("the speech engine cannot start: try again later") from error
        recognition = cls(process, stall)
        try:
            await recognition.ask(begin)
        except BaseException:
            await recognition.end()
            raise
        return recognition

    async def ask(self, request: Request) -> Sequence[Hypothesis]:
        """Have a request carried out; one at a time. Raises `RecognitionFailed`."""
        try:
            async with asyncio.timeout(self._stall):
                answer = await self._exchange(packed(request))
        except TimeoutError:
            raise RecognitionFailed("the speech engine stands still: connect again") from None
        except (OSError, EOFError, msgspec.MsgspecError):
            raise RecognitionFailed("the speech engine crashed: connect again") from None
        if isinstance(answer, Failure):
            log.error("the speech engine failed: %s", clean(answer.reason, 500))
            raise RecognitionFailed("the speech engine failed: connect again")
        return answer.hypotheses

    async def _exchange(self, message: bytes) -> Reply:
        requests, replies = self._process.stdin, self._process.stdout
        if requests is None or replies is None:
            raise EOFError
        requests.write(message)
        await requests.drain()
        size = LENGTH.unpack(await replies.readexactly(LENGTH.size))[0]
        return reply(await replies.readexactly(size))

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        return self._process.returncode is None

    async def end(self) -> None:
        """Kill the process, also one that stands still, and wait until it is gone."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()


class Recognitions:
    """Where streams get their engines from; the first one is loaded beforehand."""

    def __init__(self, engine: str, usual: Begin, stall: float) -> None:
        self._engine = engine
        self._usual = usual
        self._stall = stall
        self._ready: asyncio.Task[Recognition] | None = None

    def prepare(self) -> None:
        """Load an engine for a stream to come, without waiting for it."""
        self._ready = asyncio.create_task(self._start(self._usual))

    async def take(self, begin: Begin) -> Recognition:
        """An engine for a stream, which has to end it. Raises `RecognitionFailed`."""
        ready = self._ready
        if ready is None or begin != self._usual:
            return await self._start(begin)
        self._ready = None
        try:
            recognition = await asyncio.shield(ready)
        except asyncio.CancelledError:
            self._ready = ready
            raise
        except RecognitionFailed:
            return await self._start(begin)
        return recognition if recognition.alive else await self._start(begin)

    async def close(self) -> None:
        """End what nobody took."""
        if self._ready is None:
            return
        self._ready.cancel()
        with suppress(asyncio.CancelledError, RecognitionFailed):
            await (await self._ready).end()

    async def _start(self, begin: Begin) -> Recognition:
        return await Recognition.start(self._engine, begin, self._stall)
