"""A disk that refuses or loses: the spool keeps on, and tells what it had to give up."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tests.unit.audio.spools import SECOND, SmallDisk, append, files, kept, small, sound
from tui.audio.spool import MEMORY_SAMPLES, Loss, Spool
from tui.audio.spool_files import FILE_SAMPLES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool may make its folder."""
    return tmp_path / "spool"


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
    assert Spool.recover(folder).end == 10


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
    assert Spool.recover(folder).end == 10


def test_a_burst_gives_up_nothing_that_the_disk_has(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, block=100, file=1_000, memory=1_000, limit=5_000)
    spool = kept(folder)
    append(spool, 4_900)
    for _ in range(5):
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


def test_what_the_disk_does_not_give_back_is_silence_and_told(
    folder: Path, long_ago: Spool
) -> None:
    (folder / "000000480000.pcm").unlink()
    at = FILE_SAMPLES - 10
    assert long_ago.read(at, 20) == sound(at, FILE_SAMPLES) + bytes(20)
    assert long_ago.take_lost() == [Loss(FILE_SAMPLES, 2 * FILE_SAMPLES, "its file is gone")]
    left = sound(0, FILE_SAMPLES) + bytes(2 * FILE_SAMPLES) + sound(2 * FILE_SAMPLES, long_ago.end)
    assert long_ago.read(0, long_ago.end) == left
    assert long_ago.take_lost() == []
    assert long_ago.start == 0


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EINTR, errno.EAGAIN])
def test_a_passing_error_costs_only_what_was_wanted(
    folder: Path, long_ago: Spool, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = files(folder)
    with monkeypatch.context() as patch:
        patch.setattr("tui.audio.spool_files.os.pread", refusal(number))
        assert long_ago.read(1_000, 800) == bytes(1_600)
        long_ago.give_way()
        long_ago.give_way()
        long_ago.give_way()
    assert files(folder) == before[:-2]
    assert long_ago.take_lost() == [
        Loss(1_000, 1_800, f"it could not be read ({os.strerror(number)})")
    ]
    left = sound(0, 1_000) + bytes(1_600) + sound(1_800, long_ago.end)
    assert long_ago.read(0, long_ago.end) == left
    long_ago.trim(1_800)
    assert files(folder) == before[:-2]
    long_ago.trim(FILE_SAMPLES)
    assert files(folder) == before[1:-2]


def test_an_unreadable_file_costs_nothing_that_memory_has(folder: Path, long_ago: Spool) -> None:
    edge = long_ago._memory.start
    os.truncate(folder / f"{edge // FILE_SAMPLES * FILE_SAMPLES:012d}.pcm", 99)
    assert long_ago.read(edge - 1, 2) == bytes(2) + sound(edge, edge + 1)
    cause = "it could not be read (the file has become shorter)"
    assert long_ago.take_lost() == [Loss(edge - 1, edge, cause)]
    long_ago.close()
    found = Spool.recover(folder)
    assert found.read(edge, 9_999_999) == sound(edge, long_ago.end)


def test_a_disk_that_reads_no_more_costs_nothing_of_the_newest_minute(
    long_ago: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.audio.spool_files.os.pread", refusal(errno.EIO))
    newest = long_ago.end - MEMORY_SAMPLES
    assert long_ago.read(newest, MEMORY_SAMPLES) == sound(newest, long_ago.end)
    assert long_ago.read(0, 1) == bytes(2)
    cause = "it could not be read (Input/output error)"
    assert long_ago.take_lost() == [Loss(0, FILE_SAMPLES, cause)]


def test_an_unreadable_file_does_not_stop_sound_from_making_room(
    folder: Path, long_ago: Spool
) -> None:
    os.truncate(folder / "000000960000.pcm", 99)
    while files(folder):
        long_ago.give_way()
    assert [loss.cause for loss in long_ago.take_lost()] == [
        "it could not be read (the file has become shorter)"
    ]
    held = long_ago.read(0, long_ago.end)
    assert held.startswith(sound(0, 2 * FILE_SAMPLES))
    assert held.endswith(sound(3 * FILE_SAMPLES, long_ago.end))


def test_files_that_cannot_be_deleted_are_not_given_up(
    folder: Path, long_ago: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.audio.spool.MEMORY_LIMIT", 2 * MEMORY_SAMPLES + 2 * SECOND)
    with monkeypatch.context() as patch:
        patch.setattr("tui.audio.spool_files.Path.unlink", refusal(errno.EROFS))
        for _ in range(9):
            long_ago.give_way()
    assert long_ago.take_lost() == []
    assert long_ago.read(0, long_ago.end) == sound(0, long_ago.end)


def refusal(number: int) -> Callable[..., NoReturn]:
    """A call that fails."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refuse
