"""What is recorded can be listened to, at the right time, whatever happens to disk and process."""

import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.small_disk import mounted
from tests.unit.audio.spools import files
from tui.audio.media import MediaFile
from tui.audio.recording import PAGE_SECONDS, OpusFile, Recording, read_recording
from tui.audio.source import SourceError

SECOND = 16_000
PAGE = round(PAGE_SECONDS * SECOND)
DELAY = 40
"""Samples of Opus before the sound: 2.5 ms."""
Samples = NDArray[np.int16]
real_write = os.write


def babble(seconds: float, seed: int = 0) -> Samples:
    """Noise in the band of speech, of which no two parts are alike."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * SECOND))
    band = np.convolve(noise, np.hanning(16), "same") * 2_000
    loudness = 1 + 0.9 * np.sin(np.arange(len(band)) * (2 * np.pi * 4 / SECOND))
    sound: Samples = np.clip(band * loudness, -32_000, 32_000).astype(np.int16)
    return sound


def recorded(path: Path, start: int = 0) -> Samples:
    return np.frombuffer(b"".join(read_recording(path, start)), "<i2")


def played(path: Path) -> Samples:
    """As any file is that the user names."""
    media = MediaFile.open(path)
    try:
        return np.frombuffer(b"".join(media.chunks()), "<i2")
    finally:
        media.close()


def shift(sound: Samples, copy: Samples) -> int:
    """By how many samples the copy is late, within 12 ms; both are alike there."""
    most, first, last = 200, sound[200:-200].astype(float), copy.astype(float)
    likeness = [
        float(np.dot(first, last[most + late : most + late + len(first)]))
        for late in range(-most, most + 1)
    ]
    best = int(np.argmax(likeness))
    norm = float(np.linalg.norm(first) * np.linalg.norm(last[best : best + len(first)]))
    assert likeness[best] > 0.8 * norm, "they are not the same sound"
    return best - most


def assert_same_time(sound: Samples, copy: Samples) -> None:
    """Every second of the copy is that second of the sound."""
    for start in range(0, min(len(sound), len(copy)) - SECOND + 1, SECOND):
        part = slice(start, start + SECOND)
        assert abs(shift(sound[part], copy[part])) <= 16, f"1 ms at {start / SECOND} s"


def eventually(truth: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def feed(recording: Recording, sound: Samples) -> None:
    for start in range(0, len(sound), 800):
        recording.append(sound[start : start + 800].tobytes())


def one_file(folder: Path, sound: Samples) -> Path:
    recording = Recording(folder)
    recording.start(0)
    feed(recording, sound)
    recording.close(10)
    assert not recording.trouble
    return folder / f"{0:012}.opus"


def test_every_time_it_is_switched_on_is_a_file_named_by_its_first_sample(tmp_path: Path) -> None:
    folder, sound = tmp_path / "audio", babble(6)
    recording = Recording(folder)
    recording.append(b"\1\2" * 800)
    recording.start(0)
    assert recording.active
    feed(recording, sound[:40_001])
    recording.stop()
    assert not recording.active
    recording.append(b"\1\2" * 800)
    recording.start(70_000)
    recording.start(90_000)
    feed(recording, sound[40_001:])
    recording.close(10)
    assert files(folder) == ["000000000000.opus", "000000090000.opus"]
    first, second = (folder / name for name in files(folder))
    assert (len(recorded(first)), len(recorded(second))) == (40_001, len(sound) - 40_001)
    assert_same_time(sound[:40_001], recorded(first))
    assert_same_time(sound[40_001:], recorded(second))
    assert [oct(path.stat().st_mode)[-3:] for path in (folder, first)] == ["700", "600"]
    assert (recording.active, recording.trouble) == (False, "")


def test_it_is_played_like_any_other_file(tmp_path: Path) -> None:
    sound = babble(5.3)
    copy = played(one_file(tmp_path / "audio", sound))
    assert len(copy) == len(sound)
    assert_same_time(sound, copy)


def test_a_tone_that_begins_is_not_interrupted(tmp_path: Path) -> None:
    times = np.arange(SECOND) / SECOND
    for hertz in range(300, 3_000, 300):
        tone = np.where(times > 0.2, 8_000 * np.sin(2 * np.pi * hertz * times), 0)
        path = one_file(tmp_path / str(hertz), tone.astype(np.int16))
        loudness = np.abs(played(path)[SECOND // 4 :].reshape(-1, 160)).max(axis=1)
        assert loudness.min() > 6_000, f"{hertz} Hz"


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(20, 3_000), min_size=1, max_size=9), data=st.data())
def test_sound_in_any_pieces_is_as_long_and_can_be_read_from_any_sample(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], data: st.DataObject
) -> None:
    path, sound = tmp_path_factory.mktemp("audio") / "x.opus", babble(sum(cuts) / SECOND)
    with OpusFile(path) as file:
        at = 0
        for samples in cuts:
            file.append(sound[at : at + samples].tobytes())
            at += samples
    whole = recorded(path)
    assert len(whole) == len(sound)
    start = data.draw(st.integers(0, len(whole) + 100))
    assert np.array_equal(recorded(path, start), whole[start:])


def test_a_long_recording_is_read_from_the_middle_without_what_comes_before(tmp_path: Path) -> None:
    sound = babble(45)
    path = one_file(tmp_path / "audio", sound)
    for start in (SECOND // 3, 20 * SECOND + 1, 43 * SECOND):
        assert_same_time(sound[start : start + 3 * SECOND], recorded(path, start)[: 3 * SECOND])


_CHILD = """
import sys, time
from pathlib import Path
from tests.unit.audio.test_recording import babble, feed
from tui.audio.recording import Recording

sound, folder = babble(30), Path(sys.argv[1])
recording = Recording(folder)
recording.start(0)
feed(recording, sound[:160_000])
begin = time.monotonic()
for start in range(160_000, len(sound), 800):
    recording.append(sound[start : start + 800].tobytes())
    print(start + 800, flush=True)
    time.sleep(max(0, begin + (start - 160_000) / 16_000 - time.monotonic()))
"""


def test_killed_at_any_moment_it_plays_up_to_the_last_second(tmp_path: Path) -> None:
    root, sound, dice = Path(__file__).parents[3], babble(30), random.Random(4)
    folders = [tmp_path / str(number) for number in range(3)]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(folder)], cwd=root, stdout=subprocess.PIPE
        )
        for folder in folders
    ]
    for child, folder in zip(children, folders, strict=True):
        with child:
            assert child.stdout
            assert child.stdout.readline()
            time.sleep(dice.uniform(0.5, 1.0))  # the moment is any
            child.send_signal(signal.SIGKILL)
            fed = int(child.stdout.read().split()[-1])
        copy = recorded(folder / "000000000000.opus")
        assert fed - SECOND <= len(copy) <= fed
        assert_same_time(sound[: len(copy)], copy)
        assert len(played(folder / "000000000000.opus")) == len(copy)


def test_a_full_disk_ends_the_file_with_its_last_page_and_a_sentence(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(200_000))
        recording, sound = Recording(disk / "audio"), babble(60)
        recording.start(0)
        feed(recording, sound)
        eventually(lambda: not recording.active)
        assert "No space left on device" in recording.trouble
        recording.append(b"\1\2" * 800)
        recording.start(1)
        recording.append(sound[:SECOND].tobytes())
        eventually(lambda: not recording.active)
        assert files(disk / "audio") == ["000000000000.opus"]
        ballast.unlink()
        recording.start(60 * SECOND)
        assert (recording.active, recording.trouble) == (True, "")
        feed(recording, sound[:SECOND])
        recording.close(10)
        first, second = (disk / "audio" / name for name in files(disk / "audio"))
        assert len(recorded(second)) == SECOND
        copy = recorded(first)
        assert 5 * SECOND < len(copy) < 50 * SECOND
        assert_same_time(sound[: len(copy)], copy)
        assert len(played(first)) == len(copy)


def of_recordings(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[int, bytes | memoryview], int]
) -> None:
    """Let the threads of recordings write so."""

    def choose(fd: int, data: bytes | memoryview) -> int:
        recording = threading.current_thread().name == "recording"
        return write(fd, data) if recording else real_write(fd, data)

    monkeypatch.setattr("tui.audio.recording.os.write", choose)


def test_short_writes_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_recordings(monkeypatch, lambda fd, data: real_write(fd, data[: max(1, len(data) // 3)]))
    sound = babble(4)
    copy = recorded(one_file(tmp_path / "audio", sound))
    assert len(copy) == len(sound)
    assert_same_time(sound, copy)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, 0])
def test_half_a_page_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    calls: list[int] = []

    def fail(fd: int, data: bytes | memoryview) -> int:
        calls.append(fd)
        if len(calls) <= 10:
            return real_write(fd, data)
        if len(calls) == 11:
            return real_write(fd, data[:100])
        if number:
            raise OSError(number, os.strerror(number))
        return 0

    of_recordings(monkeypatch, fail)
    recording, sound = Recording(tmp_path / "audio"), babble(10)
    recording.start(0)
    feed(recording, sound)
    eventually(lambda: not recording.active)
    assert os.strerror(number or errno.ENOSPC) in recording.trouble
    assert "captions go on" in recording.trouble
    recording.close(10)
    assert len(calls) == 12
    copy = recorded(tmp_path / "audio" / "000000000000.opus")
    assert len(copy) == 10 * PAGE - DELAY
    assert_same_time(sound[: len(copy)], copy)


def test_a_file_that_never_got_a_page_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes | memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    of_recordings(monkeypatch, full)
    recording = Recording(tmp_path / "audio")
    recording.start(0)
    feed(recording, babble(2))
    eventually(lambda: not recording.active)
    recording.close(10)
    assert files(tmp_path / "audio") == []


def test_a_recording_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    path = one_file(tmp_path / "audio", babble(2))
    before = path.read_bytes()
    recording = Recording(tmp_path / "audio")
    recording.start(0)
    feed(recording, babble(2, seed=1))
    eventually(lambda: not recording.active)
    assert "File exists" in recording.trouble
    recording.close(10)
    assert path.read_bytes() == before


def test_a_place_that_takes_no_files_is_told(tmp_path: Path) -> None:
    (tmp_path / "audio").write_text("no folder")
    recording = Recording(tmp_path / "audio")
    recording.start(0)
    feed(recording, babble(2))
    eventually(lambda: not recording.active)
    assert "Not a directory" in recording.trouble


def test_a_disk_that_is_stuck_holds_nobody_up_and_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unstuck = threading.Event()

    def hang(fd: int, data: bytes | memoryview) -> int:
        assert unstuck.wait(30)
        return real_write(fd, data)

    of_recordings(monkeypatch, hang)
    monkeypatch.setattr("tui.audio.recording.MOST_WAITING", 20 * SECOND * 2)
    recording, sound = Recording(tmp_path / "audio"), babble(60)
    recording.start(0)
    recording.append(sound[:SECOND].tobytes())
    eventually(lambda: files(tmp_path / "audio"))
    begin = time.monotonic()
    feed(recording, sound[SECOND : 20 * SECOND])
    assert recording.active
    feed(recording, sound[20 * SECOND :])
    assert not recording.active
    assert "the disk has taken nothing for ten minutes" in recording.trouble
    recording.close(0.1)
    assert time.monotonic() - begin < 2
    unstuck.set()
    recording.close(10)
    copy = recorded(tmp_path / "audio" / "000000000000.opus")
    assert_same_time(sound[: len(copy)], copy)


def test_what_was_heard_before_there_was_a_place_may_come_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.audio.recording.MOST_WAITING", SECOND * 2)
    recording, sound = Recording(tmp_path / "audio"), babble(10)
    recording.start(0)
    recording.append(sound.tobytes())
    recording.close(10)
    assert not recording.trouble
    assert len(recorded(tmp_path / "audio" / "000000000000.opus")) == len(sound)


def test_damage_is_silence_and_moves_nothing(tmp_path: Path) -> None:
    sound = babble(14)
    path = one_file(tmp_path / "audio", sound)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3_000] = bytes(3_000)
    path.write_bytes(data)
    copy = recorded(path)
    assert len(copy) == len(sound)
    assert_same_time(sound[: 5 * SECOND], copy)
    assert_same_time(sound[9 * SECOND :], copy[9 * SECOND :])
    assert_same_time(sound[10 * SECOND :], recorded(path, 10 * SECOND))


def test_what_is_no_recording_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "000000000000.opus"
    path.write_bytes(b"OggS" * 500)
    with pytest.raises(SourceError, match="000000000000"):
        recorded(path)


def test_an_encoder_that_is_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.audio.recording.ENCODER", "no_such_encoder")
    recording = Recording(tmp_path / "audio")
    recording.start(0)
    feed(recording, babble(1))
    eventually(lambda: not recording.active)
    assert "its sound cannot be encoded" in recording.trouble
    recording.close(10)
    assert files(tmp_path) == []
