"""The work of a session, on its event loop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tui.audio.level import Level
from tui.audio.silence import quietest
from tui.audio.source import Source, SourceError
from tui.audio.spool import Spool
from tui.captions import SAMPLE_RATE, CapttyError, EventKind, Segment
from tui.captions.languages import language_name
from tui.live.capture import Capture
from tui.live.connection import ConnectionBroken
from tui.live.feed import Feed, State
from tui.live.host import Host, Server
from tui.live.intake import Intake
from tui.live.outcome import Outcome, failed, hint
from tui.live.probe import probe
from tui.live.recorder import Recorder
from tui.live.standing import Standing
from tui.live.stretch import Desk, Line, Stretch
from tui.live.tape import Tape
from tui.live.transcription import Transcription
from tui.live.uplink import Uplink
from tui.sessions.journal import Journal
from tui.wire.endpoint import Endpoint, Request, ServerUnavailable

OpenJournal = Callable[[Source, Endpoint, Request, datetime], Journal]
"""Begins the journal of a session whose first sample was heard at a time. Raises `JournalError`."""

BACKLOG_SAMPLES = 10 * SAMPLE_RATE
"""Unsent audio at which a source that can wait is kept waiting."""
_WAIT_SECONDS = 0.2
"""After which it is looked again, where nothing has told that there is less to do."""
_BOUNDARY_SAMPLES = SAMPLE_RATE * 3 // 2
"""How far back a pause between two words is looked for."""


@dataclass(frozen=True, slots=True)
class Past:
    """What an interrupted session left to be finished."""

    journal: Journal
    """Reopened."""
    spool: Spool
    segments: tuple[Segment, ...]
    epochs: int
    """How many connections it had."""
    samples: int
    """How much audio it heard, also what is not in the spool."""
    languages: tuple[tuple[int, str | None], ...]
    """Those of the audio that is left, each with the sample where it begins; one at least."""


class SwitchRefused(CapttyError):
    """A language that cannot be switched to now."""


class Run:
    """Joins source, spool, connections, transcript and journal for the length of a session."""

    def __init__(
        self,
        source: Source,
        feed: Feed,
        request: Request,
        open_journal: OpenJournal | None,
        past: Past | None,
        *,
        first: int,
        record: bool,
        paced: bool,
    ) -> None:
        self._source = source
        self._feed = feed
        self._request = request
        self._open_journal = open_journal
        self._past = past
        self._paced = paced or (source.info.live and not source.info.waits)
        self._first = first
        self._spool = past.spool if past else Spool(first)
        self._tape = Tape(self._spool, feed, wanted=record)
        length = source.info.samples
        total = None if length is None else first + length
        self._text = Transcription(self._spool, self._tape, feed, total)
        self._standing = Standing(feed)
        self._intake = Intake(
            self._text, self._tape, self._standing, feed, lambda: self._measured(None)
        )
        self._capture = Capture(
            source, paced=self._paced, measured=self._measured, told=self._intake.told
        )
        self._stopping = asyncio.Event()
        self._switching = asyncio.Lock()
        self._switches: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[Outcome] | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._desk: Desk | None = None
        self._stretch: Stretch | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._abandoned = False
        self._was_connected = False
        self._cause = "stopped"
        self._failure = ""
        self._outcome: Outcome | None = None
        self._started_at = datetime.now(UTC)

    # What the user wants

    def pause(self) -> None:
        """Hold the source."""
        if self._standing.began and not self._standing.paused and not self._stopping.is_set():
            self._capture.pause()
            self._text.happened(EventKind.PAUSED, self._spool.end)
            self._standing.pause(True)

    def resume(self) -> None:
        """Let the source go on."""
        if self._standing.paused and not self._stopping.is_set():
            self._capture.resume()
            self._text.happened(EventKind.RESUMED, self._spool.end)
            self._standing.pause(False)

    def switch(self, language: str | None) -> None:
        """Have the rest recognised in another language."""
        if self._stopping.is_set():
            self._refuse(language, "there is nothing more to be recognised")
        elif not self._standing.began:
            self._request = replace(self._request, language=language)
            if self._stretch:
                self._stretch.request = self._request
            self._switched(0, language)
        elif self._tasks:
            switch = self._tasks.create_task(self._switch(language))
            self._switches.add(switch)
            switch.add_done_callback(self._switches.discard)

    def record(self, on: bool) -> None:
        """Keep the audio to be listened to, or no more."""
        self._tape.switch(on)
        self._text.look_after_tape()

    def stop(self) -> None:
        """End the capture; what was captured is still transcribed."""
        self._stopping.set()
        if not self._standing.began and not self._begin_unheard():
            self.abandon()

    def abandon(self) -> None:
        """End now."""
        self._stopping.set()
        if self._task and not self._abandoned:
            self._abandoned = True
            self._task.cancel()

    # The way through the house

    async def run(self, server: Server) -> None:
        """The whole session; tells its end through the feed."""
        self._feed.language(self._request.language)
        self._task = asyncio.create_task(self._through(server))
        try:
            outcome = await self._task
        except asyncio.CancelledError:  # before it could begin, or after it had ended
            outcome = self._outcome or Outcome("abandoned")
            if self._outcome is None:
                self._conclude(outcome)
        finally:
            self._source.close()
        state = State.FAILED if outcome.failure else State.ENDED
        self._feed.state(state, outcome.failure)

    async def _through(self, server: Server) -> Outcome:
        outcome, host = Outcome("failed", "captty itself failed"), Host(server)
        try:
            if self._stopping.is_set():
                outcome = Outcome("abandoned")
            else:
                outcome = await self._until_all_is_said(host)
        except asyncio.CancelledError:  # the user does not want to wait for the rest
            outcome = Outcome("abandoned", self._failure)
        finally:
            self._conclude(outcome)
            await host.close()
        return outcome

    async def _until_all_is_said(self, host: Host) -> Outcome:
        self._desk = Desk(
            host, self._text, self._standing, self._connected, self._begin_unheard, self._paced
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                if self._source.info.live:
                    self._start_capture(tasks)
                self._go_on(0, self._request)
                for boundary, language in self._past.languages[1:] if self._past else ():
                    self._go_on(boundary, replace(self._request, language=language))
        except* CapttyError as errors:
            outcome = failed(errors)
        else:
            outcome = Outcome(self._cause, self._failure)
        finally:
            self._tasks = None
        return outcome

    def _connected(self, endpoint: Endpoint) -> None:
        """A connection was made; with the first one the session begins."""
        if not self._standing.began and self._tasks:
            if not self._source.info.live:
                self._start_capture(self._tasks)
            self._begin(endpoint)
            self._standing.online()
        if not self._was_connected:
            self._was_connected = True
            self._text.happened(EventKind.CONNECTED, self._spool.end, endpoint.name)

    def _start_capture(self, tasks: asyncio.TaskGroup) -> None:
        """Listen from now on: at once where the sound goes by, else when somebody hears it."""
        self._started_at = datetime.now(UTC)
        tasks.create_task(self._captured())

    def _begin_unheard(self) -> bool:
        """Begin without a connection, so that sound which goes by is kept for when there is one.

        Returns whether there is such a sound, and a server that is only not to be reached.
        """
        endpoint = self._desk.host.known if self._desk else None
        if endpoint is None or not self._source.info.live:
            return False
        self._begin(endpoint)
        self._standing.begin()
        return True

    def _begin(self, endpoint: Endpoint) -> None:
        self._feed.about(server=endpoint.name, engine=endpoint.engine)
        begin = self._open_journal
        if begin:
            recorder = Recorder(
                lambda: begin(self._source, endpoint, self._request, self._started_at)
            )
            self._text.begin(recorder)
        self._ticker = asyncio.create_task(self._text.run())
        if self._past:
            self._text.restore(self._past.segments, self._past.epochs, self._past.samples)

    async def _captured(self) -> None:
        """Capture until the source ends or the user stops; then there is no more audio."""
        capture = asyncio.create_task(self._capture.run(self._offer))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({capture, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if capture.done():
                self._cause = "source ended"
                capture.result()
        except SourceError as error:
            self._failure = str(error)
        finally:
            capture.cancel()
            stopping.cancel()
            self._complete()
            await asyncio.gather(capture, stopping, return_exceptions=True)

    async def _offer(self, pcm: bytes) -> None:
        """Take captured audio; a source that can wait waits until the backlog is short again."""
        self._intake.take(pcm)
        if self._desk:
            self._desk.pulse.beat()
            while self._is_behind:
                await self._desk.pulse.wait(_WAIT_SECONDS)

    @property
    def _is_behind(self) -> bool:
        """Whether server or recording have enough to do, and the source can wait."""
        most = max(self._backlog, self._tape.behind)
        return not self._paced and most > BACKLOG_SAMPLES

    @property
    def _uplink(self) -> Uplink | None:
        return self._stretch.uplink if self._stretch else None

    @property
    def _backlog(self) -> int:
        sent = self._uplink.sent if self._uplink else self._text.ledger.frontier
        return self._spool.end - sent

    def _complete(self) -> None:
        self._stopping.set()
        for switch in self._switches:
            switch.cancel()
        if self._stretch and self._desk:
            self._stretch.end_at(self._spool.end)
            self._desk.finish()

    def _measured(self, level: Level | None) -> None:
        self._text.measured(level, self._uplink)

    # Another language

    async def _switch(self, language: str | None) -> None:
        async with self._switching:
            try:
                await self._hand_over(language)
            except (ConnectionBroken, ServerUnavailable, SwitchRefused) as error:
                self._refuse(language, f"{error}{hint(error)}")

    async def _hand_over(self, language: str | None) -> None:
        """Let a new connection go on from a pause between two words, once the server takes it."""
        desk, current = self._desk, self._stretch
        if desk is None or current is None or current.uplink is None:
            raise SwitchRefused("there is no connection now, try again when there is one")
        if language == current.request.language:
            raise SwitchRefused("it is recognised already")
        request = replace(current.request, language=language)
        line = await Line.open(await desk.host.endpoint(), request)
        try:
            await probe(line.connection, echoes=desk.echoes)
            if self._stopping.is_set():
                raise SwitchRefused("the session is ending")
        except BaseException:
            await line.close()
            raise
        boundary = self._boundary(current)
        self._go_on(boundary, request, line)
        self._switched(boundary, language)

    def _switched(self, boundary: int, language: str | None) -> None:
        self._text.happened(EventKind.LANGUAGE, boundary, language_name(language))
        self._feed.language(language)

    def _go_on(self, boundary: int, request: Request, line: Line | None = None) -> None:
        """Let a stretch begin where the one that there is, if any, then ends."""
        if self._desk and self._tasks:
            before = self._stretch
            self._stretch = Stretch(self._desk, request, boundary, line=line, before=before)
            if before:
                before.hand_over_to(self._stretch)
            self._tasks.create_task(self._said(self._stretch))

    async def _said(self, stretch: Stretch) -> None:
        """Have a stretch said; the one before says it where its language turns out refused."""
        try:
            await stretch.run()
        except ConnectionBroken as error:
            before = stretch.before
            if not (error.hopeless and stretch is self._stretch and before):
                raise
            if stretch.spoke or stretch.request == before.request:
                raise
            self._refuse(stretch.request.language, f"{error}{hint(error)}")
            self._stretch = Stretch(stretch.desk, before.request, stretch.start, before=before)
            before.hand_over_to(self._stretch)
            self._stretch.end = stretch.end
            self._switched(stretch.start, before.request.language)
            await self._said(self._stretch)

    def _boundary(self, current: Stretch) -> int:
        """A sample behind all text there is, between two words if such a pause is near.

        Where no times tell whose words those are, behind all audio that was sent, too.
        """
        ledger, end = self._text.ledger, self._spool.end
        known = max(ledger.safe, ledger.text_end, current.start, self._spool.start)
        if current.uplink and not self._text.timed:
            known = max(known, current.uplink.sent)
        start = min(end, max(known, end - _BOUNDARY_SAMPLES))
        return start + quietest(self._spool.read(start, end - start))

    def _refuse(self, language: str | None, why: str) -> None:
        name = language_name(language)
        self._text.happened(EventKind.ERROR, self._spool.end, f"no switch to {name}: {why}")

    # The end

    def _conclude(self, outcome: Outcome) -> None:
        """Leave a journal that is closed, whatever happened."""
        self._outcome = outcome
        if self._ticker:
            self._ticker.cancel()
        unconfirmed = self._text.conclude() if self._standing.began else 0.0
        if outcome.failure and not outcome.unconfirmed:
            self._text.happened(EventKind.BROKEN, self._spool.end, outcome.failure)
        if self._past and not self._standing.began:
            self._past.journal.leave()
            self._spool.close()
        elif not self._standing.began:
            self._spool.discard()
        else:
            self._close(outcome, unconfirmed)

    def _close(self, outcome: Outcome, unconfirmed: float) -> None:
        self._measured(None)
        at_once = self._desk is None or not self._desk.broke
        refused = outcome.refused and self._text.came_to_nothing and at_once
        silent = outcome.failure and self._spool.end == self._first
        if (refused or silent) and not self._past:
            self._text.discard()
        else:
            self._text.close(outcome.cause, unconfirmed, complete=not outcome.failure)
