"""The rows between what has settled and what is still being said."""

from typing import ClassVar

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from tui.widgets.wrap import Measured, cells

_MOST_ROWS = 3
_LEAD = "── "
_INDENT = " " * len(_LEAD)


class TailLine(Widget):
    """A rule that tells whether the view follows, and what the reader has to know.

    One row; a sentence that needs more takes up to three, since it may be all there is to read.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tail--words"}
    DEFAULT_CSS = "TailLine { height: auto; width: 1fr; }"

    behind: reactive[int | None] = reactive(None, layout=False)
    """Captions that came since the reader scrolled up; `None` while the view follows."""
    notice: reactive[str] = reactive("", layout=False)
    """A sentence on why nothing, or nothing more, is to be read; empty where all is well."""

    trouble: reactive[str] = reactive("", layout=False)
    """A sentence while text is not being saved: it comes before everything else."""

    def watch_behind(self) -> None:
        """Take the rows that the words need."""
        self._fit()

    def watch_notice(self) -> None:
        """Take the rows that the words need."""
        self._fit()

    def watch_trouble(self) -> None:
        """Take the rows that the words need."""
        self._fit()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One row, or as many as the words need."""
        return len(self._rows(width))

    def render(self) -> Content:
        """`── words ─────`, or the rule alone."""
        rows = "\n".join(self._rows(self.size.width))
        words = rows.rstrip("─") if self._words() else ""
        style = self.get_visual_style("tail--words")
        return Content.assemble((words, style), rows[len(words) :])

    def _fit(self) -> None:
        width, height = self.size
        if width and len(self._rows(width)) != height:
            self.refresh(layout=True)

    def _rows(self, width: int) -> list[str]:
        words = self._words()
        if not words or width <= len(_LEAD):
            return ["─" * width]
        spans = Measured(words).rows(width - len(_LEAD))
        rows = [words[span.start : span.end] for span in spans[:_MOST_ROWS]]
        if len(spans) > _MOST_ROWS:
            rows[-1] = _cut(rows[-1], width - len(_LEAD))
        rows = [_LEAD + rows[0], *(_INDENT + row for row in rows[1:])]
        return [*rows[:-1], _ruled(rows[-1], width)]

    def _words(self) -> str:
        held = "" if self.behind is None else f"VIEW PAUSED +{self.behind} · f: latest"
        return " · ".join(filter(None, (self.trouble, held, self.notice)))


def _cut(row: str, width: int) -> str:
    """A row that ends in `…` since more was to be said."""
    first = Measured(row).rows(width - 1)[0]
    return row[: first.end] + "…"


def _ruled(row: str, width: int) -> str:
    room = width - cells(row) - 1
    return f"{row} {'─' * room}" if room > 0 else row
