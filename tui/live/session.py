"""A live session: source → spool → connection → transcript → journal, on a thread of its own."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace

from tui.audio.level import Level
from tui.audio.source import Source
from tui.audio.spool import Spool
from tui.captions import SAMPLE_RATE, CapttyError, Change, Event, EventKind, Transcript
from tui.live.capture import Capture
from tui.live.connection import Connection, ConnectionBroken, connect
from tui.live.feed import Feed, Progress, State
from tui.live.recorder import Recorder
from tui.live.uplink import Uplink
from tui.sessions.journal import Journal
from tui.wire.endpoint import Endpoint, Request
from tui.wire.events import Finished, ServerError, TraceEchoed, Updated, WireEvent
from tui.wire.segments import SegmentsClient

log = logging.getLogger(__name__)

_ONSET_SAMPLES = SAMPLE_RATE
"""Kept before what is confirmed: a word that was just beginning there may have no segment yet."""
_LAST_WORDS_SECONDS = 1.0
"""How long a broken connection may take to say why."""


Server = Callable[[], AbstractAsyncContextManager[Endpoint]]
"""Makes a server available for the length of a block. Entering it raises `ServerUnavailable`."""

OpenJournal = Callable[[Source, Endpoint, Request], Journal]
"""Begins the journal of a session. Raises `JournalError`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session came to its end."""

    cause: str
    failure: str = ""
    """One sentence where it broke off."""


class LiveSession:
    """One session. Its methods may be called from any thread; facts come out of `feed`."""

    def __init__(
        self,
        source: Source,
        server: Server,
        request: Request,
        *,
        open_journal: OpenJournal | None = None,
        paced: bool = True,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.source = source
        self.feed = Feed(wake)
        self._server = server
        self._request = request
        self._open_journal = open_journal
        self._paced = paced
        self._thread = threading.Thread(target=self._work, name="session", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._control = threading.Lock()
        self._intents: list[Callable[[_Run], None]] = []
        self._run: _Run | None = None

    def start(self) -> None:
        """Begin; once only."""
        self._thread.start()

    def pause(self) -> None:
        """Take no more audio until `resume`; the connection stays."""
        self._intend(_Run.pause)

    def resume(self) -> None:
        """Go on."""
        self._intend(_Run.resume)

    def switch(self, language: str | None) -> None:
        """Recognise another language from here on, or detect it where it is `None`.

        Told by a `LANGUAGE` event, or by an `ERROR` event where the server cannot do it.
        """
        self._intend(lambda run: run.switch(language))

    def stop(self) -> None:
        """Take no more audio, wait for the last words, end."""
        self._intend(_Run.stop)

    def abandon(self) -> None:
        """End now, without the last words; what there is of them is saved."""
        self._intend(_Run.abandon)

    def close(self, grace: float = 0.7) -> None:
        """End within about a second: ask for the last words, then go without them."""
        if not self._thread.is_alive():
            return
        self.stop()
        self.join(grace)
        self.abandon()
        self.join(1.0)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; returns whether it has come."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _intend(self, intent: "Callable[[_Run], None]") -> None:
        """Carry out on the session's thread, also where that has yet to begin."""
        with self._control:
            if self._loop is None or self._run is None:
                self._intents.append(intent)
                return
            with suppress(RuntimeError):  # the loop has ended, and the session with it
                self._loop.call_soon_threadsafe(intent, self._run)

    def _work(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as error:
            log.exception("the session's thread failed")
            reason = f"captty itself failed ({type(error).__name__})"
            self.feed.happened(Event(EventKind.BROKEN, 0, reason))
            self.feed.state(State.FAILED, reason)

    async def _main(self) -> None:
        run = _Run(self.source, self.feed, self._request, self._open_journal, self._paced)
        with self._control:
            self._loop, self._run = asyncio.get_running_loop(), run
            intents, self._intents = self._intents, []
        for intent in intents:
            intent(run)
        await run.run(self._server)


class _Run:
    """The session's work, on its event loop."""

    def __init__(
        self,
        source: Source,
        feed: Feed,
        request: Request,
        open_journal: OpenJournal | None,
        paced: bool,
    ) -> None:
        self._source = source
        self._feed = feed
        self._request = request
        self._open_journal = open_journal
        self._capture = Capture(source, paced=paced, measured=self._measured)
        self._spool = Spool()
        self._transcript = Transcript()
        self._progress = Progress(total=source.info.samples)
        self._journal: Journal | None = None
        self._recorder: Recorder | None = None
        self._uplink: Uplink | None = None
        self._task: asyncio.Task[Outcome] | None = None
        self._stopping = asyncio.Event()
        self._paused = False
        self._last_error = ""
        self._covered = 0

    # What the user wants

    def pause(self) -> None:
        """Hold the source."""
        if self._uplink and not self._paused and not self._stopping.is_set():
            self._paused = True
            self._capture.pause()
            self._happened(EventKind.PAUSED)
            self._feed.state(State.PAUSED)

    def resume(self) -> None:
        """Let the source go on."""
        if self._paused and not self._stopping.is_set():
            self._paused = False
            self._capture.resume()
            self._happened(EventKind.RESUMED)
            self._feed.state(State.LIVE)

    def switch(self, language: str | None) -> None:
        """Have the rest recognised in another language."""
        self._happened(EventKind.ERROR, "the language cannot be switched")

    def stop(self) -> None:
        """End the capture; what was captured is still transcribed."""
        self._stopping.set()
        if self._uplink is None:
            self.abandon()

    def abandon(self) -> None:
        """End now."""
        if self._task:
            self._task.cancel()

    # The way through the house

    async def run(self, server: Server) -> None:
        """The whole session; tells its end through the feed."""
        self._task = asyncio.create_task(self._through(server))
        try:
            outcome = await self._task
        except asyncio.CancelledError:
            outcome = Outcome("abandoned")
        finally:
            self._source.close()
        state = State.FAILED if outcome.failure else State.ENDED
        self._feed.state(state, outcome.failure)

    async def _through(self, server: Server) -> Outcome:
        self._feed.state(State.STARTING)
        if self._stopping.is_set():
            return Outcome("abandoned")
        try:
            async with server() as endpoint, connect(endpoint, self._request) as connection:
                self._begin(endpoint)
                return await self._until_the_end(connection)
        except CapttyError as error:
            self._happened(EventKind.BROKEN, str(error))
            return Outcome("failed", str(error))

    def _begin(self, endpoint: Endpoint) -> None:
        if self._open_journal:
            self._journal = self._open_journal(self._source, endpoint, self._request)
            self._recorder = Recorder(self._journal)
        self._feed.about(
            session_id=self._journal.id if self._journal else "",
            server=endpoint.name,
            engine=endpoint.engine,
        )
        self._happened(EventKind.CONNECTED, endpoint.name)

    async def _until_the_end(self, connection: Connection) -> Outcome:
        """Converse, and leave a journal that is closed whatever happens."""
        outcome = Outcome("abandoned")
        ticker = asyncio.create_task(self._recorder.run()) if self._recorder else None
        try:
            outcome = await self._conversation(connection)
        except CapttyError as error:
            outcome = Outcome("failed", str(error))
            self._happened(EventKind.BROKEN, str(error))
        finally:
            if ticker:
                ticker.cancel()
            self._conclude(outcome)
        return outcome

    def _conclude(self, outcome: Outcome) -> None:
        self._take(self._transcript.settle_all())
        self._measured(None)
        if self._journal and outcome.failure and self._came_to_nothing:
            self._journal.discard()
            self._feed.discarded()
        elif self._journal and self._recorder:
            self._recorder.flush()
            self._journal.close(outcome.cause, self._spool.end, complete=not outcome.failure)
            self._feed.trouble(self._journal.trouble or "")

    @property
    def _came_to_nothing(self) -> bool:
        """Whether the server said nothing and took nothing: a refusal is no session."""
        confirmed = self._uplink.confirmed if self._uplink else 0
        return not len(self._transcript) and not confirmed

    async def _conversation(self, connection: Connection) -> Outcome:
        epoch = self._transcript.open_epoch(self._spool.end)
        protocol = SegmentsClient(epoch, self._spool.end)
        self._uplink = uplink = Uplink(self._spool, connection, protocol)
        self._feed.state(State.LIVE)
        capture = asyncio.create_task(self._captured(uplink))
        talk = asyncio.create_task(uplink.run())
        listen = asyncio.create_task(self._listen(connection, protocol, uplink))
        try:
            await self._first_end(talk, listen)
            return await capture
        finally:
            for task in (capture, talk, listen):
                task.cancel()
            await asyncio.gather(capture, talk, listen, return_exceptions=True)

    async def _first_end(self, talk: asyncio.Task[None], listen: asyncio.Task[None]) -> None:
        """Return when the server has finished. Raises `ConnectionBroken` for every other end."""
        await asyncio.wait({talk, listen}, return_when=asyncio.FIRST_COMPLETED)
        if not listen.done():
            await asyncio.wait({listen}, timeout=_LAST_WORDS_SECONDS)
        if listen.done():
            return listen.result()
        return talk.result()

    async def _captured(self, uplink: Uplink) -> Outcome:
        """Capture until the source ends or the user stops; then there is no more audio."""
        capture = asyncio.create_task(self._capture.run(uplink))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({capture, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if capture.done():
                capture.result()
                return Outcome("source ended")
            return Outcome("stopped")
        finally:
            capture.cancel()
            stopping.cancel()
            self._stopping.set()
            uplink.complete()
            self._feed.state(State.FINISHING)

    async def _listen(
        self, connection: Connection, protocol: SegmentsClient, uplink: Uplink
    ) -> None:
        """Take what the server says until it has finished."""
        try:
            async for frame in connection.frames():
                uplink.heard()
                for event in protocol.receive(frame):
                    if isinstance(event, Finished) and uplink.finished:
                        return
                    self._hear(event, uplink)
        except ConnectionBroken as error:
            raise ConnectionBroken(self._last_error or str(error)) from None

    def _hear(self, event: WireEvent, uplink: Uplink) -> None:
        match event:
            case Updated(updates):
                self._last_error = ""
                self._measure_lag([update.end for update in updates if update.end is not None])
                self._take(self._transcript.apply(updates, uplink.sent))
            case TraceEchoed(trace_id):
                self._last_error = ""
                uplink.echoed(trace_id)
                self._release()
            case ServerError(message):
                self._last_error = message
                self._happened(EventKind.ERROR, message)
            case _:
                log.debug("ignored: %s", event)
        if self._stopping.is_set():
            self._measured(None)

    def _take(self, changes: list[Change]) -> None:
        """First into the journal, then onto the screen."""
        if not changes:
            return
        if self._recorder and self._journal:
            self._recorder.record(changes)
            self._feed.trouble(self._journal.trouble or "")
        settled = [change.after for change in changes if change.settles and change.after.timed]
        self._covered = max([self._covered, *(segment.end for segment in settled)])
        self._feed.changed([change.after for change in changes])
        self._release()

    def _release(self) -> None:
        """Let go of audio on evidence: journalled text covers it, or an echo confirms it."""
        if self._uplink is None or (self._journal and self._journal.trouble):
            return
        heard = max(self._uplink.confirmed, min(self._covered, self._uplink.sent))
        still_open = [segment.start for segment in self._transcript.open_segments]
        self._spool.trim(min([heard, *still_open]) - _ONSET_SAMPLES)

    def _measure_lag(self, ends: list[int]) -> None:
        if ends:
            lag = max(0, self._spool.end - max(ends)) / SAMPLE_RATE
            self._progress = replace(self._progress, lag=lag)

    def _measured(self, level: Level | None) -> None:
        if self._uplink:
            self._progress = replace(
                self._progress,
                captured=self._spool.end,
                sent=self._uplink.sent,
                confirmed=self._uplink.confirmed,
            )
        self._feed.progress(self._progress, level)

    def _happened(self, kind: EventKind, text: str = "") -> None:
        event = Event(kind, self._spool.end, text)
        if self._recorder:
            self._recorder.event(event)
        self._feed.happened(event)
