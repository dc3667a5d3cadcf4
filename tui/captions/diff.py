"""Which words of a caption a revision changed."""

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_WITHOUT_SPACES = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Myanmar, Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_TOKEN = re.compile(rf"[{_WITHOUT_SPACES}]|[^\s{_WITHOUT_SPACES}]+")
_MOST_TOKENS = 400
"""Longer differing parts are compared by position: alignment takes time to the square of it."""


class Span(NamedTuple):
    """A part of a text, in code points: `text[start:end]`."""

    start: int
    end: int


def words(text: str) -> list[Span]:
    """The words of a text; scripts written without spaces count a word a character."""
    return [Span(*match.span()) for match in _TOKEN.finditer(text)]


def revised_spans(old: str, new: str) -> list[Span]:
    """The words of `new` that a reader of `old` has read otherwise.

    Words that continue the text are new, not revised; a change of case or punctuation alone is
    no revision. Neighbouring words share one span.
    """
    spans = words(new)
    old_words = _spoken([old[a:b] for a, b in words(old)])
    new_words = _spoken([new[a:b] for a, b in spans])
    head = _common(old_words, new_words)
    tail = _common(old_words[head:][::-1], new_words[head:][::-1])
    marked = _marked(old_words[head : len(old_words) - tail], new_words[head : len(spans) - tail])
    if not tail:
        marked = _without_continuation(marked)
    return _joined([spans[head + i] for i, mark in enumerate(marked) if mark], new)


def _spoken(tokens: Sequence[str]) -> list[str]:
    """The tokens as they sound: no case, no punctuation."""
    return [
        "".join(c for c in token.casefold() if unicodedata.category(c)[0] not in "PZC") or token
        for token in tokens
    ]


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common prefix."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def _marked(old: Sequence[str], new: Sequence[str]) -> list[int]:
    """For each new token: 0 unchanged, 1 in place of another, 2 put in between."""
    if max(len(old), len(new)) > _MOST_TOKENS:
        return [1 if i < len(old) else 2 for i in range(len(new))]
    marks = [0] * len(new)
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag in ("replace", "insert"):
            for j in range(j1, j2):
                marks[j] = 1 if j - j1 < i2 - i1 else 2
    return marks


def _without_continuation(marks: list[int]) -> list[int]:
    """Unmark what was added behind the last old word."""
    end = len(marks)
    while end and marks[end - 1] == 2:
        end -= 1
    return marks[:end] + [0] * (len(marks) - end)


def _joined(spans: Sequence[Span], text: str) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        if joined and not text[joined[-1].end : span.start].strip():
            joined[-1] = Span(joined[-1].start, span.end)
        else:
            joined.append(span)
    return joined
