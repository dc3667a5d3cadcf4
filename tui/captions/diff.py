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
_MOST_TOKENS = 200
"""Longer differing parts are compared by position: alignment may take the cube of it."""
_TURKISH_I = str.maketrans("İı", "ii")


class Span(NamedTuple):
    """A part of a text, in code points: `text[start:end]`."""

    start: int
    end: int


def words(text: str) -> list[Span]:
    """The words of a text; scripts written without spaces count a word a character."""
    spans: list[Span] = []
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if spans and spans[-1].end == start and unicodedata.category(text[start])[0] == "M":
            start = spans.pop().start
        spans.append(Span(start, end))
    return spans


def revised_spans(old: str, new: str) -> list[Span]:
    """The words of `new` that a reader of `old` has read otherwise.

    Words that continue the text are new, not revised; a change of case, punctuation or spacing
    alone is no revision. Neighbouring words share one span.
    """
    old_words = [sound for _, sound in _spoken(old)]
    spoken = _spoken(new)
    spans, new_words = [span for span, _ in spoken], [sound for _, sound in spoken]
    head = _common(old_words, new_words)
    tail = _common(old_words[head:][::-1], new_words[head:][::-1])
    marked = _marked(old_words[head : len(old_words) - tail], new_words[head : len(spans) - tail])
    if not tail:
        marked = _without_continuation(marked)
    return _joined([spans[head + i] for i, mark in enumerate(marked) if mark], new)


def _spoken(text: str) -> list[tuple[Span, str]]:
    """The words of a text as they sound: no case, no punctuation, nothing that is silent."""
    sounds = ((span, _sound(text[span.start : span.end])) for span in words(text))
    return [(span, sound) for span, sound in sounds if sound]


def _sound(word: str) -> str:
    folded = unicodedata.normalize("NFKC", word.translate(_TURKISH_I).casefold())
    return "".join(c for c in folded if unicodedata.category(c)[0] not in "PZC")


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common prefix."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def _marked(old: Sequence[str], new: Sequence[str]) -> list[int]:
    """For each new token: 0 unchanged, 1 in place of another, 2 put in between."""
    marks = [0] * len(new)
    if _alike(old, new):
        return marks
    if max(len(old), len(new)) > _MOST_TOKENS:
        return [1 if i < len(old) else 2 for i in range(len(new))]
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag in ("replace", "insert") and not _alike(old[i1:i2], new[j1:j2]):
            for j in range(j1, j2):
                marks[j] = 1 if j - j1 < i2 - i1 else 2
    return marks


def _alike(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether they differ in spacing alone: `ice cream` and `ice-cream`."""
    return "".join(old) == "".join(new)


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
