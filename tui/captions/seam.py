"""Where the text of one connection meets that of the one before: nothing is said twice."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tui.captions.segments import SegmentKey, SegmentUpdate, Word

SHORTEST_RUN = 2
"""Words in a row that have to be the same before they count as repeated: single ones do recur."""
_FIRST_WORDS = 4
"""Words without such a run after which there will be none: part of a word may come first, and
the newest may not be whole yet."""
_MOST_WORDS = 100
"""Words that are compared at most: what is said in half a minute."""


class Seam:
    """Takes out of a connection's updates what is not its to say.

    Where updates carry times, a word belongs to the connection in whose stretch of time its
    midpoint lies. Where they carry none, the first words are compared with the last ones said
    before, and what is the same in both is taken out.
    """

    def __init__(self, start: int, stop: int | None = None, said: Sequence[str] = ()) -> None:
        """`start` and `stop` are absolute sample indexes; `said` are the words before."""
        self.start = start
        self.stop = stop
        self._said = [bare(word) for word in said][-_MOST_WORDS:]
        self._clear = not self._said
        """Whether it is clear what is repeated."""
        self._untimed: dict[SegmentKey, SegmentUpdate] = {}
        """The first ones, as they came."""
        self._told: dict[SegmentKey, SegmentUpdate] = {}

    @property
    def holds_back(self) -> bool:
        """Whether there are updates that may repeat what was said."""
        return bool(self._untimed) and not self._clear

    def trim(self, updates: Iterable[SegmentUpdate]) -> list[SegmentUpdate]:
        """What is left of the updates; those that were held back before may be among them."""
        trimmed = []
        for update in updates:
            if timed := with_word_times(update):
                self._forget(update.key)
                trimmed.append(_within(update, timed, self.start, self.stop))
            elif update.key in self._untimed or (update.text and self._compares):
                self._untimed[update.key] = update
            else:
                trimmed.append(update)
        return trimmed + self._news()

    def release(self) -> list[SegmentUpdate]:
        """What was held back until more words would come: none will."""
        self._clear = True
        return self._news()

    def _forget(self, key: SegmentKey) -> None:
        """Compare this segment no more: it has times after all."""
        self._untimed.pop(key, None)
        self._told.pop(key, None)

    @property
    def _compares(self) -> bool:
        """Whether a segment that is new may still repeat what was said."""
        return bool(self._said) and len(self._words) <= len(self._said)

    @property
    def _words(self) -> list[str]:
        keys = sorted(self._untimed)
        return [bare(word) for key in keys for word in self._untimed[key].text.split()]

    def _news(self) -> list[SegmentUpdate]:
        news = []
        for update in self._unrepeated():
            if self._told.get(update.key) != update:
                self._told[update.key] = update
                news.append(update)
        return news

    def _unrepeated(self) -> list[SegmentUpdate]:
        """The updates without times, less what was said before; none while that is unclear."""
        words = self._words
        extra = repeated(self._said, words[: len(self._said) + 1])
        self._clear = self._clear or extra > 0 or len(words) >= _FIRST_WORDS
        if not self._clear:
            return []
        left = []
        for key in sorted(self._untimed):
            update = self._untimed[key]
            own = update.text.split()
            left.append(_without_first(update, min(extra, len(own))))
            extra -= min(extra, len(own))
        return left


def with_word_times(update: SegmentUpdate) -> list[Word]:
    """The words of an update with their times, estimated from its own where they have none.

    Empty where nothing is known of time.
    """
    words = update.words
    if words and all(word.start is not None and word.end is not None for word in words):
        return list(words)
    if update.start is None or update.end is None:
        return []
    texts = update.text.split() if " " in update.text.strip() else list(update.text.strip())
    length = (update.end - update.start) / max(1, len(texts))
    edges = [update.start + round(length * number) for number in range(len(texts) + 1)]
    return [Word(text, *edges[number : number + 2]) for number, text in enumerate(texts)]


def repeated(said: Sequence[str], words: Sequence[str]) -> int:
    """How many of the first `words` repeat the end of what was `said`.

    The best alignment of the two that ends with a run of equal words: each that is equal counts
    2, each that is other, left out or put in costs 1 (Smith and Waterman 1981, from the first of
    the `words` on).
    """
    shortest = min(SHORTEST_RUN, len(said))
    best, end = 0, 0
    scores, runs = [-column for column in range(len(words) + 1)], [0] * (len(words) + 1)
    for old in said:
        above, above_runs = scores, runs
        scores, runs = [0], [0]
        for column, new in enumerate(words):
            same = old == new
            runs.append(above_runs[column] + 1 if same else 0)
            step = above[column] + (2 if same else -1)
            scores.append(max(step, above[column + 1] - 1, scores[column] - 1))
            if runs[-1] >= shortest and scores[-1] > best:
                best, end = scores[-1], column + 1
    return end


def bare(word: str) -> str:
    """The word without case and punctuation, to compare with others."""
    return "".join(filter(str.isalnum, word.casefold())) or word


def _within(
    update: SegmentUpdate, words: Sequence[Word], start: int, stop: int | None
) -> SegmentUpdate:
    """The update with those words alone whose midpoint lies from `start` to `stop`."""
    kept = [index for index, word in enumerate(words) if _lies_within(word, start, stop)]
    if len(kept) == len(words):
        return update
    if not kept:
        return replace(update, text="", words=())
    first, last = kept[0], kept[-1] + 1
    return replace(
        update,
        text=_part(update.text, [word.text for word in words], first, last),
        start=words[first].start if first else update.start,
        end=words[last - 1].end if last < len(words) else update.end,
        words=tuple(words[first:last]) if update.words else (),
    )


def _lies_within(word: Word, start: int, stop: int | None) -> bool:
    twice = (word.start or 0) + (word.end or 0)
    return twice >= 2 * start and (stop is None or twice < 2 * stop)


def _part(text: str, words: Sequence[str], first: int, last: int) -> str:
    """The text from one word up to another, with its own punctuation where the words are in it."""
    offsets, at = [], 0
    for word in words:
        found = text.find(word, at)
        if found < 0:
            return " ".join(words[first:last])
        offsets.append(found)
        at = found + len(word)
    begin = offsets[first] if first else 0
    end = offsets[last] if last < len(words) else len(text)
    return text[begin:end].strip()


def _without_first(update: SegmentUpdate, count: int) -> SegmentUpdate:
    if not count:
        return update
    words = update.text.split()
    same = len(update.words) == len(words)
    kept = update.words[count:] if same else ()
    return replace(update, text=" ".join(words[count:]), words=kept)
