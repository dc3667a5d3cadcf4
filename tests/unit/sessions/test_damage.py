"""Records that are torn, flipped or from the future: what is valid is read, nothing is written."""

import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sessions.sessions import record_path, talk
from tui.sessions.record import SessionRecord, SessionState
from tui.sessions.store import NoSuchSession, SessionStore


class Golden:
    """A complete session whose record can be spoiled."""

    def __init__(self, root: Path) -> None:
        journal = talk(root)
        journal.close("source ended", 80_000)
        self.id = journal.id
        self.path = record_path(root, journal.id)
        self.bytes = self.path.read_bytes()
        self.lines = self.bytes.splitlines(keepends=True)
        self.store = SessionStore(root)
        self.prefixes = [self._prefix(count) for count in range(len(self.lines) + 1)]

    def _prefix(self, count: int) -> dict[str, Any] | None:
        return self.load(b"".join(self.lines[:count]), torn=False)

    def load(self, data: bytes, torn: bool) -> dict[str, Any] | None:
        """What is read of these bytes; `None` where no session is left."""
        self.path.write_bytes(data)
        listed = self.store.list()
        try:
            record = self.store.load(self.id)
        except NoSuchSession:
            assert listed == []
            return None
        finally:
            assert self.path.read_bytes() == data
            assert [path.name for path in self.path.parent.iterdir()] == ["events.jsonl"]
        assert listed == [record.summary]
        assert (record.damage is not None) == torn
        return record.to_json()


@pytest.fixture
def golden(tmp_path: Path) -> Golden:
    return Golden(tmp_path)


def test_a_record_cut_at_any_byte_is_read_up_to_there(golden: Golden) -> None:
    whole = 0
    for cut in range(len(golden.bytes)):
        data = golden.bytes[:cut]
        whole = data.count(b"\n")
        torn = whole > 0 and not data.endswith(b"\n")
        assert golden.load(data, torn) == golden.prefixes[whole]
    states = {prefix["state"] for prefix in golden.prefixes[1:] if prefix}
    assert states == {"interrupted", "complete"}


def test_a_flipped_bit_is_never_read_as_text(golden: Golden) -> None:
    first = len(golden.lines) - 2
    start = sum(map(len, golden.lines[:first]))
    for at in range(start, len(golden.bytes)):
        data = bytearray(golden.bytes)
        data[at] ^= 1 << at % 8
        hit = golden.bytes[:at].count(b"\n")
        assert golden.load(bytes(data), torn=True) == golden.prefixes[hit]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
        lambda lines: [*lines[:3], *lines[4:]],
        lambda lines: [*lines[:3], lines[2], *lines[3:]],
        lambda lines: [*lines[:3], b"\n", *lines[3:]],
        lambda lines: [*lines[:3], b"\0" * 4096],
        lambda lines: [*lines[:3], b"[" * 100_000 + b"\n"],
        lambda lines: [*lines[:3], b"\xff\xfe\n", *lines[3:]],
    ],
    ids=["swapped", "missing", "repeated", "blank", "zeros", "nested", "not UTF-8"],
)
def test_reading_stops_where_lines_are_not_what_was_written(golden: Golden, spoil: Any) -> None:
    assert golden.load(b"".join(spoil(golden.lines)), torn=True) == golden.prefixes[3]


def test_a_cut_line_is_told_apart_from_damage(golden: Golden) -> None:
    assert "middle of a line" in (_loaded(golden, golden.bytes[:-5]).damage or "")
    flipped = golden.bytes.replace(b"fox ran", b"fax ran")
    assert "is damaged" in (_loaded(golden, flipped).damage or "")


def test_a_line_that_is_being_written_is_no_damage(tmp_path: Path) -> None:
    journal = talk(tmp_path)
    with record_path(tmp_path, journal.id).open("ab") as file:
        file.write(b'{"v":1,"n":9')
    record = SessionStore(tmp_path).load(journal.id)
    journal.close("stopped", 0)
    assert record.summary.state is SessionState.LIVE
    assert record.damage is None
    assert len(record.segments) == 2


def _line(**fields: Any) -> bytes:
    body = json.dumps(fields).encode()
    return body[:-1] + b',"crc":"%08x"}\n' % zlib.crc32(body)


@pytest.mark.parametrize(
    "fields",
    [
        {"k": "segment", "epoch": 0, "id": 3, "text": 7, "start": 0, "end": 1},
        {"k": "segment", "epoch": 0, "id": None, "text": "x", "start": 0, "end": 1},
        {"k": "end"},
    ],
)
def test_a_line_of_wrong_types_is_damage(golden: Golden, fields: dict[str, Any]) -> None:
    data = b"".join(golden.lines[:3]) + _line(v=1, n=3, at=1.0, **fields)
    assert golden.load(data, torn=True) == golden.prefixes[3]


def test_kinds_that_are_not_known_are_left_out(golden: Golden) -> None:
    data = b"".join(golden.lines[:3])
    data += _line(v=1, n=3, at=1.0, k="marker", text="new")
    data += _line(v=1, n=4, at=1.0, k="event", kind="applause", sample=5, text="new")
    assert golden.load(data, torn=False) == golden.prefixes[3]


def _loaded(golden: Golden, data: bytes) -> SessionRecord:
    golden.path.write_bytes(data)
    return golden.store.load(golden.id)


def test_a_record_of_a_later_version_is_read_as_far_as_it_is_known(golden: Golden) -> None:
    data = b"".join(golden.lines[:3])
    data += _line(v=2, n=3, at=1.0, k="segment", epoch=0, id=9, text=["other", "form"])
    segment = {"epoch": 0, "id": 9, "text": "as ever", "start": 0, "end": 9, "mood": "calm"}
    data += _line(v=2, n=4, at=1.0, k="segment", **segment)
    record = _loaded(golden, data)
    assert [recorded.segment.text for recorded in record.segments] == ["as ever"]
    assert "newer captty" in (record.damage or "")
    assert golden.path.read_bytes() == data


def test_folders_that_are_no_sessions_are_not_listed(golden: Golden) -> None:
    sessions = golden.path.parent.parent
    (sessions / "20260101-000000-aaaa").mkdir()
    (sessions / "20260101-000000-bbbb").write_text("a file")
    (sessions / "20260101-000000-cccc").mkdir()
    (sessions / "20260101-000000-cccc" / "events.jsonl").touch()
    (sessions / "notes").mkdir()
    assert [summary.id for summary in golden.store.list()] == [golden.id]
    for name in ("20260101-000000-aaaa", "20260101-000000-bbbb", "20260101-000000-cccc"):
        with pytest.raises(NoSuchSession, match=f"{name} has no record"):
            golden.store.load(name)


def test_a_session_that_cannot_be_read_is_not_taken_for_an_empty_one(golden: Golden) -> None:
    unreadable = golden.path.parent.parent / "20260101-000000-aaaa" / "events.jsonl"
    unreadable.mkdir(parents=True)
    readable, broken = golden.store.list()
    assert readable.id == golden.id
    assert (broken.id, broken.state) == ("20260101-000000-aaaa", SessionState.UNREADABLE)
    with pytest.raises(Exception, match="20260101-000000-aaaa cannot be read: Is a directory"):
        golden.store.load("20260101")


def test_a_session_is_read_without_permission_to_write(golden: Golden) -> None:
    golden.path.chmod(0o400)
    golden.path.parent.chmod(0o500)
    assert golden.store.load(golden.id).to_json() == golden.prefixes[-1]
    golden.path.parent.chmod(0o700)
    shutil.rmtree(golden.path.parent)
    assert golden.store.list() == []
