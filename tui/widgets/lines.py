"""The lines of a transcript in reading order, wrapped to one width."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from textual.cache import LRUCache

from tui.captions import SegmentKey
from tui.captions.diff import Span
from tui.widgets.line import Line, Order

_ROWS_CACHED = 256
"""Lines whose rows are kept: more than any screen shows."""


class Shift(NamedTuple):
    """What a change did to the rows: `before` rows from `row` on became `after` rows."""

    row: int
    before: int
    after: int

    def moved(self, row: int) -> int:
        """Where the text that stood on `row` stands now; the next best row where it went."""
        if self.row + self.before <= row:
            return row + self.after - self.before
        if self.row <= row:
            return self.row + min(row - self.row, max(0, self.after - 1))
        return row


class Place(NamedTuple):
    """A row of a transcript: the line that it belongs to, and which of its rows it is."""

    line: int
    """Its index, in reading order."""
    number: int


class Lines:
    """Lines in reading order and the rows they take; appending and revising the last is O(1)."""

    def __init__(self) -> None:
        self.width = 0
        """Cells of a row of text; heights are unknown as long as it is 0."""
        self._orders: list[Order] = []
        self._lines: list[Line] = []
        self._first = [0]
        self._by_key: dict[SegmentKey, Line] = {}
        self._rows: LRUCache[Line, list[Span]] = LRUCache(_ROWS_CACHED)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    def __getitem__(self, index: int) -> Line:
        return self._lines[index]

    @property
    def height(self) -> int:
        """Rows of all lines."""
        return self._first[-1]

    @property
    def latest(self) -> int:
        """The latest start of a line, as an absolute sample index."""
        return self._lines[-1].at if self._lines else 0

    def find(self, key: SegmentKey) -> Line | None:
        """The line of a segment."""
        return self._by_key.get(key)

    def place(self, row: int) -> Place | None:
        """What stands on a row, counted from the first row of all."""
        if not 0 <= row < self.height:
            return None
        index = bisect_right(self._first, row) - 1
        return Place(index, row - self._first[index])

    def row(self, place: Place) -> Span:
        """The code points of its line that a row shows."""
        return self._rows_of(self._lines[place.line])[place.number]

    def row_of(self, index: int, start: int) -> int:
        """The row that shows the code point `start` of a line, counted from the first of all."""
        rows = self._rows_of(self._lines[index])
        return self._first[index] + max(0, bisect_right([row.start for row in rows], start) - 1)

    def replace_all(self, lines: Iterable[Line]) -> None:
        """Take other lines, in any order."""
        self._lines = sorted(lines, key=lambda line: line.order)
        self._orders = [line.order for line in self._lines]
        self._by_key = {line.key: line for line in self._lines if line.key is not None}
        self.wrap(self.width)

    def wrap(self, width: int) -> None:
        """Wrap all lines to rows of `width` cells."""
        self.width = width
        self._rows.clear()
        heights = (len(line.measured.rows(width)) if width else 0 for line in self._lines)
        self._first = list(accumulate(heights, initial=0))

    def put(self, line: Line) -> list[Shift]:
        """Add a line, or replace that of the same segment."""
        old = self._by_key.get(line.key) if line.key else None
        if line.key:
            self._by_key[line.key] = line
        if old and old.order == line.order:
            return [self._replace(self._index(old), line)]
        taken = [self._take(self._index(old))] if old else []
        return [*taken, self._insert(line)]

    def remove(self, key: SegmentKey) -> list[Shift]:
        """Take the line of a segment out, if it has one."""
        old = self._by_key.pop(key, None)
        return [self._take(self._index(old))] if old else []

    def _index(self, line: Line) -> int:
        return bisect_left(self._orders, line.order)

    def _replace(self, index: int, line: Line) -> Shift:
        row, before = self._first[index], self._height(index)
        self._lines[index] = line
        after = len(self._rows_of(line)) if self.width else 0
        self._lengthen(index + 1, after - before)
        return Shift(row, before, after)

    def _insert(self, line: Line) -> Shift:
        index = self._index(line)
        self._orders.insert(index, line.order)
        self._lines.insert(index, line)
        row = self._first[index]
        after = len(self._rows_of(line)) if self.width else 0
        self._first.insert(index, row)
        self._lengthen(index + 1, after)
        return Shift(row, 0, after)

    def _take(self, index: int) -> Shift:
        row, before = self._first[index], self._height(index)
        self._lengthen(index + 1, -before)
        del self._orders[index], self._lines[index], self._first[index]
        return Shift(row, before, 0)

    def _height(self, index: int) -> int:
        return self._first[index + 1] - self._first[index]

    def _lengthen(self, index: int, rows: int) -> None:
        """Move the lines from `index` on, and the end, down by some rows."""
        if rows:
            self._first[index:] = [first + rows for first in self._first[index:]]

    def _rows_of(self, line: Line) -> list[Span]:
        rows = self._rows.get(line)
        if rows is None:
            rows = self._rows[line] = line.measured.rows(self.width)
        return rows
