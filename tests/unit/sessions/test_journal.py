"""What a session's record holds, who may read it, and that nothing written is lost."""

import json
import os
import re
import tempfile
import threading
import zlib
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sessions.sessions import HEADER, event, lines, record_path, segment, talk
from tui.captions import Event, EventKind, Segment, SegmentKey, Word, segment_key
from tui.sessions.journal import Journal, JournalError, SessionHeader
from tui.sessions.record import SessionState
from tui.sessions.store import SessionStore


def test_a_record_is_json_lines_that_carry_their_own_checksum(tmp_path: Path) -> None:
    journal = talk(tmp_path)
    journal.close("source ended", 80_000)
    path = record_path(tmp_path, journal.id)
    for number, raw in enumerate(path.read_bytes().splitlines(keepends=True)):
        head, crc = re.fullmatch(rb'(.*),"crc":"([0-9a-f]{8})"}\n', raw).groups()  # type: ignore[union-attr]
        assert int(crc, 16) == zlib.crc32(head + b"}")
        line = json.loads(raw)
        assert (line["v"], line["n"]) == (1, number)
        assert list(line)[:4] == ["v", "n", "at", "k"]
        assert line["at"] == round(line["at"], 3) >= 0


def test_the_first_line_says_what_the_session_is(tmp_path: Path) -> None:
    started_at = datetime(2026, 11, 22, 22, 13, 11, tzinfo=timezone(timedelta(hours=2)))
    header = SessionHeader("mic", "USB Audio", None, None, None, "1.2.3", started_at)
    journal = Journal.create(tmp_path, header)
    journal.close("stopped", 0)
    first = lines(record_path(tmp_path, journal.id))[0]
    assert re.fullmatch(r"20261122-201311-[0-9a-hjkmnp-tv-z]{4}", journal.id)
    assert first["k"] == "session"
    assert first["id"] == journal.id
    assert first["started_at"] == "2026-11-22T20:13:11Z"
    assert first["source"] == {"kind": "mic", "name": "USB Audio"}
    assert (first["language"], first["server"], first["engine"]) == (None, None, None)
    assert (first["sample_rate"], first["captty"]) == (16_000, "1.2.3")
    assert first["owner"]["pid"] == os.getpid()


def test_segments_events_and_the_end_are_lines(tmp_path: Path) -> None:
    now = iter([100.0, 100.25, 100.5, 100.75, 101.0])
    journal = Journal.create(tmp_path, HEADER, clock=lambda: next(now))
    word = Word("hi", 16_000, 20_000, 0.5)
    journal.write_segment(segment(7, "hi", 1, 2, words=(word,), language="en"))
    journal.write_event(event(EventKind.PAUSED, 2, "you paused"))
    journal.write_event(event(EventKind.GAP, 2, "the disk is full", until=2.5))
    journal.close("source ended", 48_000)
    _, hi, paused, gap, end = lines(record_path(tmp_path, journal.id))
    for line in (hi, paused, gap, end):
        del line["v"], line["n"], line["crc"]
    assert hi == {
        "at": 0.25,
        "k": "segment",
        "epoch": 0,
        "id": 7,
        "text": "hi",
        "start": 16_000,
        "end": 32_000,
        "language": "en",
        "settled": True,
        "words": [["hi", 16_000, 20_000, 0.5]],
    }
    assert paused == {
        "at": 0.5,
        "k": "event",
        "kind": "paused",
        "sample": 32_000,
        "text": "you paused",
    }
    assert gap == {
        "at": 0.75,
        "k": "event",
        "kind": "gap",
        "sample": 32_000,
        "text": "the disk is full",
        "until": 40_000,
    }
    assert end == {"at": 1.0, "k": "end", "cause": "source ended", "samples": 48_000}


def test_words_are_kept_of_settled_segments_alone(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, HEADER)
    words = (Word("a", 0, 1),)
    journal.write_segment(segment(0, "a", settled=False, words=words))
    journal.write_segment(segment(0, "a", settled=True, words=words))
    journal.close("stopped", 0)
    _, partial, settled, _ = lines(record_path(tmp_path, journal.id))
    assert "words" not in partial
    assert settled["words"] == [["a", 0, 1, None]]


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_nobody_else_can_read_a_session(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        journal = Journal.create(tmp_path / "share" / "captty", HEADER)
    finally:
        os.umask(before)
    journal.close("stopped", 0)
    record = record_path(tmp_path / "share" / "captty", journal.id)
    assert record.stat().st_mode & 0o777 == 0o600
    for folder in (record.parent, record.parent.parent, tmp_path / "share" / "captty"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_an_id_that_is_taken_is_not_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = iter("aaaa" + "aaaa" + "bbbb")
    monkeypatch.setattr("tui.sessions.journal.secrets.choice", lambda _: next(letters))
    first, second = (Journal.create(tmp_path, HEADER) for _ in range(2))
    first.close("stopped", 0)
    second.close("stopped", 0)
    assert first.id.endswith("-aaaa")
    assert second.id.endswith("-bbbb")


def test_a_folder_that_cannot_be_had_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sentence = r"cannot be saved \(.+\): make room, make .*file writable"
    with pytest.raises(JournalError, match=sentence):
        Journal.create(tmp_path / "file", HEADER)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told_in_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(JournalError, match="Permission denied"):
        Journal.create(tmp_path, HEADER)
    tmp_path.chmod(0o700)


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, HEADER)
    journal.close("stopped", 16_000)
    journal.close("crashed", 0)
    assert [line["k"] for line in lines(record_path(tmp_path, journal.id))] == ["session", "end"]


def test_closing_ends_the_thread_and_frees_the_file(tmp_path: Path) -> None:
    fds, threads = len(os.listdir("/dev/fd")), threading.active_count()
    for _ in range(5):
        Journal.create(tmp_path, HEADER).close("stopped", 0)
    assert len(os.listdir("/dev/fd")) == fds
    assert threading.active_count() == threads


def test_what_is_written_after_the_end_touches_no_other_file(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, HEADER)
    journal.close("stopped", 0)
    other = tmp_path / "other"
    with other.open("wb"):
        journal.write_segment(segment(0, "late"))
    assert journal.trouble
    assert other.read_bytes() == b""
    assert SessionStore(tmp_path).load(journal.id).summary.segments == 0


numbers = st.integers(-3, 12)
ids = st.one_of(numbers, st.sampled_from(["a", "b7", "item_Ünï", "9" * 25]))
samples = st.integers(0, 10**9)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
words = st.builds(
    Word, texts, st.none() | samples, st.none() | samples, st.none() | st.floats(0, 1)
)
segments = st.builds(
    Segment,
    st.builds(segment_key, st.integers(0, 2), ids),
    st.sampled_from(["", "same"]) | texts,
    samples,
    samples,
    st.none() | st.sampled_from(["en", "ja"]),
    st.lists(words, max_size=3).map(tuple),
    st.booleans(),
    st.integers(0, 99),
    st.booleans(),
)
events = st.builds(Event, st.sampled_from(EventKind), samples, texts, st.none() | samples)


@settings(max_examples=60, deadline=None)
@given(st.lists(segments | events, max_size=25), st.none() | samples)
def test_what_is_written_is_read_again(writes: list[Segment | Event], heard: int | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder), HEADER)
        expected: dict[SegmentKey, list[Segment]] = {}
        for item in writes:
            if isinstance(item, Segment):
                journal.write_segment(item)
                expected.setdefault(item.key, []).append(item)
            else:
                journal.write_event(item)
        if heard is not None:
            journal.close("source ended", heard)
        record = SessionStore(Path(folder)).load(journal.id)
        journal.close("source ended", 0)
    shown = {key: versions for key, versions in expected.items() if versions[-1].text}
    assert [recorded.segment.key for recorded in record.segments] == sorted(shown)
    for recorded in record.segments:
        *earlier, last = shown[recorded.segment.key]
        assert recorded.segment == _as_kept(last)
        assert [revision.text for revision in recorded.revisions] == _texts_before(earlier, last)
    assert record.events == [item for item in writes if isinstance(item, Event)]
    assert record.summary.segments == len(shown)
    ends = [versions[-1].end for versions in shown.values()]
    ends += [max(item.at, item.until or 0) for item in record.events]
    last_sample = max(ends, default=0)
    assert record.summary.seconds == (last_sample if heard is None else heard) / 16_000
    assert record.samples == (last_sample if heard is None else heard)
    assert record.epochs == max((key.epoch + 1 for key in expected), default=0)
    assert record.summary.state is (SessionState.LIVE if heard is None else SessionState.COMPLETE)
    assert record.damage is None


def _as_kept(segment: Segment) -> Segment:
    return segment if segment.settled else replace(segment, words=())


def _texts_before(earlier: list[Segment], last: Segment) -> list[str]:
    texts = [version.text for version in earlier] + [last.text]
    changed = [text for text, later in pairwise(texts) if text != later]
    return [text for text in changed if text]
