"""The list of what may be meant, over the widgets below it."""

from rich.segment import Segment as Piece
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.widgets.sounds import Offer
from tui.widgets.wrap import Measured

_KIND = len("monitor") + 2


class OfferOption(Option):
    """A row that keeps what it offers: the list may be another one when a click arrives."""

    def __init__(self, offer: Offer, width: int) -> None:
        """Drawn for a list of so many cells."""
        super().__init__(_row(offer, width), disabled=not offer.source)
        self.offer = offer


class OfferList(OptionList, can_focus=False):
    """Lies over other widgets, and never has the focus."""

    def render_line(self, y: int) -> Strip:
        """A row, drawn so that no wide character lies across an edge of a widget below.

        Textual puts rows together from pieces between all such edges, also those that are covered,
        and a character of two cells is lost where it would be cut.
        """
        strip = super().render_line(y)
        if strip.text.isascii():
            return strip
        for edge in sorted(self._edges(self.content_region.y + y)):
            strip = _moved(strip, edge)
        return strip

    def _edges(self, row: int) -> set[int]:
        """Cells of a row of the screen at which a widget begins or ends, counted from here."""
        left, width = self.content_region.x, self.content_size.width
        regions = (widget.region for widget in self.screen.walk_children(Widget, with_self=False))
        edges = {x - left for r in regions if r.y <= row < r.bottom for x in (r.x, r.right)}
        return {edge for edge in edges if 0 < edge < width}


def _moved(strip: Strip, edge: int) -> Strip:
    """The row, a cell to the right from the character on that lies across an edge."""
    width = strip.cell_length
    if "".join(part.text for part in strip.divide([edge, width])) == strip.text:
        return strip
    before, after = strip.crop(0, edge - 1), strip.crop(edge - 1, width)
    space = Strip([Piece(" ", next(iter(after)).style)])
    return Strip.join([before, space, after]).crop(0, width)


def _row(offer: Offer, width: int) -> str:
    """Kind, name, and what else there is to say; words to read take the rows they need."""
    if not offer.source:
        spans = Measured(offer.name).rows(width)
        return "\n".join(offer.name[span.start : span.end] for span in spans)
    return f"{offer.kind:<{_KIND}}{offer.name}  {offer.note}".rstrip()
