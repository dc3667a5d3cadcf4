"""What a session writes into its journal, and how often."""

import asyncio
import time
from collections.abc import Callable, Iterable

from tui.captions import Change, Event, Segment, SegmentKey
from tui.sessions.journal import Journal, JournalError

PARTIAL_SECONDS = 0.25
"""Open segments are written at most this often: what a crash may cost of unsettled text."""
RETRY_SECONDS = 5.0
"""Between two tries to begin a journal where there was no room for one."""


class Recorder:
    """Writes settled text at once and the newest form of open segments four times a second.

    Where the journal cannot be begun, the text waits in memory for another try.
    """

    def __init__(self, begin: Callable[[], Journal]) -> None:
        """`begin` raises `JournalError`."""
        self.journal: Journal | None = None
        self._begin = begin
        self._refusal = ""
        self._retry_at = 0.0
        self._waiting: list[Segment | Event] = []
        self._open: dict[SegmentKey, Segment] = {}
        self._try()

    @property
    def waiting(self) -> bool:
        """Whether there is text that is not in the journal yet."""
        return self.journal is None or self.journal.waiting

    @property
    def trouble(self) -> str:
        """One sentence while something is not saved."""
        return self._refusal if self.journal is None else self.journal.trouble or ""

    def record(self, changes: Iterable[Change]) -> None:
        """Take the changes of an update; settled text is in the journal on return."""
        for change in changes:
            if change.after.settled or change.after.retracted:
                self._open.pop(change.after.key, None)
                self._write(change.after)
            else:
                self._open[change.after.key] = change.after

    def event(self, event: Event) -> None:
        """Write what happened."""
        self._write(event)

    async def run(self) -> None:
        """Write the open segments again and again, until cancelled."""
        while True:
            await asyncio.sleep(PARTIAL_SECONDS)
            self.flush()

    def flush(self, *, last: bool = False) -> None:
        """Write the open segments that changed since the last time, and what could not be.

        `last`: there is no other time, so that nothing is put off.
        """
        if self.journal is None and (last or time.monotonic() >= self._retry_at):
            self._try()
        if self.journal is None:
            return
        if self.journal.trouble:
            self.journal.retry()
        for segment in self._open.values():
            self.journal.write_segment(segment)
        self._open.clear()

    def _write(self, item: Segment | Event) -> None:
        if self.journal is None:
            self._waiting.append(item)
        elif isinstance(item, Event):
            self.journal.write_event(item)
        else:
            self.journal.write_segment(item)

    def _try(self) -> None:
        try:
            self.journal = self._begin()
        except JournalError as error:
            self._refusal = str(error)
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            self._write(item)
