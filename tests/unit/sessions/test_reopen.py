"""Sessions taken up again: whatever was valid stays, whatever was not is kept beside it."""

import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sessions.sessions import HEADER, event, lines, record_path, segment, spool, talk
from tui.captions import Event, EventKind, Segment
from tui.sessions.disk import AppendedFile
from tui.sessions.journal import Journal, JournalError
from tui.sessions.lines import FOLDER, RECORD
from tui.sessions.record import SessionState
from tui.sessions.store import SessionStore

ADDED = segment(0, "added", 5, 6, epoch=2)


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test that reopens hundreds of records wait for a real disk."""
    monkeypatch.setattr("tui.sessions.disk._to_disk", lambda fd: None)
    monkeypatch.setattr("tui.sessions.disk._sync_folder", lambda folder: None)


def _golden(root: Path) -> tuple[Path, bytes]:
    """The record of a session that ended in order."""
    journal = talk(root)
    journal.close("source ended", 80_000)
    path = record_path(root, journal.id)
    return path, path.read_bytes()


def _torn(folder: Path) -> list[bytes]:
    """What was moved away from a record, oldest first."""
    return [path.read_bytes() for path in sorted(folder.glob("events.torn-*"))]


def _assert_in_order(path: Path) -> None:
    """All lines are valid, count up and never go back in time."""
    read = lines(path)
    assert [line["n"] for line in read] == list(range(len(read)))
    times = [line["at"] for line in read]
    assert times == sorted(times)
    record = SessionStore(path.parents[2]).load(path.parent.name)
    assert record.damage is None


@pytest.mark.usefixtures("unsynced")
def test_a_record_cut_at_any_byte_goes_on_behind_its_last_whole_line(tmp_path: Path) -> None:
    path, golden = _golden(tmp_path)
    first = golden.index(b"\n") + 1
    for cut in range(first, len(golden) + 1):
        path.write_bytes(golden[:cut])
        whole = golden[:cut].rfind(b"\n") + 1
        journal = Journal.reopen(path.parent)
        journal.write_segment(ADDED)
        journal.close("stopped", 96_000, complete=False)
        data = path.read_bytes()
        assert data.startswith(golden[:whole])
        assert [json.loads(line)["k"] for line in data[whole:].splitlines()] == ["segment", "end"]
        _assert_in_order(path)
        kept = _torn(path.parent)
        assert kept == ([golden[whole:cut]] if cut > whole else [])
        for file in path.parent.glob("events.torn-*"):
            assert file.stat().st_mode & 0o777 == 0o600
            file.unlink()


@pytest.mark.usefixtures("unsynced")
def test_a_record_that_lost_its_first_line_is_left_as_it_is(tmp_path: Path) -> None:
    path, golden = _golden(tmp_path)
    first = golden.index(b"\n") + 1
    swapped = b"".join(golden.splitlines(keepends=True)[1:])
    for data in [*(golden[:cut] for cut in range(0, first, 20)), swapped, b"notes\n"]:
        path.write_bytes(data)
        with pytest.raises(JournalError, match="does not begin as records do"):
            Journal.reopen(path.parent)
        assert path.read_bytes() == data
        assert os.listdir(path.parent) == [RECORD]


writes = st.one_of(
    st.builds(segment, st.integers(0, 5), st.sampled_from(["", "one", "zwei", "天気"])),
    st.builds(event, st.sampled_from(EventKind), st.floats(0, 9), st.sampled_from(["", "why"])),
)
damage = st.one_of(
    st.builds(lambda data: lambda record: record + data, st.binary(max_size=40)),
    st.builds(lambda cut: lambda record: record[: len(record) - cut], st.integers(0, 200)),
    st.builds(lambda at: lambda record: _flipped(record, len(record) - at), st.integers(1, 400)),
)


def _flipped(record: bytes, at: int) -> bytes:
    at = max(at, record.index(b"\n") + 1)
    return record if at >= len(record) else record[:at] + bytes([record[at] ^ 8]) + record[at + 1 :]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.lists(writes, max_size=6), damage, st.booleans()), max_size=4))
def test_a_session_that_breaks_off_again_and_again_loses_no_valid_line(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[list[Segment | Event], Any, bool]]
) -> None:
    root = tmp_path_factory.mktemp("runs")
    journal = Journal.create(root, HEADER)
    path = record_path(root, journal.id)
    header = path.read_bytes()
    for written, spoil, closed in [*runs, ([], bytes, True)]:
        for item in written:
            if isinstance(item, Segment):
                journal.write_segment(item)
            else:
                journal.write_event(item)
        if closed:
            journal.close("failed", 16_000, complete=False)
        before = path.read_bytes()
        journal.close("killed", 0)
        spoiled = header + spoil(before)[len(header) :]
        path.write_bytes(spoiled)
        known = len(_torn(path.parent))
        journal = Journal.reopen(path.parent)
        kept = path.read_bytes()
        assert b"".join([kept, *_torn(path.parent)[known:]]) == spoiled
        pairs = zip(before.splitlines(True), spoiled.splitlines(True), strict=False)
        assert kept.count(b"\n") >= len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
        _assert_in_order(path)
    journal.write_segment(ADDED)
    journal.close("source ended", 96_000)
    _assert_in_order(path)
    record = SessionStore(root).load(journal.id)
    assert "added" in [recorded.segment.text for recorded in record.segments]
    assert record.summary.state is SessionState.COMPLETE


def test_times_go_on_where_they_ended(tmp_path: Path) -> None:
    first = iter([100.0, 101.5, 107.25])
    journal = Journal.create(tmp_path, HEADER, clock=lambda: next(first))
    journal.write_event(event(EventKind.CONNECTED, 0))
    journal.close("failed", 16_000, complete=False)
    after_a_boot = iter([3.0, 3.0, 4.5])
    journal = Journal.reopen(journal.folder, clock=lambda: next(after_a_boot))
    journal.write_event(event(EventKind.RECOVERED, 1))
    journal.close("source ended", 32_000)
    read = lines(record_path(tmp_path, journal.id))
    assert [line["at"] for line in read] == [0.0, 1.5, 7.25, 7.25, 8.75]
    assert [line["n"] for line in read] == [0, 1, 2, 3, 4]


def test_a_session_that_goes_on_behind_its_end_is_open_until_the_next_one(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    journal = talk(tmp_path)
    journal.close("failed", 80_000, complete=False)
    spool(tmp_path, journal.id, 2)
    assert store.unfinished()[0].unfinished == 2.0
    before = store.load(journal.id)

    journal = Journal.reopen(journal.folder)
    assert store.load(journal.id).summary.state is SessionState.LIVE
    assert store.unfinished() == []
    journal.write_event(event(EventKind.RECOVERED, 4.5))
    taken_up = store.load(journal.id)
    assert (taken_up.summary.state, taken_up.samples) == (SessionState.LIVE, 80_000)
    assert taken_up.segments == before.segments
    assert [item.kind for item in taken_up.events][len(before.events) :] == [EventKind.RECOVERED]

    interrupted = record_path(tmp_path, journal.id).read_bytes()
    journal.write_segment(ADDED)
    journal.close("source ended", 96_000)
    after = store.load(journal.id)
    assert (after.summary.state, after.samples) == (SessionState.COMPLETE, 96_000)
    assert store.unfinished() == []
    record_path(tmp_path, journal.id).write_bytes(interrupted)
    assert store.load(journal.id).summary.state is SessionState.INTERRUPTED


def test_the_last_end_counts_and_no_earlier_one(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    journal = talk(tmp_path)
    journal.close("source ended", 80_000)
    journal = Journal.reopen(journal.folder)
    assert store.load(journal.id).summary.state is SessionState.COMPLETE
    journal.write_event(event(EventKind.GAP, 6, "the disk is full", until=7))
    opened = store.load(journal.id)
    assert (opened.summary.state, opened.samples) == (SessionState.LIVE, 7 * 16_000)
    journal.close("failed", 128_000, complete=False)
    closed = store.load(journal.id)
    assert (closed.summary.state, closed.samples) == (SessionState.INTERRUPTED, 128_000)


def test_a_disk_that_fills_up_later_takes_nothing_of_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, golden = _golden(tmp_path)
    journal = Journal.reopen(path.parent)
    real_write, room = os.write, iter([10, 0])
    with monkeypatch.context() as patch:
        patch.setattr(
            "tui.sessions.disk.os.write", lambda fd, data: real_write(fd, data[: next(room)])
        )
        journal.write_segment(ADDED)
    assert journal.trouble
    assert path.read_bytes() == golden
    journal.close("source ended", 96_000)
    assert path.read_bytes().startswith(golden)
    assert path.read_bytes().count(b"\n") == golden.count(b"\n") + 2
    _assert_in_order(path)


def test_a_session_that_is_being_written_is_refused(tmp_path: Path) -> None:
    journal = talk(tmp_path)
    before = record_path(tmp_path, journal.id).read_bytes()
    with pytest.raises(JournalError, match=f"{journal.id} is being written by another captty"):
        Journal.reopen(journal.folder)
    assert record_path(tmp_path, journal.id).read_bytes() == before
    journal.close("stopped", 16_000)
    Journal.reopen(journal.folder).close("stopped", 16_000)


def test_somebody_who_only_looks_is_waited_for(tmp_path: Path) -> None:
    path, _ = _golden(tmp_path)
    with path.open("rb") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        timer = threading.Timer(0.05, fcntl.flock, (reader, fcntl.LOCK_UN))
        timer.start()
        Journal.reopen(path.parent).close("stopped", 16_000)
        timer.join()


def _line(version: int, number: int, kind: str) -> bytes:
    body = json.dumps({"v": version, "n": number, "at": 9.0, "k": kind, "mood": "calm"}).encode()
    return body[:-1] + b',"crc":"%08x"}\n' % zlib.crc32(body)


def test_a_record_of_a_later_version_is_refused_and_not_rewritten(tmp_path: Path) -> None:
    path, golden = _golden(tmp_path)
    count = golden.count(b"\n")
    for data in (golden + _line(2, count, "event") + b"torn", _line(2, 0, "session") + golden):
        path.write_bytes(data)
        with pytest.raises(JournalError, match=f"a newer captty wrote .*{path.parent.name}"):
            Journal.reopen(path.parent)
        assert path.read_bytes() == data
        assert os.listdir(path.parent) == [RECORD]


def test_lines_of_kinds_that_are_not_known_stay(tmp_path: Path) -> None:
    path, golden = _golden(tmp_path)
    data = golden + _line(1, golden.count(b"\n"), "marker")
    path.write_bytes(data)
    Journal.reopen(path.parent).close("stopped", 96_000)
    assert path.read_bytes().startswith(data)
    _assert_in_order(path)


def _fails(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@contextmanager
def _half_a_reader(file: AppendedFile) -> Iterator[BinaryIO]:
    raise OSError(errno.EIO, os.strerror(errno.EIO))
    yield


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ("tui.sessions.disk.AppendedFile.reader", _half_a_reader),
        ("tui.sessions.disk.shutil.copyfileobj", _fails),
        ("tui.sessions.disk._to_disk", _fails),
        ("tui.sessions.disk.os.ftruncate", _fails),
    ],
)
def test_a_disk_that_fails_while_a_session_is_taken_up_again_leaves_it_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, fault: object
) -> None:
    path, golden = _golden(tmp_path)
    path.write_bytes(golden[:-9])
    fds, threads = len(os.listdir("/dev/fd")), threading.active_count()
    with monkeypatch.context() as patch:
        patch.setattr(place, fault)
        with pytest.raises(JournalError, match=r"cannot be taken up again \(Input/output error\)"):
            Journal.reopen(path.parent)
    assert path.read_bytes() == golden[:-9]
    assert (len(os.listdir("/dev/fd")), threading.active_count()) == (fds, threads)
    Journal.reopen(path.parent).close("stopped", 96_000)
    assert golden[:-9].endswith(_torn(path.parent)[-1])
    _assert_in_order(path)


def test_a_session_that_is_not_there_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER / "20261122-201311-aaaa"
    with pytest.raises(JournalError, match="No such file or directory"):
        Journal.reopen(folder)
    (folder / RECORD).mkdir(parents=True)
    with pytest.raises(JournalError, match="Is a directory"):
        Journal.reopen(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_record_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    path, golden = _golden(tmp_path)
    path.chmod(0o400)
    with pytest.raises(JournalError, match="Permission denied"):
        Journal.reopen(path.parent)
    assert path.read_bytes() == golden


TAKER = """
import sys
from pathlib import Path
from tui.sessions.journal import Journal, JournalError

print("ready", flush=True)
sys.stdin.readline()
try:
    journal = Journal.reopen(Path(sys.argv[1]))
except JournalError as error:
    print(error, flush=True)
else:
    print("taken up", flush=True)
    sys.stdin.readline()
    journal.close("source ended", 96_000)
"""


def test_of_two_processes_one_takes_a_session_up_again(tmp_path: Path) -> None:
    path, golden = _golden(tmp_path)
    path.write_bytes(golden[:-9])
    command = [sys.executable, "-c", TAKER, str(path.parent)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    takers: list[subprocess.Popen[str]] = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for taker in takers:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:
        assert taker.stdin is not None
        taker.stdin.write("go\n")
    said = [taker.stdout.readline().strip() for taker in takers if taker.stdout]
    assert SessionStore(tmp_path).load("last").summary.state is SessionState.LIVE
    for taker in takers:
        taker.communicate("end\n", timeout=30)
    assert sorted(said) == sorted(
        [
            "taken up",
            f"the session {path.parent.name} is being written by another captty: "
            "let that one end it first",
        ]
    )
    assert len(_torn(path.parent)) == 1
    _assert_in_order(path)


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from tui.captions import Segment, SegmentKey
from tui.sessions.journal import Journal

source, runs = Path(sys.argv[1]), Path(sys.argv[2])
watched = ("disk.py", "journal.py")

def take_up(folder, steps):
    def trace(frame, kind, argument):
        nonlocal steps
        if not frame.f_code.co_filename.endswith(watched):
            return None
        steps -= kind == "line"
        if steps < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    journal = Journal.reopen(folder)
    journal.write_segment(Segment(SegmentKey(2, 0), "added", 80_000, 96_000, settled=True))
    os._exit(0)

steps = 0
while True:
    folder = runs / str(steps) / "sessions" / source.name
    shutil.copytree(source, folder)
    child = os.fork()
    if not child:
        take_up(folder, steps)
    if os.waitpid(child, 0)[1] == 0:
        break
    steps += 1
"""


@pytest.mark.usefixtures("unsynced")
def test_kill_9_at_any_step_of_taking_up_a_session_loses_nothing(tmp_path: Path) -> None:
    path, golden = _golden(tmp_path / "golden")
    path.write_bytes(golden[:-9])
    whole = golden[:-9].rfind(b"\n") + 1
    runs = tmp_path / "runs"
    subprocess.run([sys.executable, "-c", KILLED, str(path.parent), str(runs)], check=True)
    copied = 0
    for run in runs.iterdir():
        record = record_path(run, path.parent.name)
        data, torn = record.read_bytes(), _torn(record.parent)
        assert data.startswith(golden[:whole])
        assert data == golden[:-9] or torn == [golden[whole:-9]]
        copied += bool(torn)
        Journal.reopen(record.parent).close("stopped", 96_000)
        assert _torn(record.parent)[-1] == golden[whole:-9]
        _assert_in_order(record)
    assert 0 < copied < len(list(runs.iterdir()))
