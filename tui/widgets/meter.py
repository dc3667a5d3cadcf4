"""The level of the sound that comes in."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import groupby, zip_longest
from operator import itemgetter
from time import monotonic
from typing import ClassVar

from rich.segment import Segment as Piece
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.audio.ballistics import Ballistics, Fault, Reading
from tui.audio.level import SILENCE_DBFS, Level

FLOOR_DBFS = -60
"""The low end of the bar, as on the digital peak meters of IEC 60268-18."""
REPAINTS = 15
"""A second, at most: more would move no bar more smoothly, and cost bytes over SSH."""
HOT_DBFS = -6
"""From here on the bar is drawn as hot: our choice, half of full scale."""

_Piece = tuple[str, str]
"""Text, and the component class whose style it has; none for that of the widget."""

_TICKS = (FLOOR_DBFS, -40, -20, 0)
_EIGHTHS = " ▏▎▍▌▋▊▉"
_FIGURE, _WORDS = len("-119 dB"), max(map(len, Fault))


class LevelMeter(Widget):
    """RMS as a bar with the peaks of the last while, the RMS figure, and what is wrong in words.

    On one row they stand side by side; on more the bar has a row of its own, on three a scale.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "meter--bar",
        "meter--hot",
        "meter--peak",
        "meter--track",
        "meter--scale",
        "meter--figure",
        "meter--fault",
    }
    DEFAULT_CSS = """
    LevelMeter {
        height: 3;
        & > .meter--bar { color: $meter-bar; }
        & > .meter--hot { color: $meter-hot; }
        & > .meter--peak { color: $meter-peak; }
        & > .meter--track { color: $meter-track; }
        & > .meter--scale { color: $meter-scale; }
        & > .meter--figure { color: $meter-figure; }
        & > .meter--fault { color: $meter-fault; text-style: bold; }
    }
    """

    def __init__(self, *, ascii_only: bool = False, repaints: int = REPAINTS) -> None:
        """With `ascii_only` the bar is drawn for terminals and fonts without block characters.

        `repaints` a second are made at most, whatever comes.
        """
        super().__init__()
        self._pause = 1 / repaints
        self._drawn_at = 0.0
        self._waiting = False
        self._trouble = Fault.NONE
        self._glyphs = ("#", "-", "|") if ascii_only else ("█", "╌", "┃")
        self._eighths = "" if ascii_only else _EIGHTHS
        self._ballistics: Ballistics | None = None
        self._at = 0
        self._reading: Reading | None = None
        self._strips: list[Strip] = []

    @property
    def fault(self) -> Fault:
        """What is wrong with the sound now."""
        return self._reading.fault if self._reading else self._trouble

    def show(self, level: Level | None, at: int, trouble: Fault = Fault.NONE) -> None:
        """Show the level of the audio up to the absolute sample index `at`.

        `None` for no audio, with the `trouble` that is the cause.
        """
        self._trouble = trouble
        if level is None:
            self._ballistics = self._reading = None
        else:
            if self._ballistics is None or at < self._at:
                self._ballistics = Ballistics(level, at)
            self._reading = self._ballistics.read(level, at)
        self._at = at
        self._draw_in_time()

    def render_line(self, y: int) -> Strip:
        """A row of the meter."""
        if len(self._strips) != self.size.height or self._strips[y].cell_length != self.size.width:
            self._strips = self._rows()
        return self._strips[y]

    def notify_style_update(self) -> None:
        """Draw the rows again, in the colours of the theme now."""
        super().notify_style_update()
        self._strips = []

    def _draw_in_time(self) -> None:
        """Draw now, or once the rows have stood long enough; what comes till then is drawn too."""
        wait = self._drawn_at + self._pause - monotonic()
        if wait <= 0:
            self._draw()
        elif not self._waiting:
            self._waiting = True
            asyncio.get_running_loop().call_later(wait, self.call_next, self._draw)

    def _draw(self) -> None:
        """Draw the rows, and repaint those that look different."""
        self._waiting, self._drawn_at = False, monotonic()
        before, self._strips = self._strips, self._rows()
        rows = zip_longest(before, self._strips)
        changed = [y for y, (old, new) in enumerate(rows) if old != new]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def _rows(self) -> list[Strip]:
        width, height = self.size
        if height == 1:
            bar = self._bar(max(0, width - _FIGURE - _WORDS - 2))
            return [self._strip([*bar, (" ", ""), *self._words()], width)]
        rows = [self._bar(width), _scale(width), self._words()]
        if height == 2:
            del rows[1]
        return [self._strip(row, width) for row in (rows + [()] * height)[:height]]

    def _strip(self, pieces: Iterable[_Piece], width: int) -> Strip:
        base = self.get_visual_style()
        styled = [
            Piece(text, (self.get_visual_style(component) if component else base).rich_style)
            for text, component in pieces
            if text
        ]
        return Strip(styled).adjust_cell_length(width, base.rich_style)

    def _bar(self, width: int) -> Iterator[_Piece]:
        """The bar, and in its last cell the clip mark."""
        for component, group in groupby(self._cells(max(0, width - 1)), key=itemgetter(1)):
            yield "".join(glyph for glyph, _ in group), component
        yield ("!" if self.fault is Fault.CLIPPING else " ")[:width], "meter--fault"

    def _cells(self, count: int) -> list[_Piece]:
        full, track, peak = self._glyphs
        cells = [(track, "meter--track")] * count
        if self._reading is None or not count:
            return cells
        filled, eighth = divmod(round(_share(self._reading.rms) * count * 8), 8)
        cells[:filled] = [(full, "meter--bar")] * filled
        if eighth and self._eighths:
            cells[filled] = (self._eighths[eighth], "meter--bar")
        at = min(count - 1, int(_share(self._reading.peak) * count))
        if self._reading.peak > FLOOR_DBFS and at >= filled:
            cells[at] = (peak, "meter--peak")
        hot = round(_share(HOT_DBFS) * count)
        lit = {"meter--bar": "meter--hot", "meter--peak": "meter--hot"}
        return cells[:hot] + [(glyph, lit.get(look, look)) for glyph, look in cells[hot:]]

    def _words(self) -> Iterator[_Piece]:
        yield _figure(self._reading).rjust(_FIGURE) + " ", "meter--figure"
        yield str(self.fault), "meter--fault"


def _share(level: float) -> float:
    """Where a level stands on the scale, from 0 to 1."""
    return min(max(1 - level / FLOOR_DBFS, 0.0), 1.0)


def _figure(reading: Reading | None) -> str:
    if reading is None:
        return "-- dB"
    return f"{reading.figure:.0f} dB" if reading.figure > SILENCE_DBFS else "-inf dB"


def _scale(width: int) -> Iterator[_Piece]:
    """The figures of the ticks, each centred under its place as far as the row reaches."""
    row = ""
    for tick in map(str, _TICKS):
        at = int(_share(float(tick)) * (width - 2)) - len(tick) // 2
        row = row.ljust(max(0, min(at, width - 1 - len(tick)))) + tick
    yield row, "meter--scale"
