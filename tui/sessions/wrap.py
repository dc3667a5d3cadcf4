"""Where the text of a caption may be broken, and how it fits two lines."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from math import ceil
from typing import NamedTuple

from wcwidth import wcswidth

_OPENING = "「『（［｛〈《【〔“‘"
"""Never last in a line."""
_CLOSING = (
    "」』）］｝〉》】〕”’、。，．：；？！・…‥～々ゝゞヽヾー"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ"
    "\u3099\u309a\ufe00-\ufe0f\U000e0100-\U000e01ef"
)
"""Never first in a line: punctuation and small kana (JIS X 4051), and what combines."""
_IDEOGRAPHIC = (
    "\u3001-\u303f\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff60"
    "\U00020000-\U0003ffff"
)
"""Written without spaces: a line may end before and behind any of them."""
_BREAK = re.compile(
    rf"(?<![{_OPENING}])(?:(?<=[{_IDEOGRAPHIC}])|(?=[{_IDEOGRAPHIC}]))(?![{_CLOSING}])"
)
_SENTENCE_END = tuple(".?!…。？！؟।۔")
_CLAUSE_END = tuple(",;:–—、，；：،؛")
_QUOTES = "\"')]”’」』）]"

_JOINER = "\u200d"
_LEADING_VOWELS = "เแโใไເແໂໃໄ"
_JOINING = frozenset(
    "\u200c\u200d"
    "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"  # skin tones
    "\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3"  # Thai and Lao vowels that follow
)
_LONGEST_CLUSTER = 8
"""Code points; eight are never wider than the shortest line."""


class Token(NamedTuple):
    """A piece of text that no line breaks."""

    text: str
    offset: int
    """In the whole text, in code points."""
    width: int
    """Terminal columns."""
    spaced: bool
    """A space stands before it, except where it begins a line."""

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + len(self.text)

    @property
    def strength(self) -> int:
        """How well a line ends here: 2 behind a sentence, 1 behind a clause, else 0."""
        bare = self.text.rstrip(_QUOTES)
        return 2 if bare.endswith(_SENTENCE_END) else int(bare.endswith(_CLAUSE_END))


def tokens(text: str, columns: int) -> list[Token]:
    """The words of a text; the characters where it is written without spaces.

    A word wider than `columns` is cut between two characters as readers see them.
    """
    found: list[Token] = []
    for word in re.finditer(r"\S+", text):
        offset = word.start()
        for piece in _pieces(word.group(), columns):
            spaced = bool(found) and offset == word.start()
            found.append(Token(piece, offset, _width(piece), spaced))
            offset += len(piece)
    return found


def _pieces(word: str, columns: int) -> Iterator[str]:
    for piece in filter(None, _BREAK.split(word)):
        if _width(piece) <= columns:
            yield piece
        else:
            yield from _cut(piece, columns)


def _cut(word: str, columns: int) -> Iterator[str]:
    piece, width = "", 0
    for cluster in _clusters(word):
        cluster_width = _width(cluster)
        if width + cluster_width > columns:
            yield piece
            piece, width = "", 0
        piece += cluster
        width += cluster_width
    yield piece


def _clusters(word: str) -> Iterator[str]:
    """Characters as readers see them, roughly (UAX #29)."""
    cluster = word[:1]
    for char in word[1:]:
        if len(cluster) < _LONGEST_CLUSTER and _joins(cluster, char):
            cluster += char
        else:
            yield cluster
            cluster = char
    yield cluster


def _joins(cluster: str, char: str) -> bool:
    if cluster[-1] == _JOINER or cluster[-1] in _LEADING_VOWELS or char in _JOINING:
        return True
    if unicodedata.category(char) in ("Mn", "Mc", "Me"):
        return True
    return len(cluster) == 1 and _is_regional(cluster) and _is_regional(char)


def _is_regional(char: str) -> bool:
    """Two of these make a flag."""
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _width(text: str) -> int:
    return max(wcswidth(text), 0)


class Layout:
    """A text measured for cues of two lines of `columns` terminal columns."""

    def __init__(self, text: str, columns: int) -> None:
        self.tokens = tokens(text, columns)
        self._columns = columns
        self._behind = [0, *accumulate(token.width + token.spaced for token in self.tokens)]

    def width(self, first: int, end: int) -> int:
        """Columns of the tokens from `first` up to `end`, in a single line."""
        return self._behind[end] - self._behind[first] - self.tokens[first].spaced

    @property
    def fewest_cues(self) -> int:
        """How many cues the text fills at least."""
        first = cues = 0
        while first < len(self.tokens):
            first, cues = self.cue_end(first), cues + 1
        return cues

    def best_end(self, first: int, longest: int, stop: int, shares: int) -> int:
        """The token behind the best cue that begins with `first` and ends at `longest` at most.

        The tokens up to `stop` shall make two cues or more, `shares` at least, of like width,
        and break behind punctuation.
        """
        width = self.width(first, stop)
        share = width / max(ceil(width / (2 * self._columns)), shares, 2)
        return min(
            range(first + 1, longest + 1),
            key=lambda end: abs(self.width(first, end) - share) - self._bonus(end),
        )

    def cue_end(self, first: int) -> int:
        """The token behind the longest cue that begins with `first`."""
        end = self._line_end(first)
        return self._line_end(end) if end < len(self.tokens) else end

    def _line_end(self, first: int) -> int:
        widest = self._behind[first] + self.tokens[first].spaced + self._columns
        return max(first + 1, bisect_right(self._behind, widest) - 1)

    def lines(self, first: int, end: int) -> tuple[str, ...]:
        """One line where it is wide enough; else two of like width, broken behind punctuation."""
        if self.width(first, end) <= self._columns:
            return (self._text(first, end),)
        middles = range(first + 1, self._line_end(first) + 1)
        middle = min(middles, key=lambda middle: self._badness(first, middle, end))
        return self._text(first, middle), self._text(middle, end)

    def _badness(self, first: int, middle: int, end: int) -> tuple[int, float]:
        """Columns that do not fit the second line, then how uneven the two are."""
        upper, lower = self.width(first, middle), self.width(middle, end)
        return max(lower - self._columns, 0), abs(upper - lower) - self._bonus(middle)

    def _bonus(self, end: int) -> float:
        """How many columns of unevenness the punctuation before `end` is worth."""
        return self.tokens[end - 1].strength * self._columns / 4

    def _text(self, first: int, end: int) -> str:
        rest = "".join(" " * token.spaced + token.text for token in self.tokens[first + 1 : end])
        return self.tokens[first].text + rest
