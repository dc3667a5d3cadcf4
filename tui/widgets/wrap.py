"""Wrapping text to rows of a terminal: widths are measured once, re-wrapping is arithmetic."""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

from rich.cells import cell_len
from wcwidth import iter_graphemes, wcswidth

from tui.captions.diff import Span

_CLOSING = ".,:;!?%)]}»…‥、。，．：；！？％‰°℃）］｝〕〉》」』】〙〗〟｠｡｣､"
"""Marks that belong to what stands before them, also across a space as in `Bonjour !`."""
_OPENING = "([{«¿¡（［｛〔〈《「『【〘〖〝｟｢"
"""Marks that belong to what comes after them."""

# JIS X 4051 and JLREQ (kana, iteration and length marks); Thai and Lao vowels by their side.
_NEVER_FIRST = frozenset(
    _CLOSING + "’”‐–〜～゠・･‼⁇⁈⁉ーｰヽヾゝゞ々〻"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿｧｨｩｪｫｬｭｮｯﾞﾟ"
    "ะาำๅๆฯະາຳໆຯ"
    "\u200b\u2060\ufe0f"
)
_NEVER_LAST = frozenset(_OPENING + "‘“เแโใไເແໂໃໄ" + "\u2060\u1039\u17d2")

_UNSPACED = (
    "\u200b"  # zero width space
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    "\u3000-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uf900-\ufaff"  # CJK, Yi
    "\uff01-\uffdc\U00020000-\U0003ffff"  # full and half width forms, rare Han
)
_BETWEEN_CHARACTERS = re.compile(f"[{_UNSPACED}]")
_CLINGING = re.compile(f"[{re.escape(_OPENING)}] | [{re.escape(_CLOSING)}]")
_WORD = re.compile("[^ ]+")
_PLAIN = re.compile("[ -~\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u20ac]*")
"""Latin, Greek, Cyrillic and their punctuation: every code point is a grapheme of one cell."""


def cells(text: str) -> int:
    """Cells that a text takes in a terminal at most, the sum of its graphemes."""
    if len(text) == 1:
        return _grapheme_cells(text)
    if _PLAIN.fullmatch(text):
        return len(text)
    return sum(map(_grapheme_cells, _graphemes(text)))


@lru_cache(4096)
def _grapheme_cells(grapheme: str) -> int:
    """The larger of the two usual measures.

    Rich, which lays the screen out, and wcwidth, which many terminals agree with, differ on the
    vowel signs of Indic scripts.
    """
    return max(cell_len(grapheme), wcswidth(grapheme))


def _graphemes(text: str) -> list[str]:
    """The graphemes of a text, signs that have no width of their own with what they follow."""
    clusters = list(iter_graphemes(text))
    if all(map(_grapheme_cells, clusters)):
        return clusters
    graphemes = clusters[:1]
    for cluster in clusters[1:]:
        if _grapheme_cells(cluster):
            graphemes.append(cluster)
        else:
            graphemes[-1] += cluster
    return graphemes


class Measured:
    """One line of text, measured: its pieces, and where each begins and ends.

    A piece is a word, or a character of a script written without spaces, with the punctuation
    that clings to it. Positions are code points, and cells along one endless row.
    """

    __slots__ = ("_begins", "_ends", "_graphemes", "_starts", "_stops", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        spans = _pieces(text)
        self._starts = _packed([start for start, _ in spans])
        self._stops = _packed([stop for _, stop in spans])
        if _PLAIN.fullmatch(text):
            self._begins, self._ends = self._starts, self._stops
        else:
            self._begins, self._ends = _in_cells(text, spans)
        self._graphemes: dict[int, _Stops] | None = None

    def rows(self, width: int) -> list[Span]:
        """The code points of each row of at most `width` cells; at least one row.

        A piece that is wider than a row is broken between graphemes. The spaces at a break belong
        to no row. Only a single grapheme may be wider than its row.
        """
        if not self._ends:
            return [Span(0, 0)]
        if self._ends[-1] <= width:
            return [Span(self._starts[0], self._stops[-1])]
        return list(self._broken(width))

    def _broken(self, width: int) -> Iterator[Span]:
        starts, stops, begins, ends = self._starts, self._stops, self._begins, self._ends
        piece, start, begin = 0, starts[0], begins[0]
        while True:
            behind = bisect_right(ends, begin + width, piece)
            if behind > piece:
                yield Span(start, stops[behind - 1])
            else:
                stop, end = self._filled(piece, start, begin + width)
                yield Span(start, stop)
                if stop < stops[piece]:
                    start, begin = self._behind_spaces(stop, end)
                    continue
                behind = piece + 1
            if behind == len(ends):
                return
            piece, start, begin = behind, starts[behind], begins[behind]

    def _filled(self, piece: int, start: int, limit: int) -> tuple[int, int]:
        """Code point and cell where the row from `start` ends inside a piece too wide for it."""
        if self._graphemes is None:
            self._graphemes = {}
        if piece not in self._graphemes:
            span = Span(self._starts[piece], self._stops[piece])
            self._graphemes[piece] = _stops(self.text, span, self._begins[piece])
        stops, ends = self._graphemes[piece]
        last = max(bisect_right(ends, limit) - 1, bisect_right(stops, start))
        stop, end = stops[last], ends[last]
        space = self.text.rfind(" ", start, stop + 1)
        return (space, end - cells(self.text[space:stop])) if space > start else (stop, end)

    def _behind_spaces(self, start: int, begin: int) -> tuple[int, int]:
        while self.text[start] == " ":
            start, begin = start + 1, begin + 1
        return start, begin


_Stops = tuple[Sequence[int], Sequence[int]]


def _stops(text: str, span: Span, begin: int) -> _Stops:
    """Code point and cell behind each grapheme of a part of a text."""
    part = text[span.start : span.end]
    if _PLAIN.fullmatch(part):
        return range(span.start + 1, span.end + 1), range(begin + 1, begin + len(part) + 1)
    graphemes = _graphemes(part)
    stops = accumulate(map(len, graphemes), initial=span.start)
    ends = accumulate(map(_grapheme_cells, graphemes), initial=begin)
    return _packed([*stops][1:]), _packed([*ends][1:])


def _pieces(text: str) -> list[tuple[int, int]]:
    """Start and stop of everything between which a row may end."""
    spans = [match.span() for match in _WORD.finditer(text)]
    if _BETWEEN_CHARACTERS.search(text):
        spans = [piece for start, stop in spans for piece in _characters(text[start:stop], start)]
    return _cling(text, spans) if _CLINGING.search(text) else spans


def _characters(word: str, start: int) -> Iterator[tuple[int, int]]:
    """The pieces of one word that may hold characters of scripts without spaces."""
    stop, before = start, ""
    for grapheme in _graphemes(word):
        if before and _may_part(before, grapheme):
            yield start, stop
            start = stop
        stop += len(grapheme)
        before = grapheme
    yield start, stop


def _may_part(before: str, after: str) -> bool:
    """Whether a row may end between two graphemes of a word."""
    if after[0] in _NEVER_FIRST or before[0] in _NEVER_LAST or before[-1] in _NEVER_LAST:
        return False
    return _unspaced(before) or _unspaced(after)


@lru_cache(4096)
def _unspaced(grapheme: str) -> bool:
    """Whether it is of a script written without spaces, or ends in a zero width space."""
    return any(map(_BETWEEN_CHARACTERS.match, (grapheme, grapheme[-1])))


def _cling(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pieces with those joined that only a space parts from their punctuation."""
    joined = spans[:1]
    for start, stop in spans[1:]:
        first, before = joined[-1]
        spaced = before < start
        if spaced and (text[start] in _CLOSING or text[before - 1] in _OPENING):
            joined[-1] = first, stop
        else:
            joined.append((start, stop))
    return joined


def _in_cells(text: str, spans: list[tuple[int, int]]) -> tuple[Sequence[int], Sequence[int]]:
    begins, ends = [], []
    cell = behind = 0
    for start, stop in spans:
        begins.append(cell := cell + start - behind)
        ends.append(cell := cell + cells(text[start:stop]))
        behind = stop
    return _packed(begins), _packed(ends)


def _packed(numbers: list[int]) -> Sequence[int]:
    """Ascending numbers in as little memory as an array takes."""
    return array("H" if not numbers or numbers[-1] < 2**16 else "Q", numbers)
