"""One segment or event of the transcript, and how its rows are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, Self

from rich.cells import cell_len
from rich.segment import Segment as Piece
from rich.style import Style as RichStyle
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from tui.captions import SAMPLE_RATE, Event, EventKind, Segment, SegmentKey, length_text
from tui.captions.diff import Span
from tui.widgets.wrap import Measured

NARROW = 50
"""Cells below which a row keeps nothing but one cell between time and text."""

COMPONENT_CLASSES = {
    "caption--settled",
    "caption--unsettled",
    "caption--revised",
    "caption--time",
    "caption--event",
    "caption--mark",
}

CSS = """
    & > .caption--settled { color: $caption-settled; }
    & > .caption--unsettled { color: $caption-unsettled; text-style: italic; }
    & > .caption--revised { color: $caption-revised; text-style: underline; }
    & > .caption--time { color: $caption-time; }
    & > .caption--event { color: $caption-event; }
    & > .caption--mark { color: $caption-mark; text-style: bold; }
"""
"""What a widget that draws lines puts in its `DEFAULT_CSS`."""

_HOUR = 3600 * SAMPLE_RATE
_REVISED, _UNSETTLED = "~", "›"
_EVENT = "caption--event"
_EVENTS = {
    EventKind.CONNECTED: "connected",
    EventKind.RECONNECTED: "reconnected",
    EventKind.LANGUAGE: "language",
    EventKind.SOURCE: "now listening to",
    EventKind.PAUSED: "paused",
    EventKind.RESUMED: "resumed",
    EventKind.RECOVERED: "taken up again",
    EventKind.ERROR: "error",
    EventKind.BROKEN: "interrupted",
}

Order = tuple[int, int, int, int, str]
"""Sorts lines as they are read: by time, an event before the segment that starts with it."""


def clock(sample: int) -> str:
    """The time of a sample as `mm:ss`, from one hour on `h:mm:ss`."""
    minutes, seconds = divmod(sample // SAMPLE_RATE, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


class Columns(NamedTuple):
    """Cells of a row: the time, the gutter for marks, and the text with nothing behind it."""

    time: int
    gutter: int
    text: int

    @classmethod
    def fit(cls, width: int, latest: int) -> Self:
        """The columns of a pane `width` cells wide for times up to the sample `latest`."""
        time, gutter = len(clock(latest)), 1 if width < NARROW else 3
        return cls(time, gutter, max(2, width - time - gutter))


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A segment or an event, measured. Two lines are the same only if they are one object."""

    order: Order
    measured: Measured
    look: str
    """Component class of its text."""
    key: SegmentKey | None = None
    """`None` for an event."""
    marks: Sequence[Span] = field(default=())
    """Words that were just revised, in code points."""

    @property
    def at(self) -> int:
        """Absolute sample index of its start."""
        return self.order[0]

    @property
    def text(self) -> str:
        """What it says."""
        return self.measured.text


def segment_line(segment: Segment, marks: Sequence[Span] = (), old: Line | None = None) -> Line:
    """The line of a segment; what was measured is taken from `old` where the text is the same."""
    measured = old.measured if old and old.text == segment.text else Measured(segment.text)
    return Line(
        order=(segment.start, 1, *segment.key),
        measured=measured,
        look="caption--settled" if segment.settled else "caption--unsettled",
        key=segment.key,
        marks=tuple(marks),
    )


def event_line(event: Event, number: int) -> Line:
    """The line of an event; `number` counts the events in the order in which they came."""
    measured = Measured(f"── {_event_words(event)} ──")
    return Line(order=(event.at, 0, number, 0, ""), measured=measured, look=_EVENT)


def _event_words(event: Event) -> str:
    """What happened, in words."""
    words, text = _EVENTS.get(event.kind, event.kind.value), event.text
    length = None if event.until is None else length_text((event.until - event.at) / SAMPLE_RATE)
    if event.kind is EventKind.GAP:
        words = f"{length} of audio lost" if length else "audio lost"
    elif event.kind is EventKind.UNCONFIRMED:
        words = f"the last {length or 'words'} are not confirmed"
        text = text or "captty sessions finish last completes them"
    return f"{words}: {text}" if text else words


class Row(NamedTuple):
    """A drawn row. Rows with the same `look` need no repaint, whatever lines they belong to."""

    look: tuple[tuple[str, Style], ...]
    strip: Strip
    """The same with places in the transcript, for selecting."""


class Brush:
    """Draws rows of lines at one width, in the styles of the widget that shows them."""

    def __init__(self, widget: Widget, columns: Columns) -> None:
        self.columns = columns
        self._widget = widget
        self._style = widget.get_visual_style

    def row(self, line: Line, span: Span, index: int, *, first: bool) -> Row:
        """The row that shows a span of a line; the `first` has the time. `index` is the line's."""
        margin, text = self._margin(line, span, first=first), self._text(line, span, index)
        pad = " " * (self.columns.text - cell_len(line.text[span.start : span.end]))
        at, pieces = span.start - sum(len(piece) for piece, _ in margin), []
        for piece, style in margin + text:
            pieces.append(Piece(piece, style.rich_style_with_offset(at, index)))
            at += len(piece)
        pieces.append(Piece(pad, self._blank_style()))
        strip = Strip([piece for piece in pieces if piece.text], sum(self.columns))
        return Row(tuple(margin + text), strip)

    def blank(self) -> Row:
        """A row that holds nothing."""
        return Row((), Strip.blank(sum(self.columns), self._blank_style()))

    def _blank_style(self) -> RichStyle:
        return RichStyle(bgcolor=self._style().rich_style.bgcolor)

    def _margin(self, line: Line, span: Span, *, first: bool) -> list[tuple[str, Style]]:
        """Time and gutter."""
        time, gutter, _ = self.columns
        words, style = clock(line.at).rjust(time) if first else " " * time, "caption--time"
        sign = _sign(line, span)
        if not sign:
            return [(words + " " * gutter, self._style(style))]
        side, sign_style = " " * (gutter // 2), "caption--mark" if sign == _REVISED else line.look
        return [(words + side, self._style(style)), (sign + side, self._style(sign_style))]

    def _text(self, line: Line, span: Span, index: int) -> list[tuple[str, Style]]:
        selection = self._selection(index, len(line.text))
        edges = {min(max(edge, span.start), span.end) for mark in line.marks for edge in mark}
        edges |= {min(max(edge, span.start), span.end) for edge in selection}
        return [
            (line.text[start:end], self._text_style(line, start, selection))
            for start, end in pairwise(sorted({*span, *edges}))
        ]

    def _text_style(self, line: Line, at: int, selection: Span) -> Style:
        style = self._style(line.look)
        if any(mark.start <= at < mark.end for mark in line.marks):
            style = self._style(line.look, "caption--revised")
        if selection.start <= at < selection.end:
            style += Style.from_styles(
                self._widget.screen.get_component_styles("screen--selection")
            )
        return style

    def _selection(self, index: int, length: int) -> Span:
        """What is selected of the line at `index`."""
        selection = self._widget.text_selection
        found = selection.get_span(index) if selection else None
        if found is None:
            return Span(0, 0)
        start, end = found
        return Span(max(0, start), length if end == -1 else max(0, end))


def selected_text(lines: Sequence[str], selection: Selection) -> str:
    """The text that a selection over lines covers."""
    start, end = selection
    if start is not None:
        start = Offset(max(0, start.x), start.y)
    if end is not None:
        end = Offset(max(0, end.x), end.y)
    return Selection(start, end).extract("\n".join(lines))


def _sign(line: Line, span: Span) -> str:
    """What the gutter shows beside a row: revised words in it, or that it may still change."""
    if any(mark.start < span.end and span.start < mark.end for mark in line.marks):
        return _REVISED
    return _UNSETTLED if line.look == "caption--unsettled" else ""
