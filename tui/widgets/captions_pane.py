"""The captions of one session: settled above, still being said below, the tail line between."""

import math
from collections.abc import Sequence
from time import monotonic

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer

from tui.captions import Event, Segment, SegmentKey
from tui.widgets.live_text import LiveText
from tui.widgets.marks import MARK_SECONDS, RevisionMarks
from tui.widgets.tail_line import TailLine
from tui.widgets.transcript import TranscriptView


class CaptionsPane(Vertical):
    """Takes segments and events as they come, and marks for a while what was revised."""

    def __init__(self) -> None:
        super().__init__(id="captions")
        self._captions: dict[SegmentKey, Segment] = {}
        self._unsettled: dict[SegmentKey, Segment] = {}
        self._marks = RevisionMarks()
        self._mark_timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """What has settled above what may still change."""
        yield TranscriptView()
        yield TailLine()
        yield LiveText()

    @property
    def empty(self) -> bool:
        """Whether nothing was said yet."""
        return not self._captions

    def clear(self) -> None:
        """Show nothing: another session begins."""
        self._captions.clear()
        self._unsettled.clear()
        self._marks = RevisionMarks(self._mark_seconds)
        self.query_one(TranscriptView).show(())
        self._draw_open()

    def give_rows(self, fewest: int, most: int) -> None:
        """Give unsettled text so many rows."""
        live = self.query_one(LiveText)
        live.min_rows, live.max_rows = fewest, most

    def take(self, segments: Sequence[Segment]) -> None:
        """Show what is new of these segments, in place."""
        if segments:
            for segment in segments:
                self._take(segment)
            self._draw_open()
            self._expire_marks()

    def tell(self, event: Event) -> None:
        """Say what happened besides words, at its time."""
        self.query_one(TranscriptView).put_event(event)

    def reach(self, sample: int) -> None:
        """Keep room for times up to this absolute sample index."""
        self.query_one(TranscriptView).reach(sample)
        self.query_one(LiveText).reach(sample)

    @on(TranscriptView.FollowChanged)
    def tell_follow(self, event: TranscriptView.FollowChanged) -> None:
        """Say whether the view follows."""
        self.query_one(TailLine).behind = None if event.following else event.behind

    @property
    def _mark_seconds(self) -> float:
        """No mark goes by time alone for readers who want nothing to move by itself."""
        return math.inf if self.app.animation_level == "none" else MARK_SECONDS

    def _take(self, segment: Segment) -> None:
        before = self._captions.get(segment.key)
        if before and (before.text != segment.text or segment.settled):
            self._marks.revise(before, segment, monotonic())
        self._captions[segment.key] = segment
        if segment.settled or segment.retracted:
            self._unsettled.pop(segment.key, None)
        else:
            self._unsettled[segment.key] = segment
        if segment.settled:
            self.query_one(TranscriptView).put(segment, self._marks.spans(segment.key))

    def _draw_open(self) -> None:
        segments = [self._unsettled[key] for key in sorted(self._unsettled)]
        marks = {key: self._marks.spans(key) for key in self._unsettled}
        self.query_one(LiveText).put(segments, marks)

    def _expire_marks(self) -> None:
        """Let go of the marks whose time is over, now and when the next one's is."""
        over = self._marks.expire(monotonic())
        if over:
            self.query_one(TranscriptView).clear_marks(over)
            self._draw_open()
        if self._mark_timer:
            self._mark_timer.stop()
        if (end := self._marks.next_end) < math.inf:
            self._mark_timer = self.set_timer(max(0.05, end - monotonic()), self._expire_marks)
