"""One language's share of a session, over as many connections as it takes."""

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from tui.captions import CapttyError
from tui.live.backoff import Backoff
from tui.live.connection import Connection, ConnectionBroken, connect
from tui.live.conversation import Conversation, Frame
from tui.live.host import Host
from tui.live.ledger import ONSET_SAMPLES
from tui.live.pulse import Pulse
from tui.live.standing import Standing
from tui.live.transcription import Transcription
from tui.live.uplink import Uplink
from tui.wire.endpoint import Endpoint, Request, ServerUnavailable
from tui.wire.events import Finished
from tui.wire.segments import SegmentsClient

log = logging.getLogger(__name__)

START_SECONDS = 10.0
"""How long the first connection of a session may take, with all its tries."""
GIVE_UP_SECONDS = 300.0
"""How long a source that can wait waits for a server; live audio has no such limit."""
FINISH_SECONDS = 30.0
"""How long the last words may make no progress once there is no more audio."""
HAND_OVER_SECONDS = 30.0
"""The same for the last words in a language while the next one waits to be shown."""


class Unconfirmed(CapttyError):
    """The last words were sent, and no server said that it had heard them."""


@dataclass
class Desk:
    """What the stretches of a session share."""

    host: Host
    transcription: Transcription
    standing: Standing
    connected: Callable[[Endpoint], None]
    """Called with the server of each connection that is made."""
    begin_unheard: Callable[[], bool]
    """Called where the first one takes too long; returns whether the session begins without."""
    paced: bool
    """Whether the audio comes at its own pace, and does not wait."""
    pulse: Pulse = field(default_factory=Pulse)
    backoff: Backoff = field(default_factory=Backoff)
    echoes: bool = False
    """Whether the server is known to answer traces."""
    broke: bool = False
    """Whether a connection ever had to be made anew."""
    finishing_since: float | None = None
    """When the audio came to its end, by the clock of the event loop."""

    def finish(self) -> None:
        """No more audio comes."""
        self.finishing_since = asyncio.get_running_loop().time()
        self.standing.finish()
        self.pulse.beat()


class Line:
    """A connection that was made, and where to."""

    def __init__(
        self,
        endpoint: Endpoint,
        request: Request,
        connection: Connection,
        stack: AsyncExitStack,
    ) -> None:
        self.endpoint = endpoint
        self.request = request
        self.connection = connection
        self._stack = stack

    @classmethod
    async def open(cls, endpoint: Endpoint, request: Request) -> "Line":
        """Connect. Raises `ConnectionBroken`."""
        stack = AsyncExitStack()
        connection = await stack.enter_async_context(connect(endpoint, request))
        return cls(endpoint, request, connection, stack)

    async def close(self) -> None:
        """Hang up, within about a second."""
        await self._stack.aclose()


class Stretch:
    """Has the audio from one sample to another transcribed in one language, whatever breaks."""

    def __init__(
        self,
        desk: Desk,
        request: Request,
        start: int = 0,
        *,
        line: Line | None = None,
        before: "Stretch | None" = None,
    ) -> None:
        """It uses `line` first, if there is one, and has its say when the one `before` is done.

        Without one it connects only then: a server may take no two connections at a time.
        """
        self.desk = desk
        self.before = before
        self.request = request
        """May be changed as long as there is no connection."""
        self.start = start
        """Absolute index of its first sample."""
        self.end: int | None = None
        """Absolute index behind its last sample; `None` while nobody knows."""
        self.uplink: Uplink | None = None
        """The connection that there is now."""
        self._text = desk.transcription
        self._line = line
        self._done = asyncio.Event()
        self._after: Stretch | None = None
        self._turn = before._done if before else _set()
        self._protocol = SegmentsClient(0, 0)
        self._origin = start
        self._stop: int | None = None
        self._speaks = False
        self._first_epoch = sys.maxsize
        self._broke_at: float | None = None
        self._sent_before = start
        self._progress = (0, self._now)

    def end_at(self, sample: int) -> None:
        """Its audio ends there."""
        self.end = sample
        if self.uplink:
            self.uplink.complete(sample)

    def hand_over_to(self, after: "Stretch") -> None:
        """Its audio ends where another one's begins; what it had beyond that it need not say."""
        self._after, self._stop = after, after.start
        if self._speaks:
            self._text.ledger.stop_at(after.start)
        self.end_at(after.start)

    async def run(self) -> None:
        """Return when a server has said all there is to say.

        Raises `CapttyError` where none will.
        """
        try:
            while not await self._attempt():
                pass
        except CapttyError as error:
            if self._after is None or self.desk.finishing_since is not None:
                raise
            self._text.give_up(self._after.start, str(error))
        finally:
            if self._line:
                await self._line.close()
        self._done.set()

    @property
    def spoke(self) -> bool:
        """Whether there is text of its own."""
        newest = self._text.ledger.transcript.newest
        return newest is not None and newest.key.epoch >= self._first_epoch

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _attempt(self) -> bool:
        """Connect and converse; returns whether all is said. Raises where that is hopeless."""
        try:
            await self._converse(await self._connected())
        except (ConnectionBroken, ServerUnavailable) as error:
            await self._wait_for_another(error)
            return False
        return True

    async def _connected(self) -> Line:
        line, self._line = self._line, None
        while line is None or line.request != self.request:
            await self._turn.wait()
            if line:
                await line.close()
            line = await self._open()
        if not self.desk.standing.began:
            self._progress = (0, self._now)
        self.desk.connected(line.endpoint)
        self._tell_online()
        return line

    async def _open(self) -> Line:
        endpoint = await self.desk.host.endpoint()
        try:
            return await Line.open(endpoint, self.request)
        except ConnectionBroken as error:
            await self.desk.host.fail(endpoint, error)
            raise

    def _tell_online(self) -> None:
        if self._is_newest:
            self.desk.standing.online()

    def _tell_offline(self, error: CapttyError, attempt: int) -> None:
        if self._is_newest:
            self.desk.standing.offline(str(error), attempt)

    @property
    def _is_newest(self) -> bool:
        """Whether it is what the reader waits for: no other one has a connection."""
        return self._after is None or self._after.uplink is None

    async def _converse(self, line: Line) -> None:
        began, self.uplink = self._now, self._uplink(line.connection)
        conversation = Conversation(line.connection, self.uplink, self._hear)
        try:
            await conversation.run(self._turn)
        except ConnectionBroken as error:
            broken = self._explained(error)
            self._break_off(broken, began)
            await self.desk.host.fail(line.endpoint, broken)
            raise broken from None
        finally:
            self.uplink = None
            await line.close()

    def _uplink(self, connection: Connection) -> Uplink:
        """Sends what no text covers, and a little before that.

        Not where another language begins and no times tell whose the words there are.
        """
        spool = self._text.spool
        frontier = max(self.start, self._text.ledger.frontier)
        begins = frontier == self.start and not self._text.timed
        self._origin = max(spool.start, frontier - (0 if begins else ONSET_SAMPLES))
        self._protocol = SegmentsClient(0, self._origin, self.request.language)
        uplink = Uplink(
            spool,
            connection,
            self._protocol,
            self.desk.pulse,
            origin=self._origin,
            paced=self.desk.paced,
            echoes=self.desk.echoes,
        )
        if self.end is not None:
            uplink.complete(self.end)
        return uplink

    def _hear(self, frame: Frame) -> bool:
        """Take a frame; returns whether it was the last one."""
        if self.uplink is None:
            return False
        if not self._speaks:
            self._begin_to_speak()
        for event in self._protocol.receive(frame):
            if isinstance(event, Finished) and self.uplink.finished and self.end is not None:
                self._text.finish(self.end)
                self._speaks = False
                return True
            self._text.hear(event, self.uplink)
        self.desk.echoes = self.desk.echoes or self.uplink.echoes
        self.uplink.timed = self._text.timed
        return False

    def _begin_to_speak(self) -> None:
        at = self._text.ledger.frontier
        epoch = self._text.ledger.open_epoch(self._origin, self._stop)
        self._protocol.epoch, self._first_epoch = epoch, min(epoch, self._first_epoch)
        self._speaks = True
        if self._broke_at is not None:
            gone = self._now - self._broke_at
            self._broke_at = None
            self._text.reconnected(at, max(at, self._sent_before), gone)

    # When it breaks

    def _explained(self, error: ConnectionBroken) -> ConnectionBroken:
        """The error with the reason that the server gave for it."""
        why = self._text.last_error or str(error)
        return ConnectionBroken(why, hopeless=error.hopeless, after=error.after)

    def _break_off(self, error: ConnectionBroken, began: float) -> None:
        log.warning("a connection broke: %s", error)
        self.desk.backoff.settle(self._now - began, self._speaks)
        if self.uplink:
            self._sent_before = self.uplink.sent
        if self._broke_at is None and self._speaks and self.uplink:
            self._broke_at = self.uplink.heard_at
        if self._speaks:
            self._speaks = False
            self._text.break_off()
        self._text.note_lost()
        if not error.hopeless:
            self._tell_offline(error, self.desk.backoff.attempt + 1)

    async def _wait_for_another(self, error: ConnectionBroken | ServerUnavailable) -> None:
        """Wait until it is time for another connection. Raises where there will be none."""
        after = error.after if isinstance(error, ConnectionBroken) else 0.0
        until = self._now + self.desk.backoff.next(after)
        self._note_progress()
        self._check_patience(error, 0.0)
        self.desk.broke = True
        self._tell_offline(error, self.desk.backoff.attempt)
        while (left := until - self._now) > 0:
            self._check_patience(error, left)
            await self.desk.pulse.wait(left)

    def _note_progress(self) -> None:
        frontier = self._text.ledger.frontier
        if frontier > self._progress[0]:
            self._progress = (frontier, self._now)

    def _check_patience(self, error: CapttyError, left: float) -> None:
        """Raises where there is no use in waiting for so many seconds more."""
        if isinstance(error, ConnectionBroken) and error.hopeless:
            raise error
        desk, waited = self.desk, self._now - self._progress[1] + left
        if self._after and self._after.uplink and waited > HAND_OVER_SECONDS:
            raise error
        if not (desk.standing.began or waited <= START_SECONDS or desk.begin_unheard()):
            raise error
        if desk.finishing_since is not None:
            if min(waited, self._now - desk.finishing_since + left) > FINISH_SECONDS:
                raise Unconfirmed(str(error))
        elif not desk.paced and waited > GIVE_UP_SECONDS:
            raise error


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
