"""The state of a transcript: updates go in, changes come out."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tui.captions.segments import Change, Segment, SegmentKey, SegmentUpdate

_MOVED_ON = 2
"""How many later segments settle one that its server has not called final: it moved on."""


class Transcript:
    """Segments by key, in reading order.

    An update overwrites the segments that it carries and leaves the others alone; an empty text
    retracts a segment. A segment settles when its server calls all its words final; where the
    server says nothing of finality, when a later segment of the same connection has text; at the
    latest when two have, or when the connection ends.
    """

    def __init__(self) -> None:
        self._segments: dict[SegmentKey, Segment] = {}
        self._order: list[SegmentKey] = []
        self._open: dict[SegmentKey, bool] = {}
        """Unsettled segments, and whether their server speaks of finality."""
        self._origins: list[int] = []

    def open_epoch(self, origin: int) -> int:
        """Count a new connection, whose time 0.00 is the sample `origin`; returns its epoch."""
        self._origins.append(origin)
        return len(self._origins) - 1

    def restore(self, segments: Iterable[Segment], epochs: int) -> None:
        """Take what an earlier transcript held, of so many connections."""
        self._origins = [0] * epochs
        for segment in segments:
            self._segments[segment.key] = segment
            self._place(segment)
            if not (segment.settled or segment.retracted):
                self._open[segment.key] = True

    def __iter__(self) -> Iterator[Segment]:
        """The segments that have text, in reading order."""
        return (self._segments[key] for key in self._order)

    def __reversed__(self) -> Iterator[Segment]:
        """The segments that have text, the last one first."""
        return (self._segments[key] for key in reversed(self._order))

    def __len__(self) -> int:
        return len(self._order)

    def get(self, key: SegmentKey) -> Segment | None:
        """The segment as it stands, retracted ones included."""
        return self._segments.get(key)

    @property
    def open_segments(self) -> list[Segment]:
        """Those that have not settled, in reading order."""
        return [self._segments[key] for key in sorted(self._open)]

    @property
    def newest(self) -> Segment | None:
        """The last segment in reading order that has text."""
        return self._segments[self._order[-1]] if self._order else None

    def settled_after(self, key: SegmentKey) -> bool:
        """Whether a segment behind this one in reading order has settled."""
        later = self._order[bisect_right(self._order, key) :]
        return any(self._segments[other].settled for other in later)

    def apply(self, updates: Iterable[SegmentUpdate], heard: int = 0) -> list[Change]:
        """Take the updates of one message, in whatever order; of several for one segment, the last.

        `heard` is the absolute index behind the newest sample that the server had been sent; it
        stands in for the times of servers that give none. Returns one change a segment that is
        different now, in reading order; none for what is repeated.
        """
        before: dict[SegmentKey, Segment | None] = {}
        latest = {update.key: update for update in updates}
        for key in sorted(latest):
            before[key] = self._segments.get(key)
            self._take(latest[key], heard)
        self._settle_passed(before)
        return self._changes(before)

    def settle_all(self) -> list[Change]:
        """Settle what is open: nothing will change it."""
        return self.settle(list(self._open))

    def settle(self, keys: Iterable[SegmentKey]) -> list[Change]:
        """Settle those of these segments that are open."""
        before: dict[SegmentKey, Segment | None] = {}
        for key in keys:
            if key in self._open:
                self._settle(key, before)
        return self._changes(before)

    def _changes(self, before: dict[SegmentKey, Segment | None]) -> list[Change]:
        changes = []
        for key in sorted(before):
            old, new = before[key], self._segments.get(key)
            if new is not None and new != old:
                changes.append(Change(old, new))
        return changes

    def _take(self, update: SegmentUpdate, heard: int) -> None:
        old = self._segments.get(update.key)
        if not update.text and (old is None or old.retracted):
            return
        new = self._revised(old, update, heard) if old else self._added(update, heard)
        self._segments[update.key] = new
        self._place(new)
        if new.retracted or new.settled:
            self._open.pop(update.key, None)
        else:
            self._open[update.key] = update.final is not None

    def _place(self, segment: Segment) -> None:
        """Keep the reading order true for this segment."""
        key = segment.key
        at = bisect_left(self._order, key)
        listed = at < len(self._order) and self._order[at] == key
        if segment.retracted and listed:
            del self._order[at]
        elif not segment.retracted and not listed:
            insort(self._order, key)

    def _added(self, update: SegmentUpdate, heard: int) -> Segment:
        start, end = self._times(update, heard)
        return Segment(
            key=update.key,
            text=update.text,
            start=start,
            end=end,
            language=update.language,
            words=update.words,
            settled=update.final is True,
            timed=update.start is not None,
        )

    def _revised(self, old: Segment, update: SegmentUpdate, heard: int) -> Segment:
        same_text = update.text == old.text
        kept = old.start if old.timed or update.start is None else update.start
        start, end = self._times(replace(update, start=kept), old.end if same_text else heard)
        return replace(
            old,
            text=update.text,
            start=start,
            end=end,
            language=update.language or old.language,
            words=update.words or (old.words if same_text else ()),
            settled=old.settled or update.final is True,
            revision=old.revision + (not same_text),
            timed=old.timed or update.start is not None,
        )

    def _times(self, update: SegmentUpdate, heard: int) -> tuple[int, int]:
        """Start and end that never go backwards along the reading order."""
        at = bisect_left(self._order, update.key)
        previous = self._segments[self._order[at - 1]] if at else None
        start = update.start
        if start is None:
            start = max(self._origin(update.key), previous.end if previous else 0)
        start = max(start, previous.start if previous else 0)
        if (following := self._following(update.key)) is not None:
            start = min(start, following.start)
        end = update.end if update.end is not None else max(heard, start)
        return start, max(start, end)

    def _following(self, key: SegmentKey) -> Segment | None:
        at = bisect_left(self._order, key)
        if at < len(self._order) and self._order[at] == key:
            at += 1
        return self._segments[self._order[at]] if at < len(self._order) else None

    def _origin(self, key: SegmentKey) -> int:
        return self._origins[key.epoch] if key.epoch < len(self._origins) else 0

    def _settle_passed(self, before: dict[SegmentKey, Segment | None]) -> None:
        for key in list(self._open):
            at = bisect_left(self._order, key)
            later = sum(k.epoch == key.epoch for k in self._order[at + 1 : at + 1 + _MOVED_ON])
            if later >= _MOVED_ON or (later and not self._open[key]):
                self._settle(key, before)

    def _settle(self, key: SegmentKey, before: dict[SegmentKey, Segment | None]) -> None:
        segment = self._segments[key]
        before.setdefault(key, segment)
        self._segments[key] = replace(segment, settled=True)
        del self._open[key]
