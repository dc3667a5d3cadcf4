"""A speaker, and a model of the servers that hear them: what each understood, and tells when."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from tui.captions import SAMPLE_RATE, SegmentUpdate, Word, segment_key

MS = SAMPLE_RATE // 1_000
JITTER = 50 * MS
"""Two recognitions of a word place its edges so far from where they are."""
AUDIBLE = 60 * MS
"""Less of a word than this is not heard at all."""
BREATH = SAMPLE_RATE
"""A pause that ends a segment."""
PAUSES = (0, 0, 0, 60, 200, 500, 1_500, 4_000, 9_000)
"""Before a word, ms."""
LENGTHS = (250, 400, 700, 900)
"""Of a word, ms."""


@dataclass(frozen=True)
class Spoken:
    """A word of the speaker; absolute samples."""

    number: int
    start: int
    end: int


def speech(seed: int) -> list[Spoken]:
    """Sixty words of any length, with any pauses between them."""
    chance, at, words = Random(seed), 0, []
    for number in range(60):
        start = at + chance.choice(PAUSES) * MS
        at = start + chance.choice(LENGTHS) * MS
        words.append(Spoken(number, start, at))
    return words


@dataclass
class Token:
    """What a server understood of a word: `w` right, `m` misheard, `f` no more than a part."""

    kind: str
    number: int
    start: int
    end: int

    @property
    def text(self) -> str:
        return f"{self.kind}{self.number}"


@dataclass(frozen=True)
class Kind:
    """What a server tells besides text."""

    times: bool = True
    echo: bool = True
    finality: bool = True

    def update(
        self, epoch: int, number: int, text: str, tokens: tuple[Token, ...], final: bool
    ) -> SegmentUpdate:
        """A segment as the client reads it; odd ids are numbers, even ones text."""
        key = segment_key(epoch, number if number % 2 else str(number))
        assert key
        times = self.times and tokens
        return SegmentUpdate(
            key,
            text,
            tokens[0].start if times else None,
            tokens[-1].end if times else None,
            words=tuple(Word(t.text, t.start, t.end) for t in tokens) if times else (),
            final=final if self.finality and text else None,
        )


@dataclass(eq=False)
class Said:
    """A segment of a server."""

    tokens: list[Token] = field(default_factory=list)
    partial: Token | None = None
    closed: bool = False
    final: bool = False
    taken_back: bool = False


@dataclass(frozen=True)
class Update:
    """A message with the segments of these ids, as they stood."""

    rows: tuple[tuple[int, str, tuple[Token, ...], bool], ...]
    heard: int
    """All before this sample is in it, or was told before."""


@dataclass(frozen=True)
class Echo:
    """All before this sample has been transcribed."""

    sample: int


class Finished:
    """All has."""


class Recogniser:
    """One connection to a server, which hears the speaker from `origin` on."""

    def __init__(self, speech: list[Spoken], origin: int, hears_fragments: bool) -> None:
        self.origin = origin
        self.sent = origin
        self.heard = origin
        self.told = origin
        """All before this sample has been told, and the telling has arrived."""
        self.inbox: deque[Update | Echo | Finished] = deque()
        self.marked = False
        self._traces = deque([origin])
        self._speech = [word for word in speech if word.end > origin]
        self._segments: list[Said] = [Said()]
        self._hears_fragments = hears_fragments

    def send(self, upto: int, trace: bool) -> None:
        self.sent = upto
        if trace:
            self._traces.append(upto)

    def understand(
        self, samples: int, close: bool, shift: int, partial: bool, misheard: bool
    ) -> None:
        """Hear so much more of what was sent, and tell what is new."""
        self.heard = min(self.heard + samples, self.sent)
        before = [(list(said.tokens), said.partial, said.closed) for said in self._segments]
        self._segments[-1].partial = None
        while self._speech and self._speech[0].end <= self.heard:
            self._add(self._speech.pop(0), shift, misheard)
        if partial and self._speech and self.heard - self._speech[0].start >= AUDIBLE:
            word = self._speech[0]
            start = max(word.start + shift, self.origin)
            self._segments[-1].partial = Token("f", word.number, start, self.heard)
        if close and self._segments[-1].tokens and not self._segments[-1].partial:
            self._close()
        before += [([], None, False)] * (len(self._segments) - len(before))
        now = [(said.tokens, said.partial, said.closed) for said in self._segments]
        self.tell(i for i, said in enumerate(now) if said != before[i])

    def _add(self, word: Spoken, shift: int, misheard: bool) -> None:
        last = self._segments[-1].tokens
        if last and word.start - last[-1].end > BREATH:
            self._close()
        kind, start = "m" if misheard else "w", word.start
        if word.start < self.origin:
            if not self._hears_fragments or word.end - self.origin < AUDIBLE:
                return
            kind, start = "f", self.origin
        start = max(start + shift, self.origin)
        self._segments[-1].tokens.append(Token(kind, word.number, start, word.end + shift))

    def _close(self) -> None:
        self._segments[-1].closed = self._segments[-1].final = True
        self._segments.append(Said())

    def take_back(self, closed: bool) -> None:
        """Retract the last segment and say its words in another one."""
        said = self._segments[-1]
        if closed and len(self._segments) > 1 and not said.tokens and not said.partial:
            said = self._segments[-2]
        if said.tokens:
            self._segments.append(Said(said.tokens, said.partial))
            said.tokens, said.partial, said.taken_back = [], None, True
            said.closed = said.final = True
            self.tell([self._segments.index(said), len(self._segments) - 1])

    def correct(self, number: int) -> None:
        """Revise a segment, however late."""
        said = self._segments[number % len(self._segments)]
        for token in said.tokens:
            token.kind = "w" if token.kind == "m" else token.kind
        self.tell([self._segments.index(said)])

    def tell(self, numbers: Iterable[int], *, backwards: bool = False) -> None:
        rows = []
        for number in numbers:
            said = self._segments[number]
            tokens = [*said.tokens, *([said.partial] if said.partial else [])]
            copies = tuple(Token(t.kind, t.number, t.start, t.end) for t in tokens)
            rows.append((number, " ".join(t.text for t in copies), copies, said.final))
        if rows:
            self.inbox.append(Update(tuple(reversed(rows) if backwards else rows), self.heard))

    def repeat(self) -> None:
        self.tell(range(len(self._segments)), backwards=True)

    def answer(self) -> None:
        """Echo the traces before which all has been told."""
        while self._traces and self._traces[0] <= self.heard:
            self.inbox.append(Echo(self._traces.popleft()))

    def finish(self) -> None:
        """Tell the rest; a word that the end cuts is heard in part."""
        self.heard = self.sent
        self.understand(0, False, 0, True, False)
        said = self._segments[-1]
        if said.partial:
            said.tokens, said.partial = [*said.tokens, said.partial], None
        said.closed = said.final = True
        self.tell([len(self._segments) - 1])
        self.inbox.append(Finished())
