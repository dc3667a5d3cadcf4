"""What has become of every sample: pure state, from which audio is sent again or let go."""

from collections.abc import Iterable

from tui.captions import SAMPLE_RATE, Change, Segment, SegmentKey, SegmentUpdate, Transcript
from tui.captions.seam import SHORTEST_RUN, Seam

ONSET_SAMPLES = SAMPLE_RATE
"""Kept before what is covered: a word that was just beginning there may have no segment yet, and a
recogniser that begins there hears how the next one begins."""
UNTIMED_LAG = 30 * SAMPLE_RATE
"""How far a server that gives neither times nor echoes is taken to be behind at most."""
_NEARLY = SAMPLE_RATE // 2
"""A word may end this much earlier when it is recognised a second time."""


class Ledger:
    """Knows up to where settled text covers the audio, over all connections of a session.

    One connection, or epoch, speaks at a time. Text that was open when a connection broke stays
    until the next one has said what it now stands for; text that had settled is never touched.
    """

    def __init__(self, first: int = 0) -> None:
        """`first` is the absolute index of the first sample there is."""
        self.transcript = Transcript()
        self._base = first
        self._confirmed = 0
        self._settled_end = 0
        self._seam = Seam(0)
        self._said_end = 0
        """All that was said before the seam ends before this sample."""
        self._speaks = False
        """Whether there is a connection that may say something."""
        self._echoes = False
        self._lost = first
        """The audio before this sample cannot be recognised again."""
        self._told: dict[SegmentKey, list[tuple[int, int]]] = {}
        """Of each word without times, what was confirmed and sent when it was first told: it ends
        between the two."""
        self._carried: set[SegmentKey] = set()
        """Open segments of connections that are gone."""
        self._held: dict[SegmentKey, SegmentUpdate] = {}
        """What the next connection says of the same audio, until it has said it all."""

    @property
    def frontier(self) -> int:
        """All audio before this absolute sample index is in settled text, or holds none."""
        reached = max(self._base, self._confirmed, self._settled_end)
        if self._seam.stop is not None:
            reached = min(reached, self._seam.stop)
        opened = self.transcript.open_segments
        reached = min([reached, *(self._beginning(segment) for segment in opened)])
        for _ in range(SHORTEST_RUN):
            if known := self._said_behind(reached - ONSET_SAMPLES)[-SHORTEST_RUN:]:
                reached = min(reached, max(self._base, known[0][1]))
        return reached

    @property
    def safe(self) -> int:
        """The audio before this absolute sample index will not be needed again."""
        return self.frontier - ONSET_SAMPLES

    @property
    def text_end(self) -> int:
        """Absolute sample index behind the last text, settled or not."""
        newest = self.transcript.newest
        return newest.end if newest else 0

    def restore(self, segments: Iterable[Segment], epochs: int, held_from: int) -> list[Change]:
        """Take up a session that a journal tells of, whose audio is held from a sample on."""
        self.transcript.restore(segments, epochs)
        self._note_settled(self.transcript, self.text_end)
        self._base = self._lost = held_from
        return self.break_off()

    def open_epoch(self, origin: int, stop: int | None = None) -> int:
        """Let a connection speak, whose time 0.00 is `origin`; returns its epoch."""
        self._speaks = True
        self._base = self.frontier
        said = self._said_behind(origin)
        self._said_end = self.text_end
        start = max(self._settled_end, self._base - ONSET_SAMPLES // 2)
        self._seam = Seam(start, stop, [word for word, _ in said])
        return self.transcript.open_epoch(origin)

    def stop_at(self, sample: int) -> None:
        """What the connection says of the audio behind `sample` is another one's to say."""
        self._seam.stop = sample

    def hear(self, updates: Iterable[SegmentUpdate], sent: int) -> list[Change]:
        """Take a message of the server, which had been sent the audio before `sent`."""
        updates = list(updates)
        changes = self._take(self._seam.trim(updates), sent)
        if not self._echoes and any(update.text and update.start is None for update in updates):
            self._confirm(sent - UNTIMED_LAG)
        return changes

    def confirm(self, sample: int, sent: int) -> list[Change]:
        """The server has said all there is to say of what came before `sample`."""
        self._echoes = True
        sample = min(sample, sent)
        changes = self._take(self._seam.release(), sent) if sample >= self._said_end else []
        self._confirm(sample)
        if self._awaited and self._confirmed >= self._carried_end + ONSET_SAMPLES:
            changes += self._replace_carried(sent)
        return changes

    def finish(self, end: int) -> list[Change]:
        """The server has said all there is to say of its audio, which ends at `end`."""
        changes = self._take(self._seam.release(), end)
        if self._awaited:
            changes += self._replace_carried(end)
        later = self._carried - self._awaited
        opened = self.transcript.open_segments
        changes += self._settle(segment for segment in opened if segment.key not in later)
        self._speaks = False
        self._base = self._confirmed = end
        return changes

    def break_off(self) -> list[Change]:
        """The connection is gone; what is open waits for another one."""
        opened = self.transcript.open_segments
        changes = self._settle(
            segment for segment in opened if self.transcript.settled_after(segment.key)
        )
        self._speaks = False
        self._held.clear()
        self._carried = {segment.key for segment in self.transcript.open_segments}
        changes += self._settle_lost()
        self._base = self._confirmed = self.frontier
        return changes

    def lose(self, until: int) -> list[Change]:
        """The audio before `until` is gone, and will not be recognised again."""
        self._lost = max(self._lost, until)
        self._base = max(self._base, until)
        return [] if self._speaks else self._settle_lost()

    def conclude(self) -> list[Change]:
        """No connection will come any more: what is open stays as it is."""
        self._held.clear()
        return self._settle(self.transcript.open_segments)

    def _take(self, updates: list[SegmentUpdate], sent: int) -> list[Change]:
        if not self._awaited:
            return self._apply(updates, sent)
        self._held.update((update.key, update) for update in updates)
        texts = [update for update in self._held.values() if update.text]
        if any(update.end is None or update.end >= self._carried_end - _NEARLY for update in texts):
            return self._replace_carried(sent)
        return []

    def _replace_carried(self, sent: int) -> list[Change]:
        """Put what was held in the place of what was carried; without any, let that be settled."""
        carried, held = sorted(self._awaited), list(self._held.values())
        self._carried -= set(carried)
        self._held.clear()
        if any(update.text for update in held):
            gone = [SegmentUpdate(key, "") for key in carried]
            return self._apply([*gone, *held], sent)
        opened = self.transcript.open_segments
        return self._settle(segment for segment in opened if segment.key in carried)

    def _apply(self, updates: list[SegmentUpdate], sent: int) -> list[Change]:
        changes = self.transcript.apply(updates, sent)
        self._note_told(changes, sent)
        self._note_settled((change.after for change in changes), sent)
        return changes

    def _confirm(self, sample: int) -> None:
        if not self._seam.holds_back:
            self._confirmed = max(self._confirmed, sample)

    def _settle(self, segments: Iterable[Segment]) -> list[Change]:
        changes = self.transcript.settle([segment.key for segment in segments])
        self._note_settled((change.after for change in changes), self.text_end)
        self._carried -= {change.after.key for change in changes}
        return changes

    def _settle_lost(self) -> list[Change]:
        """Settle what no connection will say anew, and leave the rest of it to the next one."""
        opened, covered = self.transcript.open_segments, max(self._lost, self._settled_end)
        changes = self._settle(s for s in opened if not s.timed and self._beginning(s) < self._lost)
        timed = [_as_update(segment) for segment in opened if segment.timed]
        cut = [update for update in Seam(0, covered).trim(timed) if update.text]
        self._carried -= {update.key for update in cut}
        return changes + self._apply(cut, covered)

    def _note_told(self, changes: Iterable[Change], sent: int) -> None:
        """Note the words that are new; those of a segment taken back may come in another one."""
        changes = [change for change in changes if not change.after.timed]
        taken_back = [change.before for change in changes if change.after.retracted]
        since = min(
            [self._confirmed, *(self._beginning(segment) for segment in taken_back if segment)]
        )
        for change in changes:
            told = self._told.setdefault(change.after.key, [])
            first = len(change.before.text.split()) if change.before else 0
            for index in range(first, max(1, len(change.after.text.split()))):
                after = told[index][0] if index < len(told) else since
                told[index : index + 1] = [(after, sent)]

    def _said_behind(self, sample: int) -> list[tuple[str, int]]:
        """The last words that settled without times and may have been spoken behind `sample`.

        Each with a sample before which it did not end.
        """
        said: list[tuple[str, int]] = []
        for segment in reversed(self.transcript):
            if segment.timed or segment.end <= sample:
                break
            words = segment.text.split() if segment.settled else []
            told = self._told.get(segment.key, [(self._lost, segment.end)] * len(words))
            said[:0] = [
                (word, after) for word, (after, by) in zip(words, told, strict=False) if by > sample
            ]
        return said

    def _note_settled(self, segments: Iterable[Segment], sent: int) -> None:
        ends = (min(s.end, sent) for s in segments if s.settled and s.timed and s.text)
        self._settled_end = max(self._settled_end, *ends, 0)

    @property
    def _awaited(self) -> set[SegmentKey]:
        """The carried segments whose audio is that of the connection which speaks."""
        stop = self._seam.stop
        opened = (
            segment for segment in self.transcript.open_segments if segment.key in self._carried
        )
        return {s.key for s in opened if stop is None or self._beginning(s) < stop}

    @property
    def _carried_end(self) -> int:
        found = (self.transcript.get(key) for key in self._awaited)
        return max((segment.end for segment in found if segment), default=0)

    def _beginning(self, segment: Segment) -> int:
        told = self._told.get(segment.key)
        return told[0][0] if told and not segment.timed else segment.start


def _as_update(segment: Segment) -> SegmentUpdate:
    """What would have made the segment so, and settles it."""
    return SegmentUpdate(
        segment.key,
        segment.text,
        segment.start,
        segment.end,
        segment.language,
        segment.words,
        final=True,
    )
