"""A stream of audio recognised by pocketsphinx."""

import re
from collections.abc import Iterator, Sequence

from pocketsphinx import Decoder, Endpointer

from tui.captions import SAMPLE_RATE, Word
from tui.server.engines import Hypothesis

_WIDTH = 2
"""Bytes of a sample."""
_FEATURE = SAMPLE_RATE // 100
"""Samples between two feature vectors, the clock of the decoder's words."""
_PARTIAL = SAMPLE_RATE // 10
"""Samples between two looks at the open segment."""
_LONGEST = 15 * SAMPLE_RATE
"""Samples after which a segment is cut."""
_WINDOW = 0.3
"""Seconds of speech that open a segment, and of silence that end it."""
_RATIO = 0.9
"""Share of the window that must agree."""
_MARGIN = SAMPLE_RATE // 10
"""Samples decoded before the speech that the endpointer found: it clips soft beginnings."""
_REFEEDS = (SAMPLE_RATE, SAMPLE_RATE * 5 // 2)
"""Samples of a segment after which the live pass starts again with a better mean."""
_ENOUGH = 15 * SAMPLE_RATE
"""Samples of speech that make a mean good enough to stop decoding segments twice."""
_SHORTEST = SAMPLE_RATE // 10
"""Samples of speech that have a mean worth the name."""
_LONGEST_WORD = 2 * SAMPLE_RATE
"""Samples; what seems to last longer is noise."""
_FILLERS = ("<", "[", "+")
_VARIANT = re.compile(r"\(\d+\)$")


class CepstralMean:
    """The average feature vector of the speech heard so far, which the decoder subtracts.

    The decoder's own assumption is wrong for most microphones and makes noise of the first
    seconds. A decoder of its own computes the mean, since the first live utterance of a decoder
    switches it for good from means of whole utterances to running ones.
    """

    def __init__(self) -> None:
        self._decoder = Decoder(loglevel="FATAL", lm=None, dict=None)
        self._decoder.add_word("a", "AH", True)
        self._decoder.add_keyphrase("mean", "a")
        self._decoder.activate_search("mean")
        self.forget()

    def forget(self) -> None:
        """Begin again: somebody else may speak, elsewhere."""
        self._decoder.reinit_feat()
        self._sum: list[float] = []
        self._samples = 0

    @property
    def enough(self) -> bool:
        """Whether more speech would hardly change it."""
        return self._samples >= _ENOUGH

    def learn(self, pcm: bytes) -> str:
        """Count the speech of a segment in; returns the mean as `Decoder.set_cmn` takes it."""
        self._sum, self._samples = self._with(pcm)
        return _cmn(self._sum, self._samples)

    def including(self, pcm: bytes) -> str:
        """What the mean would be with this speech."""
        return _cmn(*self._with(pcm))

    def _with(self, pcm: bytes) -> tuple[list[float], int]:
        samples = len(pcm) // _WIDTH
        added = [value * samples for value in self._of(pcm)]
        before = self._sum or [0.0] * len(added)
        return [a + b for a, b in zip(before, added, strict=True)], self._samples + samples

    def _of(self, pcm: bytes) -> list[float]:
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, no_search=True, full_utt=True)
        self._decoder.end_utt()
        return [float(value) for value in self._decoder.get_cmn(True).split(",")]


def _cmn(total: Sequence[float], samples: int) -> str:
    return ",".join(f"{value / samples:.4f}" for value in total)


class OpenSegment:
    """The audio of a segment that has not ended, and the live pass over it."""

    def __init__(self, decoder: Decoder, mean: CepstralMean, start: int, pcm: bytes) -> None:
        self.start = start
        """Sample index in the stream."""
        self.pcm = bytearray()
        self.shown: str | None = None
        """The text last told, `None` where it never had any."""
        self._decoder = decoder
        self._mean = mean
        self._refeeds = [] if mean.enough else list(_REFEEDS)
        self._decoder.start_utt()
        if pcm:
            self.extend(pcm)

    @property
    def end(self) -> int:
        """Sample index in the stream behind its last sample."""
        return self.start + len(self.pcm) // _WIDTH

    def extend(self, pcm: bytes) -> None:
        """Take more audio; at first, begin the live pass again as soon as a mean is known."""
        self.pcm += pcm
        if self._refeeds and self.end - self.start >= self._refeeds[0]:
            del self._refeeds[0]
            self._decode_again(self._mean.including(bytes(self.pcm)))
        else:
            self._decoder.process_raw(pcm)

    def settle(self) -> list[Word]:
        """End it and return its words, from a second pass as long as the mean is uncertain."""
        if self._mean.enough or self.end - self.start < _SHORTEST:
            self._decoder.end_utt()
        else:
            mean = self._mean.learn(bytes(self.pcm))
            self._decode_again(mean)
            self._decoder.end_utt()
            self._decoder.set_cmn(mean)
        return self.words(settled=True)

    def _decode_again(self, mean: str) -> None:
        self._decoder.end_utt()
        self._decoder.set_cmn(mean)
        self._decoder.start_utt()
        self._decoder.process_raw(bytes(self.pcm))

    def words(self, *, settled: bool = False) -> list[Word]:
        """The words as they stand; only a pass that has ended knows how probable they are."""
        spoken = (s for s in self._decoder.seg() or () if not s.word.startswith(_FILLERS))
        return [
            Word(
                text=_VARIANT.sub("", s.word),
                start=self.start + s.start_frame * _FEATURE,
                end=self.start + (s.end_frame + 1) * _FEATURE,
                probability=min(max(s.prob, 0.0), 1.0) if settled else None,
            )
            for s in spoken
        ]


class PocketSphinxStream:
    """Finds segments between silences; revises the open one, settles it when it ends."""

    def __init__(self) -> None:
        # fwdflat must be False itself: the string "no" counts as true.
        self._decoder = Decoder(loglevel="FATAL", fwdflat=False, bestpath=True, maxhmmpf=10_000)
        self._mean = CepstralMean()
        self._pending = bytearray()
        self._heard = 0
        self._number = 0
        self._begin_context()

    def _begin_context(self) -> None:
        self._endpointer = Endpointer(
            window=_WINDOW, ratio=_RATIO, vad_mode=0, sample_rate=SAMPLE_RATE
        )
        self._origin = self._free = self._looked = self._heard
        self._recent = bytearray()
        self._open: OpenSegment | None = None

    def feed(self, pcm: bytes) -> Sequence[Hypothesis]:
        """Take PCM16 mono at 16 000 Hz of any even length; returns what is new or changed."""
        self._pending += pcm
        size = self._endpointer.frame_bytes
        whole = len(self._pending) - len(self._pending) % size
        frames = [bytes(self._pending[at : at + size]) for at in range(0, whole, size)]
        del self._pending[:whole]
        return [hypothesis for frame in frames for hypothesis in self._hear(frame)]

    def finish(self) -> Sequence[Hypothesis]:
        """Settle what is open. The next `feed` begins a fresh context on the same timeline."""
        rest = bytes(self._pending)
        self._pending.clear()
        self._heard += len(rest) // _WIDTH
        if self._open and rest:
            self._open.extend(rest)
        settled = list(self._settle(self._open)) if self._open else []
        self._mean.forget()
        self._decoder.reinit_feat()  # which remembers the noise of the audio before, and its mean
        self._begin_context()
        return settled

    def close(self) -> None:
        """Nothing to free: the decoder goes with its process."""

    def _hear(self, frame: bytes) -> Iterator[Hypothesis]:
        self._heard += len(frame) // _WIDTH
        self._recent += frame
        self._endpointer.process(frame)
        if self._open:
            self._open.extend(frame)
        elif self._endpointer.in_speech:
            self._open = self._begin()
        if self._open:
            yield from self._consider(self._open)
        del self._recent[: -_WIDTH * SAMPLE_RATE]

    def _begin(self) -> OpenSegment:
        """Open a segment where the speech began, a window ago."""
        found = self._origin + round(self._endpointer.speech_start * SAMPLE_RATE)
        start = max(found - _MARGIN, self._free)
        pcm = bytes(self._recent[(start - self._heard) * _WIDTH :])
        return OpenSegment(self._decoder, self._mean, start, pcm)

    def _consider(self, segment: OpenSegment) -> Iterator[Hypothesis]:
        if not self._endpointer.in_speech:
            yield from self._settle(segment)
        elif segment.end - segment.start >= _LONGEST:
            yield from self._cut(segment)
        elif self._heard - self._looked >= _PARTIAL:
            yield from self._look(segment)

    def _look(self, segment: OpenSegment) -> Iterator[Hypothesis]:
        self._looked = self._heard
        words = segment.words()
        if (text := _text(words)) != (segment.shown or ""):
            segment.shown = text
            yield Hypothesis(self._number, text, segment.start, segment.end, tuple(words))

    def _settle(self, segment: OpenSegment) -> Iterator[Hypothesis]:
        yield from self._settled(segment, segment.settle(), segment.end)
        self._open = None

    def _cut(self, segment: OpenSegment) -> Iterator[Hypothesis]:
        """Settle a segment that has become too long, up to the word that is being spoken."""
        words, end = segment.settle(), segment.end
        if len(words) > 1 and _goes_on(words[-1], end):
            end = words.pop().start or end
        yield from self._settled(segment, words, end)
        rest = bytes(segment.pcm[(end - segment.start) * _WIDTH :])
        self._open = OpenSegment(self._decoder, self._mean, end, rest)

    def _settled(self, segment: OpenSegment, words: list[Word], end: int) -> Iterator[Hypothesis]:
        """Tell the final words, unless there are none and never seemed to be."""
        self._free = end
        if words or segment.shown is not None:
            said = words[-1].end if words else end
            yield Hypothesis(
                number=self._number,
                text=_text(words),
                start=segment.start,
                end=said if said is not None else end,
                words=tuple(words),
                settled=True,
            )
            self._number += 1


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _goes_on(word: Word, end: int) -> bool:
    """Whether a word has probably not been spoken to its end at this sample."""
    if word.start is None or word.end is None:
        return False
    return end - word.end < 2 * _MARGIN and end - word.start < _LONGEST_WORD
