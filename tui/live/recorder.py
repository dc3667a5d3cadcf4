"""What a session writes into its journal, and how often."""

import asyncio
from collections.abc import Iterable

from tui.captions import Change, Event, Segment, SegmentKey
from tui.sessions.journal import Journal

PARTIAL_SECONDS = 0.25
"""Open segments are written at most this often: what a crash may cost of unsettled text."""


class Recorder:
    """Writes settled text at once and the newest form of open segments four times a second."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._open: dict[SegmentKey, Segment] = {}

    def record(self, changes: Iterable[Change]) -> None:
        """Take the changes of an update; settled text is in the journal on return."""
        for change in changes:
            if change.after.settled:
                self._open.pop(change.after.key, None)
                self._journal.write_segment(change.after)
            else:
                self._open[change.after.key] = change.after

    def event(self, event: Event) -> None:
        """Write what happened."""
        self._journal.write_event(event)

    async def run(self) -> None:
        """Write the open segments again and again, until cancelled."""
        while True:
            await asyncio.sleep(PARTIAL_SECONDS)
            self.flush()

    def flush(self) -> None:
        """Write the open segments that changed since the last time."""
        for segment in self._open.values():
            self._journal.write_segment(segment)
        self._open.clear()
