"""Cuts segments into subtitle cues.

Two lines of 42 columns (fewer in some languages), 5/6 to 7 seconds, 83 ms between two cues:
Netflix's timed text style guide. Times are absolute samples; a cue lasts more than a millisecond,
so that its end stays behind its start when both are rounded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tui.captions import SAMPLE_RATE, Event, EventKind, Segment, SegmentKey, clean, length_text
from tui.sessions.timeline import Timeline
from tui.sessions.wrap import Layout

_MILLISECOND = SAMPLE_RATE // 1000
_COLUMNS = 42
_COLUMNS_OF = {"ja": 23, "ko": 16, "yue": 16, "zh": 16, "th": 35}
_SHORTEST = 834 * _MILLISECOND
"""5/6 s."""
_LONGEST = 7 * SAMPLE_RATE
_HURRIED = 2 * _SHORTEST
"""For two full lines: 50 characters a second, which nobody says."""
_PAUSE = 3 * SAMPLE_RATE // 2
"""A silence that the picture shows: BBC subtitle guidelines, 5.2."""
_GAP = 83 * _MILLISECOND
"""Two frames of a film."""
_FLASH = 250 * _MILLISECOND
"""For cues that fall together in time: what is shown more briefly is not seen at all."""
_NOTE = 3 * SAMPLE_RATE
"""How long a note about the session is shown where there is room."""


@dataclass(frozen=True, slots=True)
class Cue:
    """What a subtitle player shows at a time."""

    start: int
    """Absolute sample index."""
    end: int
    """Absolute sample index."""
    lines: tuple[str, ...]
    """One or two, clean."""


def cues(
    segment: Segment, after: int = 0, before: int | None = None, language: str | None = None
) -> list[Cue]:
    """The cues of a segment, none where it is empty.

    None starts before the sample `after`: the end of the last cue. `before` is where the next
    segment starts, as far as that is known: cues end there where they can be read until then.
    `language` is the session's; it counts where the segment has none.
    """
    columns = _columns(segment.language or language)
    layout = Layout(clean(segment.text), columns)
    if not layout.tokens:
        return []
    end = _stretched(segment, layout.fewest_cues, before)
    timeline = Timeline(layout.tokens, segment.start, end, segment.words)
    return list(_timed(list(_pieces(layout, timeline)), after, before))


def note_cue(event: Event, after: int = 0, before: int | None = None) -> Cue:
    """The one cue that tells of an event, in brackets; `after` and `before` as in `cues`."""
    text = _shortened(note_text(event))
    start = max(event.at, after)
    return cues(Segment(SegmentKey(0, 0), text, start, start + _NOTE), after, before)[0]


def note_text(event: Event) -> str:
    """What an export says of an event."""
    text = clean(event.text)
    length = None if event.until is None else length_text((event.until - event.at) / SAMPLE_RATE)
    match event.kind:
        case EventKind.BROKEN:
            told, text = text or "The captions are incomplete from here on", ""
        case EventKind.UNCONFIRMED:
            told, text = f"the last {length or 'words'} are not confirmed", ""
        case EventKind.GAP:
            told = f"{length} of audio lost" if length else "audio lost"
        case EventKind.SOURCE:
            told = "now listening to"
        case _:
            told = str(event.kind)
    return f"[{told}: {text}]" if text else f"[{told}]"


def _shortened(note: str) -> str:
    """The note, as much of it as fits one cue."""
    if _fits(note):
        return note
    layout = Layout(note, _COLUMNS)
    ends = (token.end for token in reversed(layout.tokens[: layout.cue_end(0)]))
    return next(filter(_fits, (f"{note[:end]}…]" for end in ends)), "[…]")


def _fits(note: str) -> bool:
    layout = Layout(note, _COLUMNS)
    return layout.cue_end(0) == len(layout.tokens)


def _columns(language: str | None) -> int:
    base = (language or "").casefold().partition("-")[0]
    return _COLUMNS_OF.get(base, _COLUMNS)


def _stretched(segment: Segment, cues: int, before: int | None) -> int:
    """The segment's end; later where its times leave none to read several cues."""
    if cues < 2:
        return segment.end
    wanted = segment.start + cues * _HURRIED
    return max(segment.end, wanted if before is None else min(wanted, before))


def _pieces(layout: Layout, timeline: Timeline) -> Iterator[Cue]:
    """The cues as they were said."""
    first = 0
    for stop in timeline.phrase_ends(_PAUSE):
        while first < stop:
            end = _piece_end(layout, timeline, first, stop)
            lines = layout.lines(first, end)
            yield Cue(timeline.start(first), timeline.end(end - 1), lines)
            first = end


def _piece_end(layout: Layout, timeline: Timeline, first: int, stop: int) -> int:
    start = timeline.start(first)
    longest = min(layout.cue_end(first), stop)
    while longest > first + 1 and timeline.end(longest - 1) - start > _LONGEST:
        longest -= 1
    if longest == stop:
        return stop
    shares = -(-(timeline.end(stop - 1) - start) // _LONGEST)
    return layout.best_end(first, longest, stop, shares)


def _timed(said: Sequence[Cue], after: int, before: int | None) -> Iterator[Cue]:
    """The cues as they are to be shown."""
    following = [cue.start for cue in said[1:]]
    for cue, next_start in zip(said, [*following, before], strict=True):
        start = max(cue.start, after)
        after = _end(cue, start, next_start)
        yield Cue(start, after, cue.lines)


def _end(said: Cue, start: int, next_start: int | None) -> int:
    """Where a cue ends that is shown from `start`.

    While nobody knows when the next one starts, a cue that had to wait for the one before does
    not make it wait longer.
    """
    least = start + min(max(said.end - said.start, _FLASH), _SHORTEST)
    if next_start is None:
        end = max(said.end, min(start, said.end) + _SHORTEST, least)
    else:
        room = next_start - _GAP if next_start - _GAP >= start + _SHORTEST else next_start
        end = max(least, min(max(said.end, start + _SHORTEST), room))
    return min(end, start + _LONGEST)
