"""The text that is still being recognised."""

from collections.abc import Mapping, Sequence

from textual.events import Resize
from textual.geometry import Region, Size
from textual.reactive import var
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tui.captions import Segment, SegmentKey
from tui.captions.diff import Span
from tui.widgets.line import (
    COMPONENT_CLASSES,
    CSS,
    Brush,
    Columns,
    Line,
    Row,
    segment_line,
    selected_text,
)

_NO_MARKS: Mapping[SegmentKey, Sequence[Span]] = {}


class LiveText(Widget):
    """Captions that may still change, apart from the settled ones so that those stand still.

    Its height grows with the open text and shrinks only when a segment leaves, which is when the
    text above moves anyway. Text that needs more than `max_rows` shows its newest rows.
    """

    COMPONENT_CLASSES = COMPONENT_CLASSES
    DEFAULT_CSS = f"""
    LiveText {{
        height: auto;
        {CSS}
    }}
    """

    min_rows: var[int] = var(4)
    """Rows that it takes while there is little or no text."""
    max_rows: var[int] = var(8)
    """Rows that it takes at most."""

    def __init__(self, *, min_rows: int = 4, max_rows: int = 8) -> None:
        super().__init__()
        self.set_reactive(LiveText.min_rows, min_rows)
        self.set_reactive(LiveText.max_rows, max_rows)
        self._lines: dict[SegmentKey, Line] = {}
        self._latest = 0
        self._height = min_rows
        self._rows = 0
        self._drawn: list[Row] = []
        self._brush = Brush(self, Columns(0, 0, 0))

    def put(
        self,
        segments: Sequence[Segment],
        marks: Mapping[SegmentKey, Sequence[Span]] = _NO_MARKS,
    ) -> None:
        """Show these segments and nothing else, in reading order.

        `marks` are the words to mark as revised, in code points of each segment's text.
        """
        old, self._lines = self._lines, {}
        for segment in segments:
            key = segment.key
            if not segment.retracted:
                self._lines[key] = segment_line(segment, marks.get(key, ()), old.get(key))
                self._latest = max(self._latest, segment.start)
        self._draw()
        self._resize(shrink=not old.keys() <= self._lines.keys())

    def reach(self, sample: int) -> None:
        """Keep room for times up to this absolute sample index."""
        if sample > self._latest:
            self._latest = sample
            self._draw()

    def render_line(self, y: int) -> Strip:
        """A row of the pane; the newest ones where not all have room."""
        if self._brush.columns != Columns.fit(self.size.width, self._latest):
            self._draw()
        return self._row(y).strip

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The rows that the open text takes, within its limits."""
        return self._height

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """The selected text without times, a line for each segment."""
        return selected_text([line.text for line in self._lines.values()], selection), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw what is selected now."""
        self._draw()

    def notify_style_update(self) -> None:
        """Draw the rows again, in the colours of the theme now."""
        super().notify_style_update()
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Make room for text that now wraps to more rows."""
        self._draw()
        self._resize(shrink=False)

    def watch_min_rows(self) -> None:
        """Take the new limit at once."""
        self._resize(shrink=True)

    def watch_max_rows(self) -> None:
        """Take the new limit at once."""
        self._resize(shrink=True)

    def _resize(self, *, shrink: bool) -> None:
        rows = self._rows if shrink else max(self._height, self._rows)
        height = max(self.min_rows, min(rows, self.max_rows))
        if height != self._height:
            self._height = height
            self.refresh(layout=True)

    def _draw(self) -> None:
        """Draw the newest rows, and repaint those of the pane that look different."""
        width, height = self.size
        if not width:
            return
        before = [self._row(y).look for y in range(height)]
        self._brush = Brush(self, Columns.fit(width, self._latest))
        text = self._brush.columns.text
        rows = [
            (line, span, index, not number)
            for index, line in enumerate(self._lines.values())
            for number, span in enumerate(line.measured.rows(text))
        ]
        self._rows = len(rows)
        newest = rows[-max(height, self.max_rows) :]
        self._drawn = [
            self._brush.row(line, span, index, first=first) for line, span, index, first in newest
        ]
        changed = [y for y, old in enumerate(before) if old != self._row(y).look]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def _row(self, y: int) -> Row:
        row = y + max(0, len(self._drawn) - self.size.height)
        return self._drawn[row] if row < len(self._drawn) else self._brush.blank()
