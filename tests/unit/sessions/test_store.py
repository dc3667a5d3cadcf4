"""How past sessions are listed, named and told to scripts."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.unit.sessions.sessions import HEADER, event, record_path, segment, spool, talk
from tui.captions import EventKind
from tui.cli import cli
from tui.config import Folders
from tui.sessions.journal import Journal
from tui.sessions.lines import FOLDER, RECORD
from tui.sessions.record import Revision, SessionState
from tui.sessions.store import NoSuchSession, SessionError, SessionStore

MORNING = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)


def _session(root: Path, started_at: datetime = MORNING) -> str:
    journal = Journal.create(root, replace(HEADER, started_at=started_at))
    journal.close("source ended", 16_000)
    return journal.id


def test_before_the_first_session_the_list_is_empty(tmp_path: Path) -> None:
    store = SessionStore(tmp_path / "nowhere")
    assert store.list() == []
    with pytest.raises(NoSuchSession, match="no session has been saved yet"):
        store.load("last")


def test_a_folder_that_cannot_be_listed_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with pytest.raises(SessionError, match="cannot be read: Not a directory"):
        SessionStore(tmp_path).list()


def test_the_newest_session_comes_first(tmp_path: Path) -> None:
    steps = [0, 3600, 1, 0.25, -86_400]
    ids = {step: _session(tmp_path, MORNING + timedelta(seconds=step)) for step in steps}
    listed = [summary.id for summary in SessionStore(tmp_path).list()]
    assert listed == [ids[step] for step in sorted(steps, reverse=True)]
    assert SessionStore(tmp_path).load("last").summary.id == ids[3600]


def test_the_beginning_of_an_id_is_enough(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    early, late = _session(tmp_path), _session(tmp_path, MORNING + timedelta(hours=1))
    assert store.load(early).summary.id == early
    assert store.load("20261122-09").summary.id == early
    assert store.load(f" {late[:18].upper()} ").summary.id == late
    with pytest.raises(NoSuchSession, match=f'"20261122" begins .* several: {early}, {late}'):
        store.load("20261122")


@pytest.mark.parametrize(
    "name",
    ["", "..", "../sessions", "/etc", "20261122/../x", "\x1b]0;x\x07", "\0", "zzzz", "x" * 9999],
)
def test_a_name_of_no_session_is_told_without_its_control_characters(
    tmp_path: Path, name: str
) -> None:
    _session(tmp_path)
    with pytest.raises(NoSuchSession) as raised:
        SessionStore(tmp_path).load(name)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 200


def test_a_session_is_read_as_it_was_said(tmp_path: Path) -> None:
    journal = talk(tmp_path)
    journal.close("source ended", 80_000)
    record = SessionStore(tmp_path).load(journal.id)
    assert [recorded.segment.text for recorded in record.segments] == ["the fox ran", "天気がいい"]
    fox, weather = record.segments
    assert [revision.text for revision in fox.revisions] == ["the quick", "the quick brown"]
    assert fox.revisions[0].at_seconds <= fox.revisions[1].at_seconds
    assert [word.text for word in fox.segment.words] == ["the", "fox", "ran"]
    assert weather.revisions == []
    assert [item.kind for item in record.events] == [EventKind.CONNECTED, EventKind.BROKEN]
    assert record.summary.seconds == 5.0
    assert record.summary.segments == 2


def test_segments_are_in_reading_order_with_ids_as_numbers(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, HEADER)
    for epoch, number in [(1, 0), (0, 10), (0, 9), (0, 100)]:
        journal.write_segment(segment(number, f"{epoch}/{number}", epoch=epoch))
    journal.close("stopped", 0)
    record = SessionStore(tmp_path).load("last")
    texts = [recorded.segment.text for recorded in record.segments]
    assert texts == ["0/9", "0/10", "0/100", "1/0"]


def test_a_text_that_settles_unchanged_is_no_revision(tmp_path: Path) -> None:
    now = iter([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    journal = Journal.create(tmp_path, HEADER, clock=lambda: next(now))
    journal.write_segment(segment(0, "one", settled=False))
    journal.write_segment(segment(0, "one", end=2, settled=False))
    journal.write_segment(segment(0, "two", settled=False))
    journal.write_segment(segment(0, "two", settled=True))
    journal.close("stopped", 0)
    (recorded,) = SessionStore(tmp_path).load("last").segments
    assert recorded.revisions == [Revision(1.0, "one")]


def test_the_length_of_an_interrupted_session_is_what_was_captioned(tmp_path: Path) -> None:
    journal = talk(tmp_path)
    data = record_path(tmp_path, journal.id).read_bytes()
    journal.close("stopped", 10**6)
    record_path(tmp_path, journal.id).write_bytes(data)
    (summary,) = SessionStore(tmp_path).list()
    assert summary.state is SessionState.INTERRUPTED
    assert summary.seconds == 4.0


def test_lost_audio_counts_for_the_length(tmp_path: Path) -> None:
    journal = talk(tmp_path)
    journal.write_event(event(EventKind.GAP, 4, "the disk is full", until=9))
    assert SessionStore(tmp_path).load(journal.id).summary.seconds == 9.0
    journal.close("stopped", 160_000)


def test_connections_are_counted_with_what_they_took_back(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, HEADER)
    store = SessionStore(tmp_path)
    assert store.load("last").epochs == 0
    journal.write_segment(segment(0, "kept"))
    journal.write_segment(segment(0, "taken back", epoch=4))
    journal.write_segment(segment(0, "", epoch=4))
    journal.close("stopped", 16_000)
    record = store.load("last")
    assert [recorded.segment.text for recorded in record.segments] == ["kept"]
    assert (record.epochs, record.samples) == (5, 16_000)


def _interrupted(root: Path, started_at: datetime = MORNING) -> str:
    journal = Journal.create(root, replace(HEADER, started_at=started_at))
    journal.close("failed", 16_000, complete=False)
    return journal.id


def test_audio_of_an_interrupted_session_is_unfinished(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    early, late = _interrupted(tmp_path), _interrupted(tmp_path, MORNING + timedelta(hours=1))
    complete, without = _session(tmp_path), _interrupted(tmp_path)
    for session_id in (early, complete):
        spool(tmp_path, session_id, 30, 2.5)
    spool(tmp_path, late, 0.5)
    spool(tmp_path, without, 0)
    (tmp_path / FOLDER / late / "spool" / "notes.txt").write_text("no audio")
    with (tmp_path / FOLDER / late / "spool" / "000000008000.pcm").open("wb") as torn:
        torn.write(b"x")
    assert [(summary.id, summary.unfinished) for summary in store.unfinished()] == [
        (late, 0.5),
        (early, 32.5),
    ]
    listed = {summary.id: summary for summary in store.list()}
    assert {name: summary.unfinished for name, summary in listed.items()} == {
        early: 32.5,
        late: 0.5,
        complete: 0.0,
        without: 0.0,
    }
    assert store.load(early).summary == listed[early]
    assert listed[early].to_json()["unfinished"] == 32.5


def test_the_list_tells_people_what_is_left_to_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = replace(Folders.of_user(), data=tmp_path)
    monkeypatch.setattr("tui.cli.Folders.of_user", lambda: folders)
    spool(tmp_path, _interrupted(tmp_path), 185)
    _session(tmp_path, MORNING - timedelta(hours=1))
    interrupted, complete = CliRunner().invoke(cli, ["sessions", "list"]).output.splitlines()
    assert "  interrupted  " in interrupted
    assert interrupted.endswith("talk.wav  · 3 min 5 s to finish")
    assert complete.endswith("talk.wav")


def test_looking_for_unfinished_sessions_opens_no_other_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = [_interrupted(tmp_path, MORNING + timedelta(hours=hour)) for hour in range(40)]
    spool(tmp_path, hours[7], 1)
    spool(tmp_path, hours[9], 0)
    opened: list[Path] = []
    real = Path.open

    def noted(path: Path, *arguments: Any, **options: Any) -> Any:
        opened.append(path)
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", noted)
    assert [summary.id for summary in SessionStore(tmp_path).unfinished()] == [hours[7]]
    assert opened == [tmp_path / FOLDER / hours[7] / RECORD]


def test_nothing_is_unfinished_before_the_first_session(tmp_path: Path) -> None:
    assert SessionStore(tmp_path / "nowhere").unfinished() == []


def test_a_session_is_found_where_it_lies(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    session_id = _session(tmp_path)
    for name in (session_id, session_id[:11], "last"):
        assert store.folder(name) == tmp_path / FOLDER / session_id
    with pytest.raises(NoSuchSession):
        store.folder("../sessions")


def test_what_scripts_get(tmp_path: Path) -> None:
    now = iter([0.0, 0.1, 1.0, 2.0, 3.0, 3.1, 3.2, 4.0, 5.0, 6.0])
    journal = Journal.create(
        tmp_path, replace(HEADER, started_at=MORNING, engine=None), clock=lambda: next(now)
    )
    journal.write_segment(segment(0, "hell", 0.5, 1, settled=False))
    journal.write_segment(segment(0, "hello", 0.5, 1.25))
    journal.close("source ended", 24_000)
    store = SessionStore(tmp_path)
    listed = {
        "id": journal.id,
        "started_at": "2026-11-22T09:00:00.000Z",
        "source": "talk.wav",
        "language": "en",
        "server": "ws://127.0.0.1:9090/v1",
        "engine": None,
        "state": "complete",
        "seconds": 1.5,
        "segments": 1,
        "unfinished": 0.0,
    }
    assert [summary.to_json() for summary in store.list()] == [listed]
    shown = store.load("last").to_json()
    assert json.loads(json.dumps(shown)) == listed | {
        "segments": [
            {
                "start": 0.5,
                "end": 1.25,
                "text": "hello",
                "language": None,
                "revisions": [{"at": 0.1, "text": "hell"}],
            }
        ],
        "events": [],
    }


def test_events_are_told_in_seconds(tmp_path: Path) -> None:
    talk(tmp_path).close("source ended", 80_000)
    assert SessionStore(tmp_path).load("last").to_json()["events"] == [
        {"kind": "connected", "at": 0.0, "until": None, "text": "127.0.0.1"},
        {"kind": "broken", "at": 2.5, "until": None, "text": "the server went away"},
    ]
    journal = Journal.create(tmp_path, HEADER)
    journal.write_event(event(EventKind.GAP, 1, "the disk is full", until=1.5))
    journal.close("source ended", 80_000)
    assert SessionStore(tmp_path).load(journal.id).to_json()["events"] == [
        {"kind": "gap", "at": 1.0, "until": 1.5, "text": "the disk is full"}
    ]


def test_a_session_that_broke_off_is_listed_as_interrupted(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, HEADER)
    journal.close("failed", 32_000, complete=False)
    summary = SessionStore(tmp_path).load(journal.id).summary
    assert (summary.state, summary.seconds) == (SessionState.INTERRUPTED, 2.0)
