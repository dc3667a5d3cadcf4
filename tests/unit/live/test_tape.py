"""The audio of a session is kept where the user wants it, from the sample on where he does."""

import asyncio
import threading
from pathlib import Path

import pytest

from tests.faults.server import Script, oracle_server
from tests.faults.trial import Trial
from tests.unit.live.test_live_sources import Scene, speech
from tui.audio import recording
from tui.audio.media import MediaFile
from tui.audio.recording import Recording
from tui.audio.source import Missed
from tui.captions import SAMPLE_RATE
from tui.sessions.lines import RECORDING
from tui.sessions.store import SessionStore

CODED = 0.1
"""Seconds by which a recording may be longer than the sound: Opus has frames of 20 ms."""


def seconds(path: Path) -> float:
    """How much sound there is in a file."""
    media = MediaFile.open(path)
    try:
        return sum(map(len, media.chunks())) / 2 / SAMPLE_RATE
    finally:
        media.close()


def files(folder: Path) -> dict[str, float]:
    """The recordings of the only session, with their lengths."""
    kept = SessionStore(folder).folder("last") / RECORDING
    return {path.name: seconds(path) for path in sorted(kept.iterdir())} if kept.exists() else {}


async def test_a_session_is_recorded_from_its_first_sample_with_its_gaps(tmp_path: Path) -> None:
    scene = Scene(speech(0, 1), Missed(SAMPLE_RATE, "gone"), speech(3, 4))
    async with oracle_server(Script(words_a_segment=1)) as server:
        one = Trial("", server.endpoint(), tmp_path, 0, source=scene, record=True)
        await one.run()
    assert files(tmp_path) == {"000000000000.opus": pytest.approx(5, abs=CODED)}
    assert not one.last.recording


async def test_switched_on_and_off_it_keeps_what_is_between(tmp_path: Path) -> None:
    on, off, end = threading.Event(), threading.Event(), threading.Event()
    scene = Scene(speech(0, 1), on, speech(2, 3, 4), off, speech(5), end)
    async with oracle_server(Script(words_a_segment=1)) as server:
        one = Trial("", server.endpoint(), tmp_path, 0, source=scene)
        await one.begin(1)
        one.session.record(True)
        await one.until(lambda: one.last.recording)
        on.set()
        await one.until(lambda: one.newest == 4)
        one.session.record(False)
        await one.until(lambda: not one.last.recording)
        off.set()
        await one.until(lambda: one.newest == 5)
        end.set()
        await one.over()
    assert files(tmp_path) == {f"{2 * SAMPLE_RATE:012}.opus": pytest.approx(3, abs=CODED)}


async def test_a_recording_that_fails_is_told_and_captions_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    scene = Scene(speech(0, 1), go_on, speech(2, 3))
    async with oracle_server(Script(words_a_segment=1)) as server:
        one = Trial("", server.endpoint(), tmp_path, 0, source=scene, record=True)
        monkeypatch.setattr(Recording, "active", False)
        monkeypatch.setattr(Recording, "trouble", "the disk is full")
        await one.begin(1)
        await one.until(lambda: one.last.trouble == "the disk is full")
        go_on.set()
        await one.over()
    assert one.text == ["w00000", "w00001", "w00002", "w00003"]
    assert not one.last.recording


async def test_nothing_is_recorded_unless_wanted(tmp_path: Path) -> None:
    async with oracle_server() as server:
        one = Trial("", server.endpoint(), tmp_path, 3)
        await one.run()
    assert await asyncio.to_thread(files, tmp_path) == {}


async def test_a_file_that_is_heard_faster_than_it_is_encoded_is_recorded_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MOST_WAITING", 2 * 60 * SAMPLE_RATE)
    async with oracle_server(Script(words_a_segment=20)) as server:
        one = Trial("", server.endpoint(), tmp_path, 300, record=True)
        await one.run()
    assert one.last.trouble == ""
    assert files(tmp_path) == {"000000000000.opus": pytest.approx(300, abs=CODED)}
