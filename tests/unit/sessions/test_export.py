"""Exports that any player and any terminal can take, and that destroy nothing."""

import json
import os
import shutil
import subprocess
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import srt
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sessions.sessions import event, segment, talk
from tui.captions import SAMPLE_RATE, Event, EventKind, Segment, clean
from tui.sessions.cues import Cue
from tui.sessions.export import (
    EXPORT_FORMATS,
    ExportError,
    export,
    srt_cue,
    text_line,
    vtt_cue,
    vtt_header,
    write_atomically,
)
from tui.sessions.record import RecordedSegment, SessionRecord, SessionState, SessionSummary
from tui.sessions.store import SessionStore

TRAPS = [
    "if a<b then c>d & e",
    "00:00:01,000 --> 00:00:02,000",
    "1\n00:00:01,000 --> 00:00:02,000\nforged",
    "two\n\nblocks",
    "<i>tag</i> <v Bob>hi",
    "WEBVTT",
    "NOTE this is no comment",
    "STYLE",
    "&amp; &lt; &nbsp;",
    "{\\an8}top {curly}",
    "42",
    "--> -- > --->",
    "\u2028\u2029\x85 separators \x0b\x0c\x1c\x1e",
    "a\rb\r\nc\td",
    "[/] [bold]markup[/bold]",
    "\u200e\u200fمرحبا world",
    "…",
    "ＡＢ　天気",
]
CONTROLS = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))
HOSTILE = [
    f"a{CONTROLS}b",
    "\x1b]0;title\x07 \x1b]52;c;aGk=\x1b\\ \x1b[31m \x1bP1\x1b\\",
    "\u009b31m \u009d0;x\u009c",
    "user\u202egnp.exe \u2066x \u2069\u2069",
    "lone \ud800 and \udfff",
    "x" * 1_000_000,
    "z\u0300" * 10 + "\u0301" * 500,
]


def _record(
    segments: Sequence[Segment], events: Sequence[Event] = (), source: str = "talk.wav"
) -> SessionRecord:
    started_at = datetime(2026, 11, 22, tzinfo=UTC)
    summary = SessionSummary(
        "20261122-000000-aaaa",
        started_at,
        source,
        None,
        None,
        None,
        SessionState.COMPLETE,
        60.0,
        len(segments),
    )
    recorded = [RecordedSegment(item) for item in segments]
    return SessionRecord(summary, recorded, list(events), epochs=1, samples=60 * SAMPLE_RATE)


def _in_a_row(texts: Sequence[str]) -> SessionRecord:
    return _record([segment(n, text, 4 * n, 4 * n + 3) for n, text in enumerate(texts)])


def _words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "00:00:00,000"),
        (59.9996, "00:01:00,000"),
        (59.9994, "00:00:59,999"),
        (3599.9999, "01:00:00,000"),
        (360_000, "100:00:00,000"),
        (0.0004, "00:00:00,000"),
    ],
)
def test_times_are_rounded_before_they_are_divided(seconds: float, told: str) -> None:
    sample = round(seconds * SAMPLE_RATE)
    cue = Cue(sample, sample + SAMPLE_RATE, ("x",))
    assert srt_cue(1, cue).splitlines()[1].startswith(f"{told} --> ")
    assert vtt_cue(1, cue).splitlines()[1].startswith(f"{told.replace(',', '.')} --> ")


def test_the_forms() -> None:
    cue = Cue(16_000, 40_000, ("a < b & c", "d --> e"))
    assert srt_cue(3, cue) == "3\n00:00:01,000 --> 00:00:02,500\na ‹ b & c\nd → e\n\n"
    assert vtt_header() == "WEBVTT\n\n"
    assert vtt_cue(3, cue) == ("3\n00:00:01.000 --> 00:00:02.500\na &lt; b &amp; c\nd --&gt; e\n\n")
    assert text_line(segment(0, "hello  there", 3723.9, 3724)) == "[01:02:03] hello there\n"


def test_srt_of_traps_is_read_back(tmp_path: Path) -> None:
    read = list(srt.parse(export(_in_a_row(TRAPS), "srt")))
    assert [subtitle.index for subtitle in read] == list(range(1, len(read) + 1))
    expected = " ".join(map(clean, TRAPS)).replace("-->", "→")
    expected = expected.replace("<", "‹").replace(">", "›")
    assert _words(" ".join(subtitle.content for subtitle in read)) == _words(expected)


def test_vtt_of_traps_is_read_back() -> None:
    text = export(_in_a_row(TRAPS), "vtt")
    captions = webvtt.from_buffer(StringIO(text)).captions
    assert len({caption.identifier for caption in captions}) == len(captions)
    raw = " ".join(caption.raw_text for caption in captions)
    assert "<" not in raw
    plain = raw.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert _words(plain) == _words(" ".join(map(clean, TRAPS)))


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_ffmpeg_finds_every_cue(tmp_path: Path, form: str) -> None:
    text = export(_in_a_row(TRAPS), form)
    file = tmp_path / f"traps.{form}"
    file.write_text(text, "utf-8")
    packets = ["-map", "0:s", "-c", "copy", "-f", "framecrc", "-"]
    command = ["ffmpeg", "-v", "error", "-i", str(file), *packets]
    result = subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL)
    assert result.stderr == b""
    cues = [line for line in result.stdout.splitlines() if not line.startswith(b"#")]
    assert len(cues) == text.count(" --> ")


said = st.builds(
    segment,
    st.just(0),
    st.text(max_size=200) | st.sampled_from(TRAPS),
    st.floats(0, 1000),
    st.floats(0, 1000),
)
happened = st.builds(
    event,
    st.sampled_from(EventKind),
    st.floats(0, 1000),
    st.text(max_size=60),
    st.none() | st.floats(0, 1000),
)
NOTED = {
    EventKind.BROKEN,
    EventKind.GAP,
    EventKind.LANGUAGE,
    EventKind.RECONNECTED,
    EventKind.SOURCE,
    EventKind.UNCONFIRMED,
}
PENDING = {EventKind.BROKEN, EventKind.UNCONFIRMED}


def _noted(events: Sequence[Event]) -> list[Event]:
    """Those that exports tell of."""
    kinds = [item.kind for item in events]
    taken_up = max((n for n, kind in enumerate(kinds) if kind is EventKind.RECOVERED), default=0)
    return [
        item
        for n, item in enumerate(events)
        if item.kind in NOTED and (n >= taken_up or item.kind not in PENDING)
    ]


@settings(deadline=None)
@given(st.lists(said, max_size=10), st.lists(happened, max_size=8))
def test_whatever_was_said_makes_valid_files(said: list[Segment], happened: list[Event]) -> None:
    record = _record(said, happened)
    subtitles = list(srt.parse(export(record, "srt")))
    captions = webvtt.from_buffer(StringIO(export(record, "vtt"))).captions
    assert len(subtitles) == len(captions)
    end = timedelta()
    for subtitle in subtitles:
        assert end <= subtitle.start < subtitle.end
        end = subtitle.end
    assert len(export(record, "txt").split("\n")) - 1 == len(said) + len(_noted(happened))
    exported = json.loads(export(record, "json"))
    assert len(exported["segments"]) == len(said)
    assert [item["kind"] for item in exported["events"]] == [str(item.kind) for item in happened]


@settings(deadline=None)
@given(st.lists(st.floats(0, 9), max_size=8), st.lists(happened, max_size=8))
def test_notes_stand_in_order_of_time(pauses: list[float], happened: list[Event]) -> None:
    starts = [60 * n + pause for n, pause in enumerate(pauses)]
    said = [segment(n, f"said{n}", start, start + 50) for n, start in enumerate(starts)]
    record = _record(said, [replace(item, text="") for item in happened])
    lines = export(record, "txt").splitlines()
    assert [line[:10] for line in lines] == sorted(line[:10] for line in lines)
    texts = [line[11:] for line in lines]
    for form in ("srt", "vtt"):
        shown = [" ".join(part.split("\n")[2:]) for part in export(record, form).split("\n\n")]
        assert [text for text in shown if text] == texts


@pytest.mark.parametrize("form", EXPORT_FORMATS)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:6]))
def test_hostile_text_leaves_no_control_character(form: str, text: str) -> None:
    events = [event(EventKind.BROKEN, 9, text), event(EventKind.ERROR, 9, text)]
    exported = export(_record([segment(0, text, 1, 8)], events, source=text), form)
    exported.encode("utf-8")
    kinds = {char: unicodedata.category(char) for char in set(exported)}
    assert {char for char, kind in kinds.items() if kind in ("Cc", "Cs", "Zl", "Zp")} <= {"\n"}
    assert not set("\u202a\u202b\u202c\u202d\u202e") & kinds.keys()


def test_where_the_session_broke_off_stands_between_the_segments() -> None:
    said = [segment(0, "before", 0, 2), segment(0, "after", 9, 11, epoch=1)]
    happened = [
        event(EventKind.CONNECTED, 0, "connected"),
        event(EventKind.BROKEN, 4, "the server went away"),
        event(EventKind.BROKEN, 12),
    ]
    record = _record(said, happened)
    assert export(record, "txt") == (
        "[00:00:00] before\n"
        "[00:00:04] [the server went away]\n"
        "[00:00:09] after\n"
        "[00:00:12] [The captions are incomplete from here on]\n"
    )
    for form in ("srt", "vtt"):
        exported = export(record, form)
        texts = ["before", "[the server went away]", "after", "[The captions are incomplete"]
        places = [exported.index(text) for text in texts]
        assert places == sorted(places)
        assert "connected" not in exported


def test_whatever_concerns_the_words_is_told_between_them() -> None:
    said = [
        segment(0, "before", 0, 2),
        segment(0, "danach", 20, 22, epoch=1, language="de"),
        segment(1, "Ende", 23, 26, epoch=1, language="de"),
    ]
    happened = [
        event(EventKind.CONNECTED, 0, "connected"),
        event(EventKind.PAUSED, 3, "you paused"),
        event(EventKind.RESUMED, 3, "go on"),
        event(EventKind.RECONNECTED, 9, "the connection was gone for 12 s"),
        event(EventKind.GAP, 4, "memory and disk are full", 8.6),
        event(EventKind.LANGUAGE, 20, "German"),
        event(EventKind.ERROR, 21, "the server complains"),
        event(EventKind.UNCONFIRMED, 24, "", 28),
        event(EventKind.BROKEN, 28, "the server went away"),
    ]
    record = _record(said, happened)
    assert export(record, "txt") == (
        "[00:00:00] before\n"
        "[00:00:04] [5 s of audio lost: memory and disk are full]\n"
        "[00:00:09] [reconnected: the connection was gone for 12 s]\n"
        "[00:00:20] [language: German]\n"
        "[00:00:20] danach\n"
        "[00:00:23] Ende\n"
        "[00:00:24] [the last 4 s are not confirmed]\n"
        "[00:00:28] [the server went away]\n"
    )
    assert export(record, "srt") == (
        "1\n00:00:00,000 --> 00:00:02,000\nbefore\n\n"
        "2\n00:00:04,000 --> 00:00:07,000\n"
        "[5 s of audio lost:\nmemory and disk are full]\n\n"
        "3\n00:00:09,000 --> 00:00:12,000\n"
        "[reconnected:\nthe connection was gone for 12 s]\n\n"
        "4\n00:00:20,000 --> 00:00:20,834\n[language: German]\n\n"
        "5\n00:00:20,834 --> 00:00:22,000\ndanach\n\n"
        "6\n00:00:23,000 --> 00:00:25,917\nEnde\n\n"
        "7\n00:00:25,917 --> 00:00:27,917\n[the last 4 s are not confirmed]\n\n"
        "8\n00:00:28,000 --> 00:00:31,000\n[the server went away]\n\n"
    )


def test_what_was_open_when_the_session_broke_off_is_not_told_once_it_was_taken_up_again() -> None:
    happened = [
        event(EventKind.GAP, 1, "the disk is full", 2),
        event(EventKind.UNCONFIRMED, 4, "", 8),
        event(EventKind.BROKEN, 8, "the server went away"),
        event(EventKind.RECOVERED, 4),
        event(EventKind.UNCONFIRMED, 7, "", 8),
    ]
    assert export(_record([], happened), "txt") == (
        "[00:00:01] [1 s of audio lost: the disk is full]\n"
        "[00:00:07] [the last 1 s are not confirmed]\n"
    )


@pytest.mark.parametrize("kind", sorted(NOTED))
def test_a_note_delays_the_words_by_no_more_than_its_own_time(kind: EventKind) -> None:
    said = [segment(n, f"word {n}", 3 * n, 3 * n + 3) for n in range(4)]
    happened = [event(kind, at, until=at + 1) for at in (2.9, 3.0, 4.0)]
    begins = {cue.content: cue.start for cue in srt.parse(export(_record(said, happened), "srt"))}
    late = [begins[f"word {n}"] - timedelta(seconds=3 * n) for n in range(4)]
    assert late[0] == timedelta()
    assert max(late) <= timedelta(seconds=2 * 0.834)
    assert late[3] <= timedelta(seconds=0.834)


def test_lines_are_as_narrow_as_the_language_of_their_segment_wants() -> None:
    weather = "天気がいいですね" * 4
    said = [segment(0, weather, 0, 8), segment(1, weather, 9, 17, language="ja")]
    record = replace(_record(said), summary=replace(_record(said).summary, language="en"))
    english, japanese = export(record, "srt").split("\n\n")[0], export(record, "srt")
    assert max(len(line) for line in english.splitlines()[2:]) > 23 // 2
    assert max(len(line) for line in japanese.splitlines()[-2:]) <= 23 // 2


def test_lines_are_as_narrow_as_the_language_of_the_session_wants() -> None:
    record = _record([segment(0, "天気がいいですね" * 4, 0, 8)])
    summary = replace(record.summary, language="ja")
    narrow = export(replace(record, summary=summary), "srt")
    assert narrow != export(record, "srt")
    assert max(len(line) for line in narrow.splitlines() if "天" in line) <= 23 // 2


def test_json_is_what_scripts_get(tmp_path: Path) -> None:
    talk(tmp_path).close("source ended", 80_000)
    record = SessionStore(tmp_path).load("last")
    exported = export(record, "json")
    assert json.loads(exported) == record.to_json()
    assert "天気がいい" in exported
    assert exported.startswith('{\n  "id"')


def test_an_empty_session_is_exported() -> None:
    record = _record([])
    assert [export(record, form) for form in ("srt", "vtt", "txt")] == ["", "WEBVTT\n\n", ""]


def test_a_format_that_is_not_known_is_told_in_a_sentence() -> None:
    with pytest.raises(ExportError, match="choose one of srt, vtt, txt, json"):
        export(_record([]), "docx")


def test_a_file_is_written_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "talk.srt"
    write_atomically(target, "天気\nline\n")
    assert target.read_bytes() == "天気\nline\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["talk.srt"]


def test_a_file_that_holds_something_stays(tmp_path: Path) -> None:
    target = tmp_path / "talk.srt"
    target.write_text("mine")
    with pytest.raises(ExportError, match="exists and is not empty"):
        write_atomically(target, "yours")
    assert target.read_text() == "mine"
    target.write_text("")
    write_atomically(target, "yours")
    assert target.read_text() == "yours"


def test_a_place_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    for target in (tmp_path / "missing" / "talk.srt", tmp_path):
        with pytest.raises(ExportError, match="cannot be written"):
            write_atomically(target, "text")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui.sessions.export.os.fsync", full)
    with pytest.raises(ExportError, match="No space left on device"):
        write_atomically(tmp_path / "talk.srt", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write_atomically(pipe, "text")
    reader.join(10)
    assert read == ["text"]
    assert pipe.is_fifo()


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "text"
