"""Disks that are full, broken or slow: nothing raises, nothing is lost, and the user is told."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small_disk import mounted
from tests.unit.sessions.sessions import HEADER, record_path, segment
from tui.sessions.journal import Journal, JournalError
from tui.sessions.store import SessionStore

real_write = os.write


class FaultyWrite:
    """`os.write` that does what a script says, call by call, and works after the script."""

    def __init__(self, script: list[int | OSError]) -> None:
        self.script = script

    def __call__(self, fd: int, data: bytes | memoryview) -> int:
        match self.script.pop(0) if self.script else len(data):
            case int(most):
                return real_write(fd, bytes(data)[:most])
            case OSError() as error:
                raise error
        raise AssertionError


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _texts(root: Path, journal: Journal) -> list[str]:
    record = SessionStore(root).load(journal.id)
    assert record.damage is None
    return [recorded.segment.text for recorded in record.segments]


faults = st.sampled_from([errno.ENOSPC, errno.EIO, errno.EINTR, errno.EDQUOT, errno.EROFS])
steps = st.one_of(st.integers(0, 60), faults.map(_error))


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=40), st.integers(1, 12))
def test_any_schedule_of_faults_loses_nothing_and_keeps_the_file_whole(
    tmp_path_factory: pytest.TempPathFactory, script: list[int | OSError], count: int
) -> None:
    root = tmp_path_factory.mktemp("faults")
    journal = Journal.create(root, HEADER)
    write = FaultyWrite(script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tui.sessions.disk.os.write", write)
        for number in range(count):
            journal.write_segment(segment(number, f"text {number}"))
            saved = _texts(root, journal)
            assert saved == [f"text {n}" for n in range(len(saved))]
            assert (journal.trouble is None) == (len(saved) == number + 1)
        write.script.clear()
        journal.retry()
        assert journal.trouble is None
        journal.close("stopped", 0)
    assert _texts(root, journal) == [f"text {n}" for n in range(count)]


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.ENOSPC, "No space left on device"), (errno.EIO, "Input/output error")],
)
def test_trouble_is_told_while_it_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    journal = Journal.create(tmp_path, HEADER)
    monkeypatch.setattr("tui.sessions.disk.os.write", FaultyWrite([_error(number), _error(number)]))
    journal.write_segment(segment(0, "kept in memory"))
    assert told in (journal.trouble or "")
    journal.retry()
    assert told in (journal.trouble or "")
    journal.write_segment(segment(1, "writes both"))
    assert journal.trouble is None
    journal.close("stopped", 0)
    assert _texts(tmp_path, journal) == ["kept in memory", "writes both"]


def test_a_disk_that_takes_nothing_is_not_asked_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(tmp_path, HEADER)
    with monkeypatch.context() as patch:
        patch.setattr("tui.sessions.disk.os.write", lambda fd, data: 0)
        journal.write_segment(segment(0, "kept"))
    assert journal.trouble
    journal.close("stopped", 0)
    assert _texts(tmp_path, journal) == ["kept"]


def test_half_a_line_that_could_not_be_cut_off_is_cut_off_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(tmp_path, HEADER)
    faulty = FaultyWrite([10, _error(errno.EIO), _error(errno.EIO)])
    with monkeypatch.context() as patch:
        patch.setattr("tui.sessions.disk.os.write", faulty)
        patch.setattr("tui.sessions.disk.os.ftruncate", _refuses)
        journal.write_segment(segment(0, "first"))
        journal.write_segment(segment(1, "second"))
    assert journal.trouble
    journal.close("stopped", 0)
    assert _texts(tmp_path, journal) == ["first", "second"]


def _refuses(*_: object) -> None:
    raise _error(errno.EIO)


def test_a_session_that_cannot_begin_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.sessions.disk.os.write", FaultyWrite([5, _error(errno.ENOSPC)]))
    with pytest.raises(JournalError, match="No space left on device"):
        Journal.create(tmp_path, HEADER)
    assert list((tmp_path / "sessions").iterdir()) == []


def test_a_disk_that_refuses_to_sync_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.sessions.disk._to_disk", _refuses)
    journal = Journal.create(tmp_path, HEADER)
    journal.write_segment(segment(0, "hello"))
    journal.close("stopped", 0)
    assert "may not survive a power cut" in (journal.trouble or "")
    assert _texts(tmp_path, journal) == ["hello"]


def test_a_disk_that_hangs_holds_up_neither_captions_nor_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = threading.Event()
    monkeypatch.setattr("tui.sessions.disk._to_disk", lambda fd: back.wait(60))
    journal = Journal.create(tmp_path, HEADER)
    started = time.monotonic()
    journal.write_segment(segment(0, "hello"))
    assert time.monotonic() - started < 0.5
    journal.close("stopped", 0)
    assert time.monotonic() - started < 2
    assert _texts(tmp_path, journal) == ["hello"]
    back.set()


def test_the_disk_is_asked_once_a_second_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[float, int]] = []

    def note(fd: int) -> None:
        synced.append((time.monotonic(), os.fstat(fd).st_size))

    monkeypatch.setattr("tui.sessions.disk._to_disk", note)
    journal = Journal.create(tmp_path, HEADER)
    deadline = time.monotonic() + 30
    number = 0
    while len(synced) < 3 and time.monotonic() < deadline:
        journal.write_segment(segment(number, "settled"))
        number += 1
        time.sleep(0.01)
    journal.close("stopped", 0)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(synced)]
    assert len(gaps) >= 3
    assert all(gap > 0.9 for gap in gaps[:2])
    assert synced[-1][1] == record_path(tmp_path, journal.id).stat().st_size


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    with mounted(tmp_path / "disk") as disk:
        yield disk


def test_a_disk_that_fills_up_and_is_cleared_holds_everything(small_disk: Path) -> None:
    journal = Journal.create(small_disk, HEADER)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(200_000))
    count = 0
    while journal.trouble is None:
        journal.write_segment(segment(count, f"text {count} " * 200))
        count += 1
    journal.write_segment(segment(count, "more"))
    assert "No space left" in journal.trouble
    before = _texts(small_disk, journal)
    assert 0 < len(before) < count
    ballast.unlink()
    journal.retry()
    assert journal.trouble is None
    journal.close("stopped", 0)
    assert len(_texts(small_disk, journal)) == count + 1
    assert record_path(small_disk, journal.id).stat().st_size < 256 * 1024


def test_a_session_that_begins_on_a_full_disk_is_refused(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "ballast").write_bytes(bytes(1_000_000))
    with pytest.raises(JournalError, match="No space left"):
        Journal.create(small_disk, HEADER)
