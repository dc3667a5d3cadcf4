"""The spool outlives its process, stays out of memory, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from tests.unit.audio.spools import (
    SECOND,
    append,
    files,
    held_in_memory,
    kept,
    real_write,
    small,
    sound,
)
from tui.audio.spool import MEMORY_SAMPLES, Loss, Spool, SpoolError
from tui.audio.spool_files import FILE_SAMPLES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool may make its folder."""
    return tmp_path / "spool"


def test_half_an_hour_offline_stays_out_of_memory_and_is_replayed_exactly(folder: Path) -> None:
    spool = kept(folder)
    tracemalloc.start()
    try:
        for _ in range(2 * 1_800):
            append(spool, SECOND // 2)
            spool.persist()
        while spool.start < spool.end:
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
from tests.unit.audio.spools import append, kept
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
        for _ in range(4):
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
    assert Spool.recover(folder).end == 0
    folder.mkdir()
    assert Spool.recover(folder).end == 0
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


def test_all_that_was_left_is_found_and_what_is_missing_is_silence(folder: Path) -> None:
    folder.mkdir()
    for start, end in [(10, 50), (60, 300), (100, 150), (290, 400), (400, 500), (600, 700)]:
        (folder / f"{start:012d}.pcm").write_bytes(sound(start, end))
    spool = Spool.recover(folder)
    assert (spool.start, spool.end) == (10, 700)
    held = sound(10, 50), bytes(20), sound(60, 500), bytes(200), sound(600, 700)
    assert spool.read(10, 999) == b"".join(held)
    assert spool.take_lost() == [
        Loss(50, 60, "its file is gone"),
        Loss(500, 600, "its file is gone"),
    ]
    spool.trim(200)
    assert files(folder)[0] == "000000000060.pcm"
    spool.trim(290)
    assert spool.read(290, 210) == sound(290, 500)
    assert "000000000060.pcm" not in files(folder)
    spool.discard()
    assert not folder.exists()
    assert spool.take_lost() == []


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


def test_sound_stays_in_the_folder_where_it_was_found(folder: Path, tmp_path: Path) -> None:
    before = kept(folder)
    append(before, SECOND)
    before.close()
    spool = Spool.recover(folder)
    spool.keep_in(tmp_path / "other")
    append(spool, SECOND)
    spool.close()
    assert Spool.recover(folder).read(0, spool.end) == sound(0, 2 * SECOND)
    assert not (tmp_path / "other").exists()


def test_sound_makes_room_for_text_and_comes_back(folder: Path) -> None:
    spool = kept(folder)
    for _ in range(605):
        append(spool, SECOND)
        spool.persist()
    for left in range(20, -1, -1):
        newest = files(folder)[-1]
        spool.give_way()
        assert len(files(folder)) == left
        assert newest not in files(folder)
        assert "kept in memory only" in (spool.trouble or "")
        assert spool.read(0, spool.end) == sound(0, 605 * SECOND)
    append(spool, SECOND)
    assert files(folder) == []
    spool.persist()
    assert spool.trouble is None
    assert Spool.recover(folder).end == FILE_SAMPLES
    spool.close()
    assert Spool.recover(folder).read(0, spool.end) == sound(0, 606 * SECOND)
    assert held_in_memory(spool) < 2 * MEMORY_SAMPLES * 1.1
    assert spool.take_lost() == []


def test_text_that_needs_room_for_a_moment_costs_no_sound(folder: Path) -> None:
    spool = kept(folder)
    for _ in range(40):
        append(spool, FILE_SAMPLES)
        spool.persist()
    for _ in range(4):
        spool.give_way()
    assert len(files(folder)) == 36
    for _ in range(5):
        spool.persist()
    assert len(files(folder)) == 40
    assert spool.take_lost() == []
    assert Spool.recover(folder).read(0, spool.end) == sound(0, 40 * FILE_SAMPLES)
    assert held_in_memory(spool) < 2 * MEMORY_SAMPLES * 1.1


def test_a_long_backlog_is_written_in_small_parts(folder: Path) -> None:
    spool = kept(folder)
    append(spool, 10 * FILE_SAMPLES + 9)
    for parts in range(1, 11):
        spool.persist()
        assert Spool.recover(folder).end == parts * FILE_SAMPLES
    spool.persist()
    assert Spool.recover(folder).end == spool.end


def test_what_does_not_fit_into_memory_when_text_needs_the_room_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, block=100, file=1_000, memory=1_000, limit=5_000)
    spool = kept(folder)
    for _ in range(90):
        append(spool, 95)
        spool.persist()
    told = []
    for left in range(len(files(folder)) - 1, -1, -1):
        spool.give_way()
        told += spool.take_lost()
        assert len(files(folder)) == left
        assert spool.read(spool.start, 9_999) == sound(spool.start, spool.end)
    assert [loss.start for loss in told] == [0, *(loss.end for loss in told[:-1])]
    assert told[-1].end == spool.start
    assert {loss.cause for loss in told} == {"there was no room to keep it"}
    assert 3_800 <= spool.end - spool.start <= 5_000
