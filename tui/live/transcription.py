"""What servers say: first into the ledger, then the journal, then onto the screen; then audio may
go."""

import asyncio
import logging
import math
import time
from collections.abc import Iterable
from dataclasses import replace

from tui.audio.level import Level
from tui.audio.spool import Loss, Spool
from tui.captions import SAMPLE_RATE, Change, Event, EventKind, Segment, length_text
from tui.live.feed import Feed, Progress
from tui.live.ledger import Ledger
from tui.live.recorder import Recorder
from tui.live.tape import Tape
from tui.live.uplink import TRACE_SAMPLES, Uplink
from tui.sessions.journal import Journal
from tui.sessions.lines import SPOOL
from tui.wire.events import ServerError, TraceEchoed, Updated, WireEvent

log = logging.getLogger(__name__)

_KEEP_SECONDS = 0.5
"""Between two times that audio is put on disk: what a crash may cost of it."""


_GAP_SECONDS = 10.0
"""Audio that is given up bit by bit is one gap as long as the bits come closer than this."""
_NOT_KEPT = "there was no room to keep it"
_YIELD_SECONDS = 5.0
"""How long text must have had room before audio takes some again."""


class Transcription:
    """The text of a session, and the audio that is not text yet."""

    def __init__(self, spool: Spool, tape: Tape, feed: Feed, total: int | None) -> None:
        """`total` is the index behind the source's last sample, where it is known."""
        self.spool = spool
        self._tape = tape
        self.ledger = Ledger(spool.start)
        self._first = spool.start
        self.recorder: Recorder | None = None
        """`None` where nothing is saved."""
        self.last_error = ""
        """What the server complained of last, if it said nothing of use since."""
        self.timed = False
        """Whether the server's text carries times."""
        self._feed = feed
        self._progress = Progress(total=total)
        self._kept = False
        self._heard = 0
        """Samples of a session that was taken up again."""
        self._missed: list[Loss] = []
        self._losing: Loss | None = None
        """What is being given up, until it comes to an end."""
        self._lost_at = 0.0
        self._tail_lost = ""
        """One sentence where the last audio could not be kept."""
        self._gave_way = -math.inf

    def begin(self, recorder: Recorder) -> None:
        """Save the session from here on."""
        self.recorder = recorder
        self._keep_audio()
        self.look_after_tape()

    def look_after_tape(self) -> None:
        """Let the recording begin or end where it can."""
        self._tape.look(self.recorder)
        self._tell_trouble()

    def restore(self, segments: Iterable[Segment], epochs: int, samples: int) -> None:
        """Take up a session that was interrupted, whose audio is in the spool.

        It had heard so many samples; what of them neither text nor spool covers is lost.
        """
        self._heard = samples
        self._take(self.ledger.restore(segments, epochs, self.spool.start))
        self.happened(EventKind.RECOVERED, self.ledger.frontier)
        if samples > self.spool.end:
            self.happened(EventKind.GAP, self.spool.end, _NOT_KEPT, samples)

    async def run(self) -> None:
        """Write open text and audio again and again, until cancelled."""
        writing = asyncio.create_task(self.recorder.run()) if self.recorder else None
        try:
            while True:
                await asyncio.sleep(_KEEP_SECONDS)
                self._keep_audio()
                self.look_after_tape()
                self.note_lost()
        finally:
            if writing:
                writing.cancel()

    # What is heard

    def hear(self, event: WireEvent, uplink: Uplink) -> None:
        """Take what the connection that speaks has said."""
        match event:
            case Updated(updates):
                self.last_error = ""
                self.timed = self.timed or any(update.start is not None for update in updates)
                uplink.told(updates)
                self._take(self.ledger.hear(updates, uplink.sent))
                self._measure_lag()
            case TraceEchoed(trace_id):
                self.last_error = ""
                if uplink.echoed(trace_id):
                    self._take(self.ledger.confirm(uplink.confirmed, uplink.sent))
                    self._measure_lag()
                self._release()
            case ServerError(message):
                self.last_error = message
                self.happened(EventKind.ERROR, self.spool.end, message)
            case _:
                log.debug("ignored: %s", event)

    def give_up(self, until: int, why: str) -> None:
        """Nobody will say what is in the audio before `until`."""
        start = self.ledger.frontier
        self._take(self.ledger.break_off())
        self._take(self.ledger.lose(until))
        if until > start:
            self.happened(EventKind.GAP, start, why, until)

    def finish(self, end: int) -> None:
        """The connection that speaks has said all of its audio, which ends at `end`."""
        self._take(self.ledger.finish(end))
        self._release()

    def break_off(self) -> None:
        """The connection that speaks is gone."""
        self._take(self.ledger.break_off())

    def happened(self, kind: EventKind, at: int, text: str = "", until: int | None = None) -> None:
        """Something besides words."""
        event = Event(kind, at, text, until)
        if self.recorder:
            self.recorder.event(event)
        self._feed.happened(event)

    def missed(self, loss: Loss) -> None:
        """The source could not give this part of its sound; told when it gives sound again."""
        self._missed.append(loss)

    def note_lost(self, *, last: bool = False) -> None:
        """Tell of audio that had to be given up before it was text, once that comes to an end."""
        now = time.monotonic()
        missed, self._missed = self._missed, []
        for loss in missed:
            self._lose(loss, loss.start, now)
        for loss in self.spool.take_lost():
            if loss.end <= self.spool.start:
                self._take(self.ledger.lose(loss.end))
            self._lose(loss, max(loss.start, self.ledger.safe), now)
        if self._losing and (last or now - self._lost_at > _GAP_SECONDS):
            self._tell_lost(self._losing)
            self._losing = None

    def _lose(self, loss: Loss, start: int, now: float) -> None:
        """Tell of what was being lost before, unless this is more of it."""
        losing = self._losing
        if losing and (loss.start, loss.cause) == (losing.end, losing.cause):
            start = losing.start
        elif losing:
            self._tell_lost(losing)
        self._losing, self._lost_at = replace(loss, start=start), now

    def _tell_lost(self, loss: Loss) -> None:
        if loss.end > loss.start:
            self.happened(EventKind.GAP, loss.start, loss.cause, loss.end)

    # What is left at the end

    def conclude(self) -> float:
        """Nothing more will be heard; returns how many seconds of audio are not confirmed.

        Text that is open stays so where its audio is kept: it may yet be recognised to its end.
        """
        self.note_lost(last=True)
        if self.recorder:
            self.recorder.flush(last=True)
        start, end = self.ledger.frontier, self.spool.end
        kept = end > start and self._put_on_disk()
        if not kept:
            self._take(self.ledger.conclude())
        if end > start:
            self._tell_unconfirmed(start, end, kept=kept)
        return (end - start) / SAMPLE_RATE

    def _put_on_disk(self) -> bool:
        """Leave the audio beside the journal for later; returns whether it is all there."""
        if self._journal is None:
            return False
        self.spool.keep_in(self._journal.folder / SPOOL)
        self.spool.close()
        return self.spool.trouble is None

    def _tell_unconfirmed(self, start: int, end: int, *, kept: bool) -> None:
        seconds = (end - start) / SAMPLE_RATE
        if kept or self._journal is None:
            self.happened(EventKind.UNCONFIRMED, start, until=end)
            self._feed.unfinished(seconds if kept else 0.0)
        else:
            self.happened(EventKind.GAP, start, _NOT_KEPT, end)
            self._tail_lost = f"the last {length_text(seconds)} are lost: {_NOT_KEPT}"

    @property
    def _journal(self) -> Journal | None:
        return self.recorder.journal if self.recorder else None

    @property
    def came_to_nothing(self) -> bool:
        """Whether nothing was said and nothing confirmed."""
        return not len(self.ledger.transcript) and self.ledger.frontier == self._first

    def language(self, language: str | None) -> None:
        """Another language is recognised from now on."""
        self._feed.language(language)

    def close(self, cause: str, unconfirmed: float, *, complete: bool) -> None:
        """End the journal of a session of which so many seconds are not confirmed."""
        journal, waiting = self._journal, bool(self.recorder and self.recorder.waiting)
        if journal is None or not (unconfirmed or waiting):
            self.spool.discard()
        elif waiting and self._put_on_disk():
            self._feed.unfinished((self.spool.end - self.spool.start) / SAMPLE_RATE)
        if journal:
            whole = complete and not unconfirmed and not waiting
            journal.close(cause, max(self.spool.end, self._heard), complete=whole)
        self._tape.close()
        self._tell_trouble()

    def discard(self) -> None:
        """End the session and leave nothing of it."""
        self._tape.close()
        self.spool.discard()
        if self.recorder and self.recorder.journal:
            self.recorder.journal.discard()
        self._feed.saved("")

    # Onto the screen

    def measured(self, level: Level | None, uplink: Uplink | None) -> None:
        """Audio has moved on."""
        sent = uplink.sent if uplink else self.ledger.frontier
        confirmed = self.ledger.frontier
        self._progress = replace(
            self._progress, captured=self.spool.end, sent=sent, confirmed=confirmed
        )
        silent = self.spool.end - max(confirmed, self.ledger.text_end)
        if uplink and uplink.echoes and silent > TRACE_SAMPLES + SAMPLE_RATE:
            self._progress = replace(self._progress, lag=silent / SAMPLE_RATE)
        self._feed.progress(self._progress, level)

    def reconnected(self, at: int, until: int, seconds: float) -> None:
        """Another connection says the audio from `at` to `until` anew, after so many seconds."""
        count = self._progress.reconnects + 1
        self._progress = replace(self._progress, reconnects=count)
        gone = f"no captions for {max(1, round(seconds))} s"
        self.happened(EventKind.RECONNECTED, at, gone, until)

    def _measure_lag(self) -> None:
        newest = max(self.ledger.text_end, self.ledger.frontier)
        lag = max(0, self.spool.end - newest) / SAMPLE_RATE
        self._progress = replace(self._progress, lag=lag)

    def _take(self, changes: list[Change]) -> None:
        """First into the journal, then onto the screen."""
        if not changes:
            return
        if self.recorder:
            self.recorder.record(changes)
            self._tell_trouble()
        self._feed.changed([change.after for change in changes])
        self._release()

    def _release(self) -> None:
        """Let go of audio on evidence: journalled text covers it, or an echo confirms it."""
        if not (self.recorder and self.recorder.waiting):
            self.spool.trim(self.ledger.safe)

    def _keep_audio(self) -> None:
        """Audio goes to disk where text does; text goes first where there is little room."""
        if self.recorder is None:
            return
        if self.recorder.waiting:
            self.spool.give_way()
            self._gave_way = time.monotonic()
        elif self.recorder.journal and time.monotonic() - self._gave_way > _YIELD_SECONDS:
            if not self._kept:
                self._kept = True
                self.spool.keep_in(self.recorder.journal.folder / SPOOL)
            self.spool.persist()

    def _tell_trouble(self) -> None:
        if self.recorder and self.recorder.journal:
            self._feed.saved(self.recorder.journal.id)
        trouble = self.recorder.trouble if self.recorder else ""
        audio = self._tail_lost or self.spool.trouble or self._tape.trouble
        self._feed.trouble(trouble or audio or "")
