"""Which words were revised just now."""

import math

from tui.captions import Segment, SegmentKey
from tui.captions.diff import Span, revised_spans

MARK_SECONDS = 3.0
"""How long a revised word stays marked: our choice, long enough to look up and find it."""


class RevisionMarks:
    """The revised words of each segment, each marked for a while or until its segment settles.

    A mark outlives further updates of its segment as long as its word stays where it is.
    """

    def __init__(self, seconds: float = MARK_SECONDS) -> None:
        """With `math.inf` no mark goes by time alone, for readers who turned animation off."""
        self._seconds = seconds
        self._marks: dict[SegmentKey, dict[Span, float]] = {}

    def revise(self, before: Segment, after: Segment, now: float) -> tuple[Span, ...]:
        """Note a change of a segment at the time `now`, in seconds; returns the words to mark."""
        settles = after.settled and not before.settled
        marks = {} if settles else self._unmoved(before.text, after, now)
        for span in revised_spans(before.text, after.text):
            marks[span] = now + self._seconds
        self._keep(after.key, marks)
        return self.spans(after.key)

    def spans(self, key: SegmentKey) -> tuple[Span, ...]:
        """The marked words of a segment, in code points."""
        return tuple(sorted(self._marks.get(key, ())))

    def expire(self, now: float) -> list[SegmentKey]:
        """Drop the marks whose time is over; returns the segments that lost some."""
        over = [key for key, marks in self._marks.items() if min(marks.values()) <= now]
        for key in over:
            self._keep(key, {span: end for span, end in self._marks[key].items() if end > now})
        return over

    @property
    def next_end(self) -> float:
        """When the next mark goes; `math.inf` where none does by itself."""
        return min(
            (end for marks in self._marks.values() for end in marks.values()), default=math.inf
        )

    def _unmoved(self, text: str, after: Segment, now: float) -> dict[Span, float]:
        return {
            span: end
            for span, end in self._marks.get(after.key, {}).items()
            if end > now and text[slice(*span)] == after.text[slice(*span)]
        }

    def _keep(self, key: SegmentKey, marks: dict[Span, float]) -> None:
        if marks:
            self._marks[key] = marks
        else:
            self._marks.pop(key, None)
