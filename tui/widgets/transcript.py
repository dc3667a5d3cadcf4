"""The settled history of a transcript, drawn row by row."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tui.captions import Event, Segment, SegmentKey
from tui.captions.diff import Span
from tui.widgets.line import (
    COMPONENT_CLASSES,
    CSS,
    Brush,
    Columns,
    Line,
    Row,
    event_line,
    segment_line,
    selected_text,
)
from tui.widgets.lines import Lines, Place, Shift

_ROWS_CACHED = 512
"""Drawn rows that are kept: a few screens around the one in view."""


class TranscriptView(ScrollView):
    """Captions that have settled, and what happened between them; time on the left, text alone.

    It follows the newest row until the reader scrolls up. Then the top row keeps its text whatever
    arrives, is revised or goes away, until the reader comes back to the end.
    """

    COMPONENT_CLASSES = COMPONENT_CLASSES
    DEFAULT_CSS = f"""
    TranscriptView {{
        overflow: hidden scroll;
        scrollbar-size-vertical: 0;
        {CSS}
    }}
    """

    @dataclass
    class FollowChanged(Message):
        """The view began or ceased to follow the newest text, or has got further behind."""

        following: bool
        """Whether the newest row is kept in view."""
        behind: int
        """Segments that came since it ceased to follow."""

        def can_replace(self, message: Message) -> bool:
            """Only the newest fact counts."""
            return isinstance(message, TranscriptView.FollowChanged)

    def __init__(self, *, roll_up: bool = True) -> None:
        """With `roll_up` text that does not fill the pane stands at its bottom, else at its top."""
        super().__init__()
        self._roll_up = roll_up
        self._lines = Lines()
        self._drawn: LRUCache[tuple[Line, Place], Row] = LRUCache(_ROWS_CACHED)
        self._brush = Brush(self, Columns(0, 0, 0))
        self._laid = Size(0, 0)
        self._latest = 0
        self._events = 0
        self._following = True
        self._unread: set[SegmentKey] = set()
        self._told = (True, 0)
        self._anchor: tuple[int, int] | None = None

    @property
    def following(self) -> bool:
        """Whether the newest row is kept in view."""
        return self._following

    @property
    def behind(self) -> int:
        """Segments that came since the view ceased to follow."""
        return 0 if self._following else len(self._unread)

    def show(self, segments: Iterable[Segment], events: Iterable[Event] = ()) -> None:
        """Show these segments and events and nothing else, the newest in view."""
        lines = [segment_line(segment) for segment in segments if not segment.retracted]
        notes = [event_line(event, number) for number, event in enumerate(events)]
        self._events = len(notes)
        with self._repainting():
            self._lines.replace_all([*lines, *notes])
            self._latest = self._lines.latest
        self.action_follow()

    def put(self, segment: Segment, marks: Sequence[Span] = ()) -> None:
        """Insert a segment, revise it in place, or take it out where it is retracted.

        `marks` are the words of its text to mark as revised, in code points.
        """
        old = self._lines.find(segment.key)
        with self._repainting():
            if segment.retracted:
                self._shift(self._lines.remove(segment.key))
            else:
                self._shift(self._lines.put(segment_line(segment, marks, old)))
        if self._following:
            self._unread.clear()
        elif segment.retracted:
            self._unread.discard(segment.key)
        elif old is None:
            self._unread.add(segment.key)
        self._tell()

    def put_event(self, event: Event) -> None:
        """Insert a line about something that happened, by its time."""
        self._events += 1
        with self._repainting():
            self._shift(self._lines.put(event_line(event, self._events)))

    def clear_marks(self, keys: Iterable[SegmentKey]) -> None:
        """Draw these segments as not revised."""
        marked = [line for key in keys if (line := self._lines.find(key)) and line.marks]
        with self._repainting():
            for line in marked:
                self._lines.put(replace(line, marks=()))

    def reach(self, sample: int) -> None:
        """Keep room for times up to this absolute sample index."""
        if sample > self._latest:
            with self._repainting():
                self._latest = sample

    def render_line(self, y: int) -> Strip:
        """A row of the pane."""
        self._lay_out()
        return self._row(self._origin + y).strip

    @property
    def _origin(self) -> int:
        """The row at the top of the pane, negative where text does not fill it from below."""
        if self._roll_up and self._following:
            return self._lines.height - self._laid.height
        return self.scroll_offset.y

    def _row(self, number: int) -> Row:
        place = self._lines.place(number)
        if place is None:
            return self._brush.blank()
        line = self._lines[place.line]
        row = self._drawn.get((line, place))
        if row is None:
            span = self._lines.row(place)
            row = self._brush.row(line, span, place.line, first=place.number == 0)
            self._drawn[line, place] = row
        return row

    @property
    def _tail(self) -> int:
        """The top row where the newest row is the lowest one in view."""
        return max(0, self._lines.height - self._laid.height)

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """The selected text without times, a line for each segment."""
        return selected_text([line.text for line in self._lines], selection), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the rows again, with what is selected now."""
        self._drawn.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """Draw the rows again, in the colours of the theme now."""
        super().notify_style_update()
        self._drawn.clear()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow where the reader has come to the end, else hold."""
        super().watch_scroll_y(old_value, new_value)
        if self._laid != self.size:
            return
        self._anchor = None
        if new_value >= self._tail:
            self.action_follow()
        elif round(new_value) < self._tail:
            self._following = False
            self._tell()

    def action_follow(self) -> None:
        """Go to the newest row and stay with what comes."""
        with self._repainting():
            self._following = True
            self._rest(self._tail)
        self._unread.clear()
        self._tell()

    def action_scroll_home(self) -> None:
        """Go to the first row."""
        self.scroll_to(y=0, animate=False)

    def action_scroll_end(self) -> None:
        """Go to the newest row and stay with what comes."""
        self.action_follow()

    def action_scroll_up(self) -> None:
        """Go up a row."""
        self.scroll_relative(y=-1, animate=False)

    def action_scroll_down(self) -> None:
        """Go down a row."""
        self.scroll_relative(y=1, animate=False)

    def action_page_up(self) -> None:
        """Go up a page, less one row to find one's place."""
        self.scroll_relative(y=1 - self.size.height, animate=False)

    def action_page_down(self) -> None:
        """Go down a page, less one row to find one's place."""
        self.scroll_relative(y=self.size.height - 1, animate=False)

    def _tell(self) -> None:
        fact = (self._following, self.behind)
        if fact != self._told:
            self._told = fact
            self.post_message(self.FollowChanged(*fact))

    @contextmanager
    def _repainting(self) -> Iterator[None]:
        """Repaint the rows of the pane that look different after a change."""
        before = self._looks()
        yield
        self._latest = max(self._latest, self._lines.latest)
        self._anchor = None
        rows = zip(before, self._looks(), strict=True)
        changed = [y for y, (old, new) in enumerate(rows) if old is not new and old != new]
        if changed:
            self.refresh(*(Region(0, y, self._laid.width, 1) for y in changed))

    def _looks(self) -> list[object]:
        self._lay_out()
        origin = self._origin
        return [self._row(row).look for row in range(origin, origin + self._laid.height)]

    def _shift(self, shifts: Iterable[Shift]) -> None:
        """Keep the text at the top of the pane where it is."""
        top = self.scroll_offset.y
        for shift in shifts:
            top = shift.moved(top)
        self._rest(top)

    def _rest(self, top: int) -> None:
        """Put a row at the top of the pane; while following, the one that shows the newest.

        The values are set without the layout pass and the repaint of the whole pane that come
        with assigning them. Where text went away below, there is room to scroll down to the end.
        """
        top = self._tail if self._following else top
        room = top + self._laid.height + (not self._following and top >= self._tail)
        height = max(self._lines.height, room)
        self.set_reactive(Widget.virtual_size, Size(self._laid.width, height))
        self.set_reactive(Widget.scroll_y, float(top))
        self.set_reactive(Widget.scroll_target_y, float(top))

    def _lay_out(self) -> None:
        """Wrap the lines where the pane has another size or the times need more room.

        The text at the top stays there. Where it would leave the pane half empty the end is shown,
        and the next change of size brings it back.
        """
        size = self.size
        columns = Columns.fit(size.width, self._latest)
        if not size or (size == self._laid and columns == self._brush.columns):
            return
        anchor = self._anchor or self._top()
        self._laid, self._brush = size, Brush(self, columns)
        self._drawn.clear()
        if columns.text != self._lines.width:
            self._lines.wrap(columns.text)
        top = self._lines.row_of(*anchor) if anchor else 0
        self._anchor, self._following = anchor, anchor is None or top >= self._tail
        self._rest(top)
        self._tell()

    def _top(self) -> tuple[int, int] | None:
        """Index of the line at the top of the pane and the code point there; `None` to follow."""
        place = None if self._following else self._lines.place(self.scroll_offset.y)
        return (place.line, self._lines.row(place).start) if place else None
