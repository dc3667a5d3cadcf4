"""Segments of a transcript, and the updates that servers send about them.

Times are absolute sample indexes at `SAMPLE_RATE`: sample 0 is the first one of the session.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from tui.captions.text import clean

SAMPLE_RATE = 16_000
"""Samples a second of everything captty hears, sends and saves."""

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_TEXT_IDS = 2**63 - 1
"""The number of ids that are text: as large as JSON libraries and databases take."""


class SegmentKey(NamedTuple):
    """Which segment of which connection; sorts in the order in which segments are read.

    Ids are numbers (`"9"` comes before `"10"`); ids that are not, or are too large, keep their
    clean text in `name` and come after all numbers.
    """

    epoch: int
    """The connection that the segment came from, counted from 0."""
    number: int
    name: str = ""


def segment_key(epoch: int, raw_id: object) -> SegmentKey | None:
    """The key of a segment id as a server sent it, or `None` where it names no segment.

    `7`, `7.0`, `"7"` and `" 07 "` are the same segment.
    """
    if isinstance(raw_id, float) and raw_id.is_integer():
        raw_id = int(raw_id)
    if isinstance(raw_id, bool) or not isinstance(raw_id, int | str):
        return None
    text = clean(str(raw_id), 256)
    if _NUMBER.fullmatch(text) and -_TEXT_IDS <= int(text) < _TEXT_IDS:
        return SegmentKey(epoch, int(text))
    return SegmentKey(epoch, _TEXT_IDS, text) if text else None


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a segment, as far as the server tells."""

    text: str
    start: int | None = None
    """Absolute sample index of its first sample."""
    end: int | None = None
    """Absolute sample index behind its last sample."""
    probability: float | None = None
    """The engine's confidence, 0 to 1."""


@dataclass(frozen=True, slots=True)
class SegmentUpdate:
    """What one message of a server says about one segment. An empty text retracts it."""

    key: SegmentKey
    text: str
    start: int | None = None
    """Absolute sample index, or `None` where the server gives no times."""
    end: int | None = None
    language: str | None = None
    words: tuple[Word, ...] = ()
    final: bool | None = None
    """Whether the server says that it will not change any more; `None` where it does not say."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One caption of the transcript as it stands."""

    key: SegmentKey
    text: str
    start: int
    end: int
    language: str | None = None
    words: tuple[Word, ...] = ()
    settled: bool = False
    """Nobody is expected to change it any more; a late revision is a correction."""
    revision: int = 0
    """How many times its text has changed since it was first shown."""
    timed: bool = False
    """Whether `start` came from the server; else it is estimated from the audio sent."""

    @property
    def retracted(self) -> bool:
        """Whether the server took the segment back."""
        return not self.text


@dataclass(frozen=True, slots=True)
class Change:
    """One segment that an update changed."""

    before: Segment | None
    """`None` where the segment is new."""
    after: Segment

    @property
    def settles(self) -> bool:
        """Whether the segment settled with this change."""
        return self.after.settled and not (self.before and self.before.settled)

    @property
    def corrects(self) -> bool:
        """Whether text that had settled before was changed."""
        return bool(self.before and self.before.settled and self.before.text != self.after.text)
