"""A live session: source → spool → connection → transcript → journal, on a thread of its own."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from tui.audio.source import Source
from tui.captions import Event, EventKind
from tui.live.feed import Feed, State
from tui.live.host import Server
from tui.live.run import OpenJournal, Past, Run
from tui.wire.endpoint import Request

log = logging.getLogger(__name__)


class LiveSession:
    """One session. Its methods may be called from any thread; facts come out of `feed`."""

    def __init__(
        self,
        source: Source,
        server: Server,
        request: Request,
        *,
        open_journal: OpenJournal | None = None,
        past: Past | None = None,
        first: int = 0,
        record: bool = False,
        paced: bool = True,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """`past` is what an interrupted session left: it goes on where that one broke off.

        `first` is the absolute index of the source's first sample, where it is a part of something
        longer. `record`: keep the audio, too, where the session is saved.
        """
        self.source = source
        self.feed = Feed(wake)
        self._server = server
        self._request = request
        self._open_journal = open_journal
        self._past = past
        self._first = first
        self._record = record
        self._paced = paced
        self._thread = threading.Thread(target=self._work, name="session", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._control = threading.Lock()
        self._intents: list[Callable[[Run], None]] = []
        self._run: Run | None = None

    def start(self) -> None:
        """Begin; once only."""
        self._thread.start()

    def pause(self) -> None:
        """Take no more audio until `resume`; the connection stays."""
        self._intend(Run.pause)

    def resume(self) -> None:
        """Go on."""
        self._intend(Run.resume)

    def switch(self, language: str | None) -> None:
        """Recognise another language from here on, or detect it where it is `None`.

        Told by a `LANGUAGE` event, or by an `ERROR` event where the server cannot do it.
        """
        self._intend(lambda run: run.switch(language))

    def record(self, on: bool) -> None:
        """Keep the audio from here on to be listened to, or no more.

        Told by `Snapshot.recording`; nothing happens where the session is not saved.
        """
        self._intend(lambda run: run.record(on))

    def stop(self) -> None:
        """Take no more audio, wait for the last words, end."""
        self._intend(Run.stop)

    def abandon(self) -> None:
        """End now, without the last words; what there is of them is saved."""
        self._intend(Run.abandon)

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

    def _intend(self, intent: Callable[[Run], None]) -> None:
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
        run = Run(
            self.source,
            self.feed,
            self._request,
            self._open_journal,
            self._past,
            first=self._first,
            record=self._record,
            paced=self._paced,
        )
        with self._control:
            self._loop, self._run = asyncio.get_running_loop(), run
            intents, self._intents = self._intents, []
        for intent in intents:
            intent(run)
        await run.run(self._server)
