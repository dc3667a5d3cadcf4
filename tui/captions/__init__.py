"""The domain: segments, updates, the transcript's state. No I/O, no clock, no framework."""

from tui.captions.errors import CapttyError
from tui.captions.events import Event, EventKind
from tui.captions.segments import (
    SAMPLE_RATE,
    Change,
    Segment,
    SegmentKey,
    SegmentUpdate,
    Word,
    segment_key,
)
from tui.captions.text import clean, length_text
from tui.captions.transcript import Transcript

__all__ = [
    "SAMPLE_RATE",
    "CapttyError",
    "Change",
    "Event",
    "EventKind",
    "Segment",
    "SegmentKey",
    "SegmentUpdate",
    "Transcript",
    "Word",
    "clean",
    "length_text",
    "segment_key",
]
