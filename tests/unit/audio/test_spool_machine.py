"""Whatever the disk does, and when: every sample is held, trimmed or told to be lost."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.audio.spools import PLENTY, SmallDisk, files, held_in_memory, small, sound
from tui.audio.spool import Spool

BLOCK, FILE, MEMORY, LIMIT = 8, 100, 120, 500


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

    def teardown(self) -> None:
        if self.spool._files:
            self.spool._files.close()
        self.patch.undo()
        shutil.rmtree(self.root)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """What happens here loses only the oldest, tells it, and only for want of room."""
        before = self.spool.samples
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tui.audio.spool_files.os.write", self.disk)
            yield
        assert self.spool.end == self.end
        lost = self.spool.take_lost()
        assert lost == ([(self.start, self.spool.start)] if self.spool.start > self.start else [])
        self.start = self.spool.start
        if lost and not self.damaged:
            assert max(before, self.spool.samples) > LIMIT - 2 * BLOCK

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
            try:
                assert self.spool.read(start, most) == sound(start, min(start + most, self.end))
            except ValueError:
                assert self.damaged
                assert self.spool.start > start

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
        self.more = self.disk.refused
        if self.kept and not self.disk.refused:
            self.safe = self.end
            assert held_in_memory(self.spool) <= (MEMORY + BLOCK) * 2

    @rule()
    def give_way(self) -> None:
        with self.working():
            self.spool.give_way()
        assert files(self.folder) == []
        assert (self.spool.trouble is not None) == self.kept
        self.safe, self.more, self.damaged = 0, False, False

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
        assert found.read(found.start, 9_999) == sound(found.start, found.end)
        assert found.end <= self.end
        if not self.damaged:
            self.check_what_is_found(found)
        if not found.samples:
            found = Spool(self.end)
            found.keep_in(self.folder)
        self.spool = found
        self.start, self.end = found.start, found.end
        self.safe, self.more = found.end, False

    def check_what_is_found(self, found: Spool) -> None:
        if self.safe > self.start:
            assert self.start - FILE < found.start <= self.start
            assert found.end >= self.safe
        if not self.more:
            assert found.end == (self.safe if self.safe > self.start else 0)

    @invariant()
    def holds_one_run_within_its_limits(self) -> None:
        assert (self.spool.start, self.spool.end) == (self.start, self.end)
        assert self.spool.samples == self.end - self.start
        assert held_in_memory(self.spool) <= LIMIT * 2


SpoolOnDisk.TestCase.settings = settings(max_examples=60, deadline=None)
TestSpoolOnDisk = SpoolOnDisk.TestCase
