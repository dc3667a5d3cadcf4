"""Captions line by line: each settled segment once, in order, and nothing a terminal obeys."""

import io
import json
from dataclasses import replace
from itertools import pairwise

import pytest
import srt
from hypothesis import given
from hypothesis import strategies as st

from tui.audio.level import SILENCE_DBFS, Level
from tui.audio.source import SourceInfo
from tui.captions import SAMPLE_RATE, Event, EventKind, Segment, SegmentKey, clean
from tui.live.feed import Progress, Snapshot, State
from tui.plain import CaptionPrinter, Reporter, caption_format

FORMATS = ("text", "lines", "jsonl", "srt", "vtt")


def segment(number: int, text: str, *, settled: bool = True) -> Segment:
    """One that lasts from `number` to `number + 1` seconds."""
    start = number * SAMPLE_RATE
    return Segment(SegmentKey(0, number), text, start, start + SAMPLE_RATE, settled=settled)


def printed(*takes: tuple[Segment, ...], name: str = "text") -> str:
    out = io.StringIO()
    printer = CaptionPrinter(caption_format(name), out)
    for take in takes:
        printer.take(take)
    return out.getvalue()


def test_only_settled_segments_come_out_and_in_order() -> None:
    first, second = segment(0, "one", settled=False), segment(1, "two")
    assert printed((first, second)) == ""
    assert printed((first, second), (replace(first, settled=True),)) == "one\ntwo\n"


def test_what_is_repeated_comes_out_once() -> None:
    assert printed((segment(0, "one"),), (segment(0, "one"),)) == "one\n"


def test_a_retracted_segment_holds_nothing_up() -> None:
    gone = segment(0, "", settled=False)
    assert printed((segment(0, "uh", settled=False), segment(1, "two")), (gone,)) == "two\n"


def test_corrections_are_lines_of_their_own() -> None:
    takes = (segment(7, "two words"),), (segment(7, "to words"),)
    assert printed(*takes, name="lines") == "[00:00:07] two words\n[corrected 00:00:07] to words\n"
    ids = [json.loads(line)["id"] for line in printed(*takes, name="jsonl").splitlines()]
    assert ids == [7, 7]


def test_json_lines_hold_id_times_text_and_language() -> None:
    line = printed((replace(segment(3, "café"), language="fr"),), name="jsonl")
    assert json.loads(line) == {
        "source": "",
        "id": 3,
        "start": 3.0,
        "end": 4.0,
        "text": "café",
        "language": "fr",
    }


def test_cues_are_numbered_across_segments_and_do_not_overlap() -> None:
    long = "many words that need more than only one cue " * 5
    text = printed((segment(0, long), segment(1, "two"), segment(2, "three")), name="srt")
    cues = list(srt.parse(text, ignore_errors=False))
    assert [cue.index for cue in cues] == list(range(1, len(cues) + 1))
    assert all(a.end <= b.start for a, b in pairwise(cues))
    assert " ".join(" ".join(cue.content.split()) for cue in cues).endswith("two three")


@given(st.lists(st.text(), max_size=5))
def test_hostile_text_never_comes_out_as_control_bytes(texts: list[str]) -> None:
    segments = tuple(segment(i, clean(text)) for i, text in enumerate(texts))
    for name in FORMATS:
        out = printed(segments, name=name)
        assert all(char == "\n" or char.isprintable() or ord(char) > 0x9F for char in out)
        assert "\x1b" not in out
        out.encode()


def test_what_breaks_is_told_once_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    reporter, why = Reporter(), "captions.example.org does not answer"
    gone = Snapshot(State.RECONNECTING, why, attempt=1)
    for snapshot in (Snapshot(State.STARTING, why, attempt=1), gone, replace(gone, attempt=2)):
        reporter.take(snapshot)
    seam = Event(EventKind.RECONNECTED, 0, "no captions for 12 s", 16_000)
    gap = Event(EventKind.GAP, 0, "there was no room to keep it", 32_000)
    reporter.take(Snapshot(State.LIVE, events=(seam, gap)))
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        f"no connection, nothing is lost, captty tries again: {why}",
        "[reconnected: no captions for 12 s]",
        "[2 s of audio lost: there was no room to keep it]",
    ]


def test_what_is_wrong_with_a_microphone_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(SourceInfo("mic", "USB Headset", live=True, waits=False))
    silence = Level(SILENCE_DBFS, SILENCE_DBFS, clipped=False)
    speech = Level(-20.0, -6.0, clipped=False)
    levels = [*[silence] * 10, *[speech] * 3, *[silence] * 10]
    for second, level in enumerate(levels, 1):
        progress = Progress(captured=second * SAMPLE_RATE)
        reporter.take(Snapshot(state=State.LIVE, level=level, progress=progress))
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert all("digital silence" in line for line in told)


def test_a_silent_file_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(SourceInfo("file", "talk.mp3"))
    silence = Level(SILENCE_DBFS, SILENCE_DBFS, clipped=False)
    for second in range(10):
        progress = Progress(captured=second * SAMPLE_RATE)
        reporter.take(Snapshot(state=State.LIVE, level=silence, progress=progress))
    assert capsys.readouterr().err == ""
