"""The recording of a session is found, counted where it is needed, and fills what a spool lacks."""

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.faults.server import Manner, Script, Stream, hang_up, oracle_server
from tests.faults.trial import Trial
from tests.spoken import (
    WORD_SAMPLES,
    WORD_START,
    Heard,
    Recogniser,
    fragment,
    word,
    words,
)
from tests.unit.live.test_finishing import over, text
from tests.unit.sessions.sessions import HEADER, event, segment
from tui.audio.recording import OpusFile, read_recording
from tui.audio.source import CHUNK_SAMPLES, SourceInfo
from tui.audio.spool import Spool
from tui.captions import SAMPLE_RATE, CapttyError, EventKind
from tui.launch import Wish, finish_session
from tui.live.feed import State
from tui.sessions.journal import Journal
from tui.sessions.lines import RECORD, RECORDING, SPOOL
from tui.sessions.record import SessionState
from tui.sessions.store import SessionStore

# Sound that survives Opus


def spoken(first: int, last: int) -> bytes:
    """So many seconds, in each of which a tone says its number."""
    samples = np.zeros((last - first, SAMPLE_RATE), "<i2")
    times = np.arange(WORD_SAMPLES) / SAMPLE_RATE
    for row, second in zip(samples, range(first, last), strict=True):
        tone = 8_000 * np.sin(2 * np.pi * (400 + 30 * second) * times)
        row[WORD_START : WORD_START + WORD_SAMPLES] = tone
    return samples.tobytes()


class ToneRecogniser(Recogniser):
    """Understands `spoken`, also from a recording of it."""

    _BLOCK = 160

    def __init__(self) -> None:
        super().__init__()
        self._unheard = b""
        self._tone: list[NDArray[np.int16]] = []

    def hear(self, pcm: bytes) -> list[Heard]:
        """A word is clear when it has ended."""
        heard: list[Heard] = []
        self._unheard += pcm
        while len(self._unheard) >= 2 * self._BLOCK:
            block = np.frombuffer(self._unheard[: 2 * self._BLOCK], "<i2")
            self._unheard = self._unheard[2 * self._BLOCK :]
            if np.sqrt(np.mean(block.astype(float) ** 2)) > 1_500:
                self._tone.append(block)
            else:
                heard += self.finish()
            self.samples += self._BLOCK
        return heard

    def finish(self) -> list[Heard]:
        """The tone that has ended; 50 ms at least make one."""
        tone, self._tone = self._tone, []
        if len(tone) < 5:
            return []
        sound = np.concatenate(tone).astype(float)
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * SAMPLE_RATE))
        second = round((float(spectrum.argmax()) / 4 - 400) / 30)
        whole = abs(len(sound) - WORD_SAMPLES) <= 4 * self._BLOCK
        start = self.samples - len(sound)
        return [Heard((word if whole else fragment)(second), start, self.samples)]


@dataclass
class ToneStream(Stream):
    """A connection to a server that understands tones."""

    ear: Recogniser = field(default_factory=ToneRecogniser)


class Tones:
    """A source of so many seconds of it."""

    def __init__(self, seconds: int) -> None:
        self.info = SourceInfo("file", "tones.wav", seconds * SAMPLE_RATE)
        self._pcm = spoken(0, seconds)

    def chunks(self) -> Iterator[bytes]:
        """50 ms at a time."""
        step = 2 * CHUNK_SAMPLES
        yield from (self._pcm[at : at + step] for at in range(0, len(self._pcm), step))

    def close(self) -> None:
        """Nothing is open."""


def record(folder: Path, first: int, last: int) -> Path:
    """A recording of these seconds."""
    path = folder / RECORDING / f"{first * SAMPLE_RATE:012}.opus"
    path.parent.mkdir(exist_ok=True)
    with OpusFile(path) as file:
        file.append(spoken(first, last))
    return path


def interrupted(root: Path, seconds: int, *, said: int = 0, timed: bool = True) -> Path:
    """A session that was killed: so many seconds are text, and all of them in its spool."""
    journal = Journal.create(root, replace(HEADER, server="oracle"))
    for first in range(0, said, 5):
        said_here = " ".join(words(5, first))
        start, end = (first + 0.2, first + 4.8) if timed else (first, first + 5)
        journal.write_segment(replace(segment(first, said_here, start, end), timed=timed))
    spool = Spool()
    spool.keep_in(journal.folder / SPOOL)
    spool.append(spoken(0, seconds))
    spool.close()
    journal.leave()
    return journal.folder


def lose(folder: Path, *numbers: int) -> None:
    """Delete these files of the spool."""
    files = sorted((folder / SPOOL).iterdir())
    for number in numbers:
        files[number].unlink()


async def finish(
    root: Path, monkeypatch: pytest.MonkeyPatch, script: Script | None = None, speed: float = 100
) -> list[str]:
    """Finish the newest session, to its end; returns what its record says then."""
    monkeypatch.setattr("tui.live.uplink.CONFIRMED_SPEED", speed)
    monkeypatch.setattr("tui.live.uplink.REPLAY_SPEED", speed)
    monkeypatch.setattr("tests.faults.server.Stream", ToneStream)
    async with oracle_server(script or Script()) as server:
        wish = Wish(server=server.endpoint().url, server_is_named=True, data=root)
        end = await over(finish_session("last", wish))
    assert end.state is State.ENDED, end.reason
    record = SessionStore(root).load("last")
    assert record.summary.state is SessionState.COMPLETE
    return text(record)


def gaps(root: Path) -> list[tuple[float, float]]:
    """Seconds that the newest session tells to be lost."""
    events = SessionStore(root).load("last").events
    return [
        (event.at / SAMPLE_RATE, (event.until or 0) / SAMPLE_RATE)
        for event in events
        if event.kind is EventKind.GAP
    ]


@pytest.mark.parametrize("lost", [(0,), (1,), (2,), (0, 1, 2), (0, 2)])
async def test_what_the_spool_lacks_is_captioned_from_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: Sequence[int]
) -> None:
    folder = interrupted(tmp_path, 75, said=20)
    record(folder, 0, 75)
    lose(folder, *lost)
    assert SessionStore(tmp_path).unfinished()[0].unfinished == pytest.approx(75 - 19.8)
    assert await finish(tmp_path, monkeypatch) == words(75)
    assert gaps(tmp_path) == []
    assert SessionStore(tmp_path).unfinished() == []
    assert not (folder / SPOOL).exists()
    assert len(SessionStore(tmp_path).recordings("last")) == 1


async def test_a_session_that_broke_off_is_finished_from_its_recording_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.faults.server.Stream", ToneStream)
    refused = Manner(at_second={7: hang_up(1008, "no more")})
    async with oracle_server(Script(manners=[refused], speed=5)) as server:
        trial = Trial("", server.endpoint(), tmp_path, 0, source=Tones(14), record=True)
        trial.session.start()
        await trial.over()
    assert trial.last.state is State.FAILED
    left = SessionStore(tmp_path).unfinished()[0]
    shutil.rmtree(SessionStore(tmp_path).folder(left.id) / SPOOL)
    assert SessionStore(tmp_path).unfinished() == [left]
    assert await finish(tmp_path, monkeypatch) == words(14)


async def test_a_server_without_times_says_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = interrupted(tmp_path, 75, said=40, timed=False)
    record(folder, 0, 75)
    lose(folder, 0, 1, 2)
    assert await finish(tmp_path, monkeypatch, Script(times=False)) == words(75)


async def test_what_was_captured_last_and_never_reached_the_spool_is_captioned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = interrupted(tmp_path, 10, said=5)
    record(folder, 3, 12)
    assert SessionStore(tmp_path).unfinished()[0].unfinished == pytest.approx(12 - 4.8)
    assert await finish(tmp_path, monkeypatch) == words(12)


async def test_what_neither_has_is_told_and_the_rest_is_captioned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = interrupted(tmp_path, 45, said=5)
    record(folder, 0, 13)
    record(folder, 16, 20)
    broken = record(folder, 22, 25)
    broken.write_bytes(b"no sound" * 100)
    lose(folder, 0)
    captions = await finish(tmp_path, monkeypatch, speed=8)
    assert captions == words(13) + words(4, 16) + words(15, 30)
    assert gaps(tmp_path) == [(13, 16), (20, 30)]


async def test_without_room_for_it_nothing_is_lost_and_it_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = interrupted(tmp_path, 45)
    record(folder, 0, 45)
    lose(folder, 0)

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("tui.audio.spool_files.os.write", full)
        with pytest.raises(CapttyError, match=r"No space left on device.*all still there"):
            finish_session(
                "last", Wish(server="ws://127.0.0.1:9", server_is_named=True, data=tmp_path)
            )
    assert SessionStore(tmp_path).unfinished()[0].unfinished == 45
    assert await finish(tmp_path, monkeypatch) == words(45)


# What the store says


def test_recordings_are_listed_in_order_and_nothing_else_is(tmp_path: Path) -> None:
    folder = interrupted(tmp_path, 1)
    store = SessionStore(tmp_path)
    assert store.recordings("last") == []
    record(folder, 100, 101)
    record(folder, 3, 5)
    for name in ("notes.txt", "1.opus", "000000000007.pcm", "000000000007.opus.bak", "x.opus"):
        (folder / RECORDING / name).write_bytes(b"x")
    (folder / RECORDING / "000000000009.opus").symlink_to(folder / RECORD)
    (folder / RECORDING / "000000000011.opus").mkdir()
    found = store.recordings(folder.name)
    assert [(file.start, file.end) for file in found] == [
        (3 * SAMPLE_RATE, 5 * SAMPLE_RATE),
        (100 * SAMPLE_RATE, 101 * SAMPLE_RATE),
    ]
    assert [file.path.parent for file in found] == [folder / RECORDING] * 2


def test_the_end_of_a_recording_that_was_cut_anywhere_is_what_can_be_heard(tmp_path: Path) -> None:
    folder = interrupted(tmp_path, 1)
    path = record(folder, 0, 4)
    data = path.read_bytes()
    for size in [0, 20, 50, 140, *range(200, len(data), 331), len(data)]:
        path.write_bytes(data[:size])
        (file,) = SessionStore(tmp_path).recordings("last")
        if file.end:
            assert sum(map(len, read_recording(path))) == 2 * file.end, size
    assert file.end == 4 * SAMPLE_RATE


def test_noise_in_place_of_a_recording_has_no_length(tmp_path: Path) -> None:
    folder = interrupted(tmp_path, 1)
    path = record(folder, 7, 8)
    for noise in (b"OggS", b"OggS" * 1_000, bytes(70_000), b"OggS" + b"\xff" * 40):
        path.write_bytes(noise)
        assert SessionStore(tmp_path).recordings("last")[0].end == 7 * SAMPLE_RATE


def closed(root: Path, *, complete: bool, unconfirmed: float | None = None) -> Path:
    """A session of 10 s that was closed, with a word at its beginning and a recording."""
    journal = Journal.create(root, HEADER)
    journal.write_segment(replace(segment(1, "hello", 0.5, 1.5), timed=True))
    if unconfirmed is not None:
        journal.write_event(event(EventKind.UNCONFIRMED, unconfirmed, until=10))
    journal.close("failed", 10 * SAMPLE_RATE, complete=complete)
    record(journal.folder, 0, 10)
    return journal.folder


def test_a_recording_leaves_nothing_to_finish_where_all_was_confirmed(tmp_path: Path) -> None:
    closed(tmp_path, complete=True)
    closed(tmp_path, complete=False)
    store = SessionStore(tmp_path)
    assert store.unfinished() == []
    assert [summary.unfinished for summary in store.list()] == [0, 0]


def test_a_recording_of_what_was_not_confirmed_is_left_to_finish(tmp_path: Path) -> None:
    folder = closed(tmp_path, complete=False, unconfirmed=6)
    assert [(one.id, one.unfinished) for one in SessionStore(tmp_path).unfinished()] == [
        (folder.name, 4)
    ]


def test_what_is_kept_twice_counts_once(tmp_path: Path) -> None:
    folder = interrupted(tmp_path, 10)
    record(folder, 2, 8)
    record(folder, 4, 13)
    record(folder, 20, 21)
    assert SessionStore(tmp_path).unfinished()[0].unfinished == 14


def test_of_recorded_sessions_that_are_complete_one_line_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [closed(tmp_path, complete=True) for _ in range(3)]
    read: list[str] = []
    monkeypatch.setattr("tui.sessions.store._Reading", lambda folder: read.append(folder.name))
    assert SessionStore(tmp_path).unfinished() == []
    assert read == []
    with (folders[0] / RECORD).open("ab") as torn:
        torn.write(b"{")
    with pytest.raises(AttributeError):
        SessionStore(tmp_path).unfinished()
    assert read == [folders[0].name]
