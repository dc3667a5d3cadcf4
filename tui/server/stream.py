"""One stream: what a client sends is transcribed, and the text goes back."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import NoReturn

from aiohttp import WSCloseCode

from tui.captions import Segment, SegmentKey
from tui.server import pipe
from tui.server.backlog import Backlog, Item
from tui.server.client import Client, StreamEnded
from tui.server.engines import Hypothesis
from tui.server.limits import Limits
from tui.server.outbox import Outbox, Reply
from tui.server.recognition import Recognition, RecognitionFailed, Recognitions
from tui.wire.segments_server import (
    Audio,
    Clear,
    Finish,
    Invalid,
    Options,
    Trace,
    error_message,
    parse_client_message,
    segments_message,
    state_cleared,
    trace_echo,
)

log = logging.getLogger(__name__)


class Stream:
    """Reads, transcribes and sends at the same time, so that none of it holds up another."""

    def __init__(self, client: Client, options: Options, limits: Limits) -> None:
        self._client = client
        self._options = options
        self._limits = limits
        self._backlog = Backlog(limits.backlog)
        self._outbox = Outbox(limits.replies)
        self._mistakes = Mistakes(limits.mistakes)
        self._samples = 0
        self._heard_at = time.monotonic()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End the stream: the server goes away."""
        self._stopping.set()

    async def run(self, recognitions: Recognitions) -> StreamEnded:
        """Go on until something ends the stream; returns what."""
        ended = StreamEnded(WSCloseCode.INTERNAL_ERROR, "the server failed", "server_failed")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read())
                tasks.create_task(self._watch())
                tasks.create_task(self._transcribe(recognitions))
                tasks.create_task(self._send())
                tasks.create_task(self._show_life())
                tasks.create_task(self._until_stopped())
        except* StreamEnded as reasons:
            ended = next(e for e in reasons.exceptions if isinstance(e, StreamEnded))
        except* Exception:
            log.exception("a stream failed")
        return ended

    async def _show_life(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._limits.sign)
            await self._client.show_life()

    async def _until_stopped(self) -> NoReturn:
        await self._stopping.wait()
        raise StreamEnded(WSCloseCode.GOING_AWAY)

    # From the client

    async def _read(self) -> None:
        """Take messages until the client may send no more; the last words are then on the way."""
        while self._samples < self._limits.session:
            frame = await self._client.receive()
            self._heard_at = time.monotonic()
            await self._take(frame)
            await asyncio.sleep(0)  # the frames of one client must not keep others waiting
        await self._dismiss("the stream has become too long: connect again", "too_long")

    async def _watch(self) -> None:
        """Dismiss a client that says nothing any more."""
        left = self._limits.idle
        while left > 0:
            await asyncio.sleep(left)
            left = self._heard_at + self._limits.idle - time.monotonic()
        await self._dismiss("no message came for too long: connect again", "idle")

    async def _take(self, frame: str | bytes) -> None:
        message = parse_client_message(frame)
        if isinstance(message, Invalid):
            self._mistakes.count()
            await self._outbox.reply(Reply(error_message(message.reason, "invalid_message")))
            return
        if isinstance(message, Audio):
            self._samples += len(message.pcm) // 2
        await self._backlog.put(message)

    async def _dismiss(self, reason: str, code: str) -> None:
        await self._backlog.put(Finish(error_message(reason, code)))

    # Through the worker

    async def _transcribe(self, recognitions: Recognitions) -> NoReturn:
        begin = pipe.Begin(self._options.language, self._options.prompt)
        try:
            recognition = await recognitions.take(begin)
            try:
                while True:
                    await self._carry_out(await self._backlog.take(), recognition)
            finally:
                await recognition.end()
        except RecognitionFailed as error:
            raise StreamEnded(WSCloseCode.INTERNAL_ERROR, str(error), "engine_failed") from error

    async def _carry_out(self, item: Item, recognition: Recognition) -> None:
        match item:
            case Audio(pcm):
                await self._outbox.tell(await recognition.ask(pipe.Feed(pcm)))
            case Trace(trace_id):
                await self._outbox.reply(Reply(trace_echo(trace_id)))
            case Clear(reset_id):
                await self._outbox.tell(await recognition.ask(pipe.Finish()))
                await self._outbox.reply(Reply(state_cleared(reset_id)))
            case Finish(reply):
                await self._outbox.tell(await recognition.ask(pipe.Finish()))
                await self._outbox.reply(Reply(reply, last=True))

    # To the client

    async def _send(self) -> NoReturn:
        patience: float | None = None
        while True:
            try:
                async with asyncio.timeout(patience):
                    item = await self._outbox.take()
            except TimeoutError:
                raise StreamEnded(WSCloseCode.OK) from None
            if isinstance(item, Reply):
                await self._client.send(item.message)
                patience = self._limits.farewell if item.last else patience
            else:
                await self._client.send(segments_message(self._segments(item), self._options))

    def _segments(self, hypotheses: Sequence[Hypothesis]) -> list[Segment]:
        return [
            Segment(
                key=SegmentKey(0, hypothesis.number),
                text=hypothesis.text,
                start=hypothesis.start,
                end=hypothesis.end,
                language=self._options.language,
                words=hypothesis.words,
                settled=hypothesis.settled,
            )
            for hypothesis in hypotheses
        ]


class Mistakes:
    """Messages without sense: a flood ends a stream, one a second never does."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._level = 0.0
        self._counted = time.monotonic()

    def count(self) -> None:
        """Count one more. Raises `StreamEnded` where they are too many."""
        now = time.monotonic()
        self._level = max(0.0, self._level - (now - self._counted)) + 1
        self._counted = now
        if self._level > self._most:
            raise StreamEnded(
                WSCloseCode.POLICY_VIOLATION,
                "too many messages make no sense: check the client",
                "too_many_mistakes",
            )
