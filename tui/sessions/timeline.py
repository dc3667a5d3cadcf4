"""When each part of a caption's text was said."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from tui.captions import Word
from tui.sessions.wrap import Token

_LOOK_AHEAD = 8
"""Tokens in a row that may have no counterpart among a server's words."""


class Timeline:
    """Times of tokens: their words' own, and in proportion to the text between them."""

    def __init__(
        self, tokens: Sequence[Token], start: int, end: int, words: Sequence[Word]
    ) -> None:
        """The tokens, at least one, were said from the sample `start` to `end`."""
        self._tokens = tokens
        self._offsets, self._samples = [0], [start]
        for offset, sample in _anchors(tokens, words):
            self._anchor(offset, min(max(sample, start), end))
        self._anchor(tokens[-1].end, end)

    def _anchor(self, offset: int, sample: int) -> None:
        if offset >= self._offsets[-1] and sample >= self._samples[-1]:
            self._offsets.append(offset)
            self._samples.append(sample)

    def start(self, index: int) -> int:
        """Absolute sample index of the first sample of a token."""
        offset = self._tokens[index].offset
        return self._between(bisect_right(self._offsets, offset) - 1, offset)

    def end(self, index: int) -> int:
        """Absolute sample index behind the last sample of a token."""
        offset = self._tokens[index].end
        return self._between(bisect_left(self._offsets, offset) - 1, offset)

    def phrase_ends(self, pause: int) -> Iterator[int]:
        """The tokens behind those that are followed by so many samples of silence, or by none."""
        for index in range(1, len(self._tokens)):
            if self.start(index) - self.end(index - 1) >= pause:
                yield index
        yield len(self._tokens)

    def _between(self, anchor: int, offset: int) -> int:
        """The time of an offset between this anchor and the next."""
        here, sample = self._offsets[anchor], self._samples[anchor]
        if anchor + 1 == len(self._offsets) or offset == here:
            return sample
        ahead, until = self._offsets[anchor + 1], self._samples[anchor + 1]
        return sample + (until - sample) * (offset - here) // (ahead - here)


def _anchors(tokens: Sequence[Token], words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Offsets whose samples a server's words tell."""
    spoken = [_bare(token.text) for token in tokens]
    at = 0
    for word in words:
        said = _bare(word.text)
        index = _index(tokens, spoken, at, said)
        if index is None or word.start is None or word.end is None:
            continue
        token = tokens[index]
        end = token.end if said == spoken[index] else token.offset + len(word.text)
        yield token.offset, word.start
        yield end, word.end
        at = bisect_left(tokens, end, key=lambda token: token.offset)


def _index(tokens: Sequence[Token], spoken: Sequence[str], at: int, said: str) -> int | None:
    """The next token that says the same, or begins it where no spaces are written."""
    for index in range(at, min(at + _LOOK_AHEAD, len(tokens)) if said else at):
        unspaced = index + 1 < len(tokens) and not tokens[index + 1].spaced
        begins = unspaced and spoken[index] and said.startswith(spoken[index])
        if said == spoken[index] or begins:
            return index
    return None


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
