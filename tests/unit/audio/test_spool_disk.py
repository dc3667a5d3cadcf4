"""The spool outlives its process and a failing disk, and tells what it had to give up."""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tui.audio.spool import MEMORY_SAMPLES, Spool, SpoolError
from tui.audio.spool_files import FILE_SAMPLES

SECOND = 16_000

real_write = os.write


def sound(start: int, end: int) -> bytes:
    """Samples that tell their absolute index, so that one in the wrong place shows."""
    index = np.arange(start, end, dtype=np.int64)
    return (index * 40_503 ^ index >> 9).astype("<u2").tobytes()


def append(spool: Spool, samples: int) -> None:
    """Capture so many more samples."""
    spool.append(sound(spool.end, spool.end + samples))


def files(folder: Path) -> list[str]:
    """Names of what lies in a folder."""
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def held_in_memory(spool: Spool) -> int:
    """Bytes."""
    return sum(len(block) for block in spool._memory._blocks)


def small(patch: pytest.MonkeyPatch, *, block: int, file: int, memory: int, limit: int) -> None:
    """Units and limits in samples that a test reaches soon."""
    patch.setattr("tui.audio.spool._BLOCK", block * 2)
    patch.setattr("tui.audio.spool._UNIT", block)
    patch.setattr("tui.audio.spool.FILE_SAMPLES", file)
    patch.setattr("tui.audio.spool_files.FILE_SAMPLES", file)
    patch.setattr("tui.audio.spool.MEMORY_SAMPLES", memory)
    patch.setattr("tui.audio.spool.MEMORY_LIMIT", limit * 2)


PLENTY = 1_000_000


class SmallDisk:
    """`os.write` to a folder that takes so many bytes, behind a script of faults, call by call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.room = PLENTY
        """Bytes that fit into the folder."""
        self.script: list[int | None] = []
        """Errno to raise; 0 to write nothing; `None` to write half."""
        self.refused = False
        """Whether something could not be written."""

    def __call__(self, fd: int, data: bytes | memoryview) -> int:
        most = len(data)
        match self.script.pop(0) if self.script else -1:
            case None:
                most = most // 2
            case 0:
                most = 0
            case int(number) if number > 0:
                self.refused = True
                raise OSError(number, os.strerror(number))
        used = sum(path.stat().st_size for path in self.folder.iterdir())
        grows = max(0, os.lseek(fd, 0, os.SEEK_CUR) + most - os.fstat(fd).st_size)
        most -= max(0, used + grows - self.room)
        if most <= 0:
            self.refused = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_write(fd, bytes(data)[:most])


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool may make its folder."""
    return tmp_path / "spool"


def kept(folder: Path) -> Spool:
    """A spool that writes there."""
    spool = Spool()
    spool.keep_in(folder)
    return spool


def test_half_an_hour_offline_stays_out_of_memory_and_is_replayed_exactly(folder: Path) -> None:
    spool = kept(folder)
    tracemalloc.start()
    try:
        for _ in range(2 * 1_800):
            append(spool, SECOND // 2)
            spool.persist()
        while spool.samples:
            start = spool.start
            pcm = spool.read(start, 6_400)
            assert pcm == sound(start, start + len(pcm) // 2)
            spool.trim(start + len(pcm) // 2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_SAMPLES * 2 * 1.5
    assert spool.start == 1_800 * SECOND
    assert spool.take_lost() == []
    assert files(folder) == []


def test_a_process_that_is_killed_leaves_all_it_had_written(folder: Path) -> None:
    script = f"""
import pathlib
from tests.unit.audio.test_spool_disk import append, kept
spool = kept(pathlib.Path({str(folder)!r}))
while True:
    append(spool, 70_000)
    spool.persist()
    print(spool.end, flush=True)
"""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout
        for _ in range(12):
            written = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    found = Spool.recover(folder)
    assert found.start == 0
    assert found.end >= written
    assert found.read(0, found.end) == sound(0, found.end)
    assert found.take_lost() == []


def test_files_of_half_a_minute_go_when_all_in_them_is_trimmed(folder: Path) -> None:
    spool = kept(folder)
    for _ in range(100):
        append(spool, SECOND * 7 // 10)
        spool.persist()
    assert files(folder) == ["000000000000.pcm", "000000480000.pcm", "000000960000.pcm"]
    assert (folder / "000000000000.pcm").read_bytes() == sound(0, FILE_SAMPLES)
    spool.trim(FILE_SAMPLES - 1)
    assert len(files(folder)) == 3
    spool.trim(FILE_SAMPLES)
    assert files(folder) == ["000000480000.pcm", "000000960000.pcm"]
    append(spool, 30 * SECOND)
    spool.trim(spool.end - 10)
    assert files(folder) == []
    spool.persist()
    assert files(folder) == [f"{spool.end - 10:012d}.pcm"]
    assert Spool.recover(folder).read(spool.start, 10) == sound(spool.end - 10, spool.end)


def test_writing_costs_one_call_each_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def count(fd: int, data: bytes) -> int:
        calls.append(len(data))
        return real_write(fd, data)

    spool = kept(folder)
    with monkeypatch.context() as patch:
        patch.setattr("tui.audio.spool_files.os.write", count)
        for _ in range(130):
            append(spool, SECOND // 2)
            spool.persist()
            spool.persist()
    assert calls == [SECOND] * 130


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_nobody_else_may_listen(folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        spool = kept(folder)
        append(spool, 10)
        spool.persist()
    finally:
        os.umask(before)
    assert spool.trouble is None
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]
    spool.close()


def test_nothing_is_made_before_it_is_needed(folder: Path) -> None:
    spool = kept(folder)
    spool.persist()
    append(spool, 10)
    spool.trim(10)
    spool.persist()
    spool.close()
    assert not folder.exists()


def test_closing_writes_the_rest_and_leaves_no_descriptor(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: set[int] = set()
    real_open, real_close = os.open, os.close

    def note_open(path: Path, flags: int, mode: int = 0o777) -> int:
        opened.add(fd := real_open(path, flags, mode))
        return fd

    def note_close(fd: int) -> None:
        real_close(fd)
        opened.discard(fd)

    with monkeypatch.context() as patch:
        patch.setattr("tui.audio.spool_files.os.open", note_open)
        patch.setattr("tui.audio.spool_files.os.close", note_close)
        spool = kept(folder)
        append(spool, 100 * SECOND)
        spool.persist()
        assert len(opened) == 1
        assert spool.read(0, 100 * SECOND) == sound(0, 100 * SECOND)
        append(spool, 9)
        spool.close()
        spool.close()
        assert opened == set()
    assert Spool.recover(folder).end == 100 * SECOND + 9


def test_what_was_found_goes_on_as_a_spool(folder: Path) -> None:
    before = kept(folder)
    append(before, 40 * SECOND)
    before.close()
    spool = Spool.recover(folder)
    spool.keep_in(folder)
    append(spool, SECOND)
    assert spool.read(0, 41 * SECOND) == sound(0, 41 * SECOND)
    spool.persist()
    assert len(files(folder)) == 3
    spool.trim(31 * SECOND)
    assert spool.read(31 * SECOND, SECOND) == sound(31 * SECOND, 32 * SECOND)
    assert len(files(folder)) == 2
    spool.discard()
    assert not folder.exists()


def test_half_a_sample_and_strange_files_are_no_sound(folder: Path) -> None:
    assert Spool.recover(folder).samples == 0
    folder.mkdir()
    assert Spool.recover(folder).samples == 0
    (folder / "000000000100.pcm").write_bytes(sound(100, 110) + b"\1")
    (folder / "000000000110.pcm").write_bytes(sound(110, 120) + b"\1")
    (folder / "000000000999.pcm").write_bytes(b"\1")
    (folder / "notes.txt").write_bytes(b"not ours")
    (folder / "000000000200.pcm.bak").write_bytes(sound(200, 300))
    (folder / "000000000300.pcm").mkdir()
    spool = Spool.recover(folder)
    assert (spool.start, spool.end) == (100, 120)
    assert spool.read(100, 99) == sound(100, 120)
    spool.discard()
    assert files(folder) == ["000000000200.pcm.bak", "000000000300.pcm", "notes.txt"]


def test_the_run_that_ends_at_the_newest_sample_is_found(folder: Path) -> None:
    folder.mkdir()
    for start, end in [(0, 50), (60, 300), (100, 150), (290, 400), (400, 500)]:
        (folder / f"{start:012d}.pcm").write_bytes(sound(start, end))
    spool = Spool.recover(folder)
    assert (spool.start, spool.end) == (60, 500)
    assert spool.read(60, 999) == sound(60, 500)
    spool.trim(290)
    assert spool.read(290, 999) == sound(290, 500)
    assert "000000000060.pcm" not in files(folder)
    spool.discard()
    assert not folder.exists()


def test_a_folder_that_cannot_be_read_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "spo\x1b[31mol").write_bytes(b"")
    with pytest.raises(SpoolError, match=r"cannot be read .*: check that") as told:
        Spool.recover(tmp_path / "spo\x1b[31mol")
    assert "\x1b" not in str(told.value)


def test_what_was_discarded_writes_no_more(folder: Path) -> None:
    spool = kept(folder)
    append(spool, 10)
    spool.persist()
    spool.discard()
    append(spool, 10)
    spool.persist()
    spool.close()
    assert not folder.exists()
    assert spool.take_lost() == []


def test_sound_moves_to_another_folder(folder: Path, tmp_path: Path) -> None:
    spool = kept(folder)
    append(spool, 90 * SECOND)
    spool.persist()
    spool.keep_in(tmp_path / "other")
    assert files(folder) == []
    spool.persist()
    assert Spool.recover(tmp_path / "other").read(0, spool.end) == sound(0, 90 * SECOND)


def test_sound_makes_room_for_text_and_comes_back(folder: Path) -> None:
    spool = kept(folder)
    for _ in range(600):
        append(spool, SECOND)
        spool.persist()
    spool.give_way()
    assert files(folder) == []
    assert "kept in memory only" in (spool.trouble or "")
    append(spool, SECOND)
    assert files(folder) == []
    assert spool.read(0, spool.end) == sound(0, 601 * SECOND)
    spool.persist()
    assert spool.trouble is None
    assert Spool.recover(folder).samples == 601 * SECOND
    assert held_in_memory(spool) < 2 * MEMORY_SAMPLES * 1.1
    assert spool.take_lost() == []


def test_what_does_not_fit_into_memory_when_text_needs_the_room_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, block=100, file=1_000, memory=1_000, limit=5_000)
    spool = kept(folder)
    for _ in range(90):
        append(spool, 95)
        spool.persist()
    spool.give_way()
    assert spool.take_lost() == [(0, spool.start)]
    assert 4_800 <= spool.samples <= 5_000
    assert spool.read(spool.start, 9_999) == sound(spool.start, spool.end)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_trouble_is_told_while_it_lasts(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    spool = kept(folder)
    disk = SmallDisk(folder)
    disk.script = [number, number]
    append(spool, 10)
    with monkeypatch.context() as patch:
        patch.setattr("tui.audio.spool_files.os.write", disk)
        for _ in range(2):
            spool.persist()
            assert f"kept in memory only ({os.strerror(number)})" in (spool.trouble or "")
            assert files(folder) == []
        spool.persist()
    assert spool.trouble is None
    assert Spool.recover(folder).samples == 10


def test_half_a_sample_that_was_written_is_written_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = kept(folder)
    disk = SmallDisk(folder)
    append(spool, 10)
    monkeypatch.setattr("tui.audio.spool_files.os.write", disk)
    for disk.room in (7, 13, 13, 99):
        spool.persist()
        found = Spool.recover(folder)
        assert found.read(0, 99) == sound(0, min(disk.room // 2, 10))
    spool.close()


def test_memory_keeps_all_from_the_sample_on_at_which_the_disk_was_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, block=10, file=50, memory=20, limit=500)
    for samples in range(60, 80):
        disk = SmallDisk(tmp_path / str(samples))
        disk.room = samples * 2
        spool = kept(disk.folder)
        append(spool, 200)
        with monkeypatch.context() as patch:
            patch.setattr("tui.audio.spool_files.os.write", disk)
            spool.persist()
        assert spool.read(0, 200) == sound(0, 200)
        spool.close()


def test_a_disk_that_takes_nothing_is_not_asked_forever(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = kept(folder)
    append(spool, 10)
    with monkeypatch.context() as patch:
        patch.setattr("tui.audio.spool_files.os.write", lambda fd, data: 0)
        spool.persist()
    assert "No space left on device" in (spool.trouble or "")
    spool.close()
    assert Spool.recover(folder).samples == 10


def test_a_burst_gives_up_nothing_that_the_disk_has(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, block=100, file=1_000, memory=1_000, limit=5_000)
    spool = kept(folder)
    append(spool, 4_900)
    spool.persist()
    append(spool, 4_700)
    assert spool.take_lost() == []
    assert spool.read(0, 9_999) == sound(0, 9_600)
    spool.close()


def test_a_folder_that_cannot_be_made_is_trouble(tmp_path: Path) -> None:
    spool = kept(tmp_path / "missing" / "spool")
    append(spool, 10)
    spool.persist()
    assert "No such file or directory" in (spool.trouble or "")
    (tmp_path / "missing").mkdir()
    spool.persist()
    assert spool.trouble is None


@pytest.fixture
def long_ago(folder: Path) -> Spool:
    """Four minutes, of which the disk alone has three."""
    spool = kept(folder)
    for _ in range(240):
        append(spool, SECOND)
        spool.persist()
    return spool


def test_what_the_disk_does_not_give_back_is_lost_and_told(folder: Path, long_ago: Spool) -> None:
    (folder / "000000480000.pcm").unlink()
    assert long_ago.read(0, FILE_SAMPLES) == sound(0, FILE_SAMPLES)
    with pytest.raises(ValueError, match="the spool has 960000 up to 3840000"):
        long_ago.read(FILE_SAMPLES - 10, 20)
    assert long_ago.take_lost() == [(0, 2 * FILE_SAMPLES)]
    assert long_ago.read(long_ago.start, 9_999_999) == sound(2 * FILE_SAMPLES, long_ago.end)
    assert files(folder)[0] == "000000960000.pcm"


def test_an_unreadable_file_costs_nothing_that_memory_has(folder: Path, long_ago: Spool) -> None:
    edge = long_ago._memory.start
    os.truncate(folder / f"{edge // FILE_SAMPLES * FILE_SAMPLES:012d}.pcm", 99)
    with pytest.raises(ValueError, match="not held"):
        long_ago.read(edge - 1, 1)
    assert long_ago.take_lost() == [(0, edge)]
    long_ago.persist()
    found = Spool.recover(folder)
    assert found.read(edge, 9_999_999) == sound(edge, long_ago.end)


def test_a_disk_that_reads_no_more_costs_nothing_of_the_newest_minute(
    folder: Path, long_ago: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("tui.audio.spool_files.os.pread", refuse)
    newest = long_ago.end - MEMORY_SAMPLES
    assert long_ago.read(newest, MEMORY_SAMPLES) == sound(newest, long_ago.end)
    with pytest.raises(ValueError, match="not held"):
        long_ago.read(0, 1)
    assert long_ago.take_lost() == [(0, FILE_SAMPLES)]


def test_an_unreadable_file_does_not_stop_sound_from_making_room(
    folder: Path, long_ago: Spool
) -> None:
    os.truncate(folder / "000000960000.pcm", 99)
    long_ago.give_way()
    assert long_ago.take_lost() == [(0, 3 * FILE_SAMPLES)]
    assert files(folder) == []
    assert long_ago.read(long_ago.start, 9_999_999) == sound(3 * FILE_SAMPLES, long_ago.end)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "captty-test", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let a small disk be mounted")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_that_fills_up_and_is_cleared_has_everything(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100_001))
    spool = kept(small_disk / "spool")
    while spool.trouble is None:
        append(spool, 4_567)
        spool.persist()
    assert "No space left on device" in spool.trouble
    append(spool, 4_567)
    spool.persist()
    found = Spool.recover(small_disk / "spool")
    assert found.read(0, spool.end) == sound(0, found.end)
    assert 0 < found.end < spool.end
    ballast.unlink()
    spool.persist()
    assert spool.trouble is None
    spool.close()
    assert Spool.recover(small_disk / "spool").read(0, spool.end) == sound(0, spool.end)
    assert spool.take_lost() == []


def test_a_full_disk_and_full_memory_keep_the_newest(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, block=800, file=SECOND, memory=SECOND, limit=4 * SECOND)
    spool = kept(small_disk / "spool")
    lost = 0
    for _ in range(60):
        append(spool, SECOND // 2)
        spool.persist()
        for start, end in spool.take_lost():
            assert start == lost
            lost = end
        assert spool.start == lost
        assert held_in_memory(spool) <= 4 * SECOND * 2
    assert spool.samples > 10 * SECOND
    assert spool.read(spool.start, 99 * SECOND) == sound(spool.start, spool.end)
    spool.discard()
    (small_disk / "ballast").write_bytes(bytes(240_000))
