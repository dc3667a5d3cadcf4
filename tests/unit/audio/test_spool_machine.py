"""Whatever the disk does, and when: every sample is held, trimmed or told to be lost."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.audio.spools import PLENTY, SmallDisk, files, held_in_memory, small, sound
from tui.audio.spool import Loss, Spool

NO_ROOM = "there was no room to keep it"
BLOCK, FILE, MEMORY, LIMIT = 8, 100, 120, 500


def _too_many(*_: int) -> NoReturn:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


class SpoolOnDisk(RuleBasedStateMachine):
    """Every sample is held, trimmed or told to be lost, exactly once, whatever the disk does."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        small(self.patch, block=BLOCK, file=FILE, memory=MEMORY, limit=LIMIT)
        self.root = Path(tempfile.mkdtemp())
        self.folder = self.root / "spool"
        self.disk = SmallDisk(self.folder)
        self.spool = Spool()
        self.kept = False
        self.start = self.end = 0
        self.safe = 0
        """Up to here everything not trimmed is on disk."""
        self.more = False
        """Whether some of what is behind `safe` may be on disk as well."""
        self.damaged = False
        """Whether files are not as they were written."""
        self.took_back = False
        """Whether silence may have been taken into memory, and written from there."""
        self.silent: set[int] = set()
        """The samples that were told to be lost."""

    def teardown(self) -> None:
        if self.spool._files:
            self.spool._files.close()
        self.patch.undo()
        shutil.rmtree(self.root)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """What happens here loses only the oldest, tells it, and only for want of room."""
        before = self.spool.end - self.spool.start
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tui.audio.spool_files.os.write", self.disk)
            yield
        assert self.spool.end == self.end
        held = self.spool.end - self.spool.start
        for loss in self.spool.take_lost():
            self.lose(loss)
            if not self.damaged:
                assert max(before, held) > LIMIT - FILE - 2 * BLOCK
        assert self.silent >= set(range(self.start, self.spool.start))
        self.start = self.spool.start

    def lose(self, loss: Loss) -> None:
        """Only what is held can be lost, and that once; the oldest, if the disk works."""
        lost = set(range(loss.start, loss.end))
        assert lost
        assert lost <= set(range(self.start, self.end))
        if not self.took_back:  # silence that was taken into memory may be lost as sound may
            assert not lost & self.silent
        assert self.damaged or self.disk.refused or loss.end <= self.spool.start
        assert self.damaged or loss.cause == NO_ROOM
        self.silent |= lost

    def heard(self, start: int, last: int) -> bytes:
        """What is to be read there: silence where samples were lost."""
        pcm = bytearray(sound(start, last))
        for sample in self.silent.intersection(range(start, last)):
            pcm[2 * (sample - start) : 2 * (sample - start) + 2] = bytes(2)
        return bytes(pcm)

    @rule(samples=st.integers(0, 150))
    def append(self, samples: int) -> None:
        pcm = sound(self.end, self.end + samples)
        self.end += samples
        self.more = True
        with self.working():
            assert self.spool.append(pcm) == self.end

    @rule(ahead=st.integers(-50, 400))
    def trim(self, ahead: int) -> None:
        self.spool.trim(self.start + ahead)
        self.start = min(self.start + max(ahead, 0), self.end)
        assert self.spool.start == self.start
        assert self.spool.take_lost() == []

    @rule(share=st.floats(0, 1), most=st.integers(0, 400))
    def read(self, share: float, most: int) -> None:
        start = self.start + round(share * (self.end - self.start))
        with self.working():
            pcm = self.spool.read(start, most)
        assert self.spool.start <= start
        assert pcm == self.heard(start, min(start + most, self.end))

    @precondition(lambda self: not self.damaged)
    @rule(share=st.floats(0, 1), most=st.integers(1, 60))
    def read_while_there_are_too_many_files(self, share: float, most: int) -> None:
        """Costs no more than what was to be read."""
        start = self.start + round(share * (self.end - self.start))
        before = set(self.silent)
        self.damaged = True
        with self.working(), pytest.MonkeyPatch.context() as patch:
            patch.setattr("tui.audio.spool_files.os.pread", _too_many)
            self.spool.read(start, most)
        assert self.silent - before <= set(range(start, start + most))

    @rule(before=st.integers(1, 500))
    def read_what_is_gone(self, before: int) -> None:
        with pytest.raises(ValueError, match="not held"):
            self.spool.read(self.start - before, 1)

    @initialize(now=st.booleans())
    def keep_in_from_the_start(self, now: bool) -> None:
        if now:
            self.keep_in()

    @rule()
    def keep_in(self) -> None:
        self.spool.keep_in(self.folder)
        self.kept = True

    @rule()
    def persist(self) -> None:
        self.persist_on(PLENTY, [])
        assert self.spool.trouble is None

    @rule(
        room=st.integers(0, 1_500),
        script=st.lists(st.sampled_from([None, 0, errno.EIO, errno.EDQUOT]), max_size=3),
    )
    def persist_on(self, room: int, script: list[int | None]) -> None:
        self.disk.room, self.disk.script, self.disk.refused = room, script, False
        with self.working():
            self.spool.persist()
        assert (self.spool.trouble is not None) == self.disk.refused
        if self.kept and not self.disk.refused:
            self.safe = min(self.end, max(self.safe, self.start) + FILE)
            self.more = self.safe < self.end
            if not self.more and not self.damaged:
                assert held_in_memory(self.spool) <= (MEMORY + BLOCK) * 2

    @rule()
    def give_way(self) -> None:
        before = files(self.folder)
        self.took_back = True
        with self.working():
            self.spool.give_way()
        assert (self.spool.trouble is not None) == self.kept
        if before:
            self.safe, self.more = min(self.safe, int(before[-1].removesuffix(".pcm"))), True
        if before and not self.damaged:
            assert files(self.folder) in (before[1:], before[:-1])

    @precondition(lambda self: len(files(self.folder)) > 1)
    @rule(which=st.integers(0, 99), size=st.sampled_from([None, 0, 51, 120]))
    def somebody_damages(self, which: int, size: int | None) -> None:
        names = files(self.folder)[:-1]
        path = self.folder / names[which % len(names)]
        if size is None:
            path.unlink()
        elif size < path.stat().st_size:
            os.truncate(path, size)
        self.damaged = True

    @precondition(lambda self: self.kept)
    @rule()
    def crash(self) -> None:
        assert self.spool._files
        self.spool._files.close()
        found = Spool.recover(self.folder)
        assert found.end <= self.end
        if not self.damaged:
            self.check_what_is_found(found)
        self.silent = self.silent_in(found)
        if found.start == found.end:
            found = Spool(self.end)
            found.keep_in(self.folder)
        self.spool = found
        self.start, self.end = found.start, found.end
        self.safe, self.more, self.damaged = found.end, False, bool(self.silent)

    def silent_in(self, found: Spool) -> set[int]:
        """What is told to be lost, and what silence was written in its place before."""
        pcm = found.read(found.start, 9_999)
        wrong = {
            sample
            for sample in range(found.start, found.end)
            if pcm[2 * (sample - found.start) :][:2] != sound(sample, sample + 1)
        }
        lost = {n for loss in found.take_lost() for n in range(loss.start, loss.end)}
        assert wrong <= lost | self.silent
        assert lost <= set(range(found.start, found.end))
        assert self.damaged or lost <= self.silent
        assert all(not any(pcm[2 * (n - found.start) :][:2]) for n in wrong)
        return wrong | lost

    def check_what_is_found(self, found: Spool) -> None:
        if self.safe > self.start:
            assert self.start - FILE < found.start <= self.start
            assert found.end >= self.safe
        if not self.more:
            assert found.end == (self.safe if self.safe > self.start else 0)

    @invariant()
    def holds_one_run_within_its_limits(self) -> None:
        assert (self.spool.start, self.spool.end) == (self.start, self.end)
        assert held_in_memory(self.spool) <= LIMIT * 2


SpoolOnDisk.TestCase.settings = settings(max_examples=60, deadline=None)
TestSpoolOnDisk = SpoolOnDisk.TestCase
