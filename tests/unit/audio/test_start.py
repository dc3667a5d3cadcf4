"""A file heard from a position on is the same sound as the whole one, cut there."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.unit.audio.sounds import Sound, encode, pcm16, silent_flac, tone, wav
from tui.audio.decoder import Decoder
from tui.audio.media import MediaFile
from tui.audio.position import clock, parse_position
from tui.audio.source import SourceError

FFMPEG = shutil.which("ffmpeg")
SECONDS = 20


def heard(path: Path, start: float = 0.0) -> NDArray[np.int16]:
    media = MediaFile.open(path, start=start)
    try:
        return np.frombuffer(b"".join(media.chunks()), "<i2")
    finally:
        media.close()


def melody(rate: int) -> Sound:
    """Twenty seconds, no two of which sound alike: noise whose loudness comes and goes."""
    noise = np.random.default_rng(7).normal(size=SECONDS * rate // 8)
    slow = np.interp(np.arange(SECONDS * rate) / 8, np.arange(len(noise)), noise)
    swell = np.abs(np.sin(np.arange(SECONDS * rate) / rate * 7))
    return (0.15 * slow * swell)[np.newaxis].astype(np.float32)


def lag(cut: NDArray[np.int16], whole: NDArray[np.int16], start: int) -> float:
    """The samples by which `cut` lies behind the place `start` of `whole`."""
    reach, length = 8_000, 32_000
    piece = cut[4_000 : 4_000 + length].astype(float)
    around = whole[start + 4_000 - reach : start + 4_000 + length + reach].astype(float)
    size = 2 ** int(np.ceil(np.log2(len(around) + len(piece))))
    match = np.fft.irfft(np.fft.rfft(around, size) * np.fft.rfft(piece, size).conj(), size)
    return float(np.argmax(match[: 2 * reach + 1]) - reach)


FORMATS = [
    ("a.wav", "pcm_s16le", 44_100),
    ("b.wav", "adpcm_ms", 22_050),
    ("a.aiff", "pcm_s16be", 44_100),
    ("a.flac", "flac", 44_100),
    ("a.mp3", "libmp3lame", 44_100),
    ("b.mp3", "libmp3lame", 16_000),
    ("a.ogg", "libopus", 48_000),
    ("a.m4a", "aac", 44_100),
    ("b.m4a", "alac", 44_100),
    ("a.webm", "libopus", 48_000),
    ("a.mkv", "flac", 48_000),
    ("b.mkv", "ac3", 48_000),
    ("c.mkv", "libmp3lame", 44_100),
    ("a.ts", "mp2", 48_000),
    ("b.ts", "aac", 48_000),
    ("a.aac", "aac", 44_100),
    ("a.wma", "wmav2", 44_100),
    ("a.avi", "libmp3lame", 44_100),
]


@pytest.mark.parametrize(("name", "codec", "rate"), FORMATS)
def test_the_sound_from_a_position_on(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    path = encode(tmp_path / name, melody(rate), codec, rate)
    whole = heard(path)
    for start in (0.7, 12.3456):
        cut, at = heard(path, start), round(start * 16_000)
        assert len(cut) == pytest.approx(len(whole) - at, abs=32)
        assert abs(lag(cut, whole, at)) <= 32


def test_the_length_is_what_is_left(tmp_path: Path) -> None:
    media = MediaFile.open(encode(tmp_path / "a.flac", tone(10), "flac"), start=7.5)
    media.close()
    assert media.info.samples == 40_000


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.wav", "pcm_s16le"),
        ("a.flac", "flac"),
        ("a.mp3", "libmp3lame"),
        ("a.ogg", "libopus"),
        ("a.m4a", "aac"),
        ("a.mkv", "ac3"),
        ("a.ts", "mp2"),
        ("a.aac", "aac"),
    ],
)
def test_a_start_behind_the_end_is_refused_with_the_length(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = encode(tmp_path / name, tone(25, 48_000), codec, 48_000)
    for start in (26.5, 90_000):
        with pytest.raises(SourceError) as error:
            MediaFile.open(path, start=start)
        assert str(error.value) == (
            f"{name} is 0:00:25 long and has no sound at {clock(start)}: choose an earlier start"
        )


def test_a_cut_file_says_where_it_breaks_off_on_its_own_clock(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.flac", melody(16_000), "flac")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    media = MediaFile.open(path, start=9)
    with pytest.raises(SourceError, match=r"a\.flac breaks off at 0:00:(14|15) of 0:00:20"):
        list(media.chunks())
    media.close()


def test_damage_before_the_start_is_nobodys_concern(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.ogg", melody(48_000), "libopus", 48_000)
    content = bytearray(path.read_bytes())
    tenth = len(content) // 10
    content[2 * tenth : 3 * tenth] = bytes(tenth)
    path.write_bytes(content)
    with pytest.raises(SourceError, match="is damaged"):
        heard(path)
    assert len(heard(path, 15.0)) == pytest.approx(5 * 16_000, abs=480)


def test_a_start_within_a_pause_of_the_time_stamps(tmp_path: Path) -> None:
    """Two seconds of sound, six of nothing, two of sound."""
    path = tmp_path / "call.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for number in [*range(20), *range(80, 100)]:
            samples = np.frombuffer(pcm16(tone(0.1)), "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, number * 1_600
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    whole = heard(path)
    assert len(whole) == 160_000
    for start in (1.05, 2.5, 5.0, 7.95, 8.05, 9.0):
        assert heard(path, start).tobytes() == whole[round(start * 16_000) :].tobytes()


def test_the_sound_of_a_film_from_a_position_on(tmp_path: Path) -> None:
    if not FFMPEG:
        pytest.skip("ffmpeg, which makes the film, is missing")
    sound = wav(tmp_path / "a.wav", pcm16(melody(16_000)))
    command = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=10"]
    command += ["-i", str(sound), "-shortest"]
    command += ["-c:v", "mpeg4", "-g", "100", "-c:a", "aac", "-ar", "48000"]
    for name in ("a.mp4", "a.mkv", "a.ts"):
        path = tmp_path / name
        subprocess.run([*command, str(path)], check=True, capture_output=True)
        whole, cut = heard(path), heard(path, 14.77)
        at = round(14.77 * 16_000)
        assert len(cut) == pytest.approx(len(whole) - at, abs=480)
        assert abs(lag(cut, whole, at)) <= 480


def test_a_start_far_into_a_long_file_is_found_without_decoding_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, step = 0, Decoder._step

    def counted(decoder: Decoder) -> list[av.AudioFrame] | None:
        nonlocal steps
        steps += 1
        return step(decoder)

    monkeypatch.setattr(Decoder, "_step", counted)
    path = silent_flac(tmp_path / "long.flac", 20 * 3_600 * 16_000, 16_000, 1)
    media = MediaFile.open(path, start=19 * 3_600)
    media.close()
    assert media.info.samples == 3_600 * 16_000
    assert steps < 20


def test_a_start_in_what_is_not_meant_for_ears_is_refused(tmp_path: Path) -> None:
    path = silent_flac(tmp_path / "fast.flac", 60 * 655_350, 655_350, 8)
    with pytest.raises(SourceError, match="claims 655350 samples a second"):
        MediaFile.open(path, start=30)


@pytest.mark.parametrize("seed", range(4))
def test_a_start_in_garbled_files_is_found_or_refused(tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    kinds = {"a.mp3": "libmp3lame", "a.m4a": "aac", "a.ogg": "libopus", "a.flac": "flac"}
    for name, codec in kinds.items():
        path = encode(tmp_path / name, tone(3), codec)
        content = np.frombuffer(path.read_bytes(), np.uint8).copy()
        content[chance.integers(0, len(content), 20)] = chance.integers(0, 256, 20)
        path.write_bytes(content.tobytes())
        with suppress(SourceError):
            heard(path, 1.5)


@given(st.integers(0, 9_999), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_positions_are_read_as_people_write_them(
    hours: int, minutes: int, seconds: int, thousandths: int
) -> None:
    total = hours * 3_600 + minutes * 60 + seconds
    fraction = f".{thousandths:03}"
    assert parse_position(f"{hours}:{minutes:02}:{seconds:02}") == total
    assert parse_position(f" {hours * 60 + minutes}:{seconds:02} ") == total
    assert parse_position(f"{total}") == total
    for text in (f"{hours}:{minutes:02}:{seconds:02}{fraction}", f"{total}{fraction}"):
        assert parse_position(text) == pytest.approx(total + thousandths / 1_000)
    assert parse_position(clock(total)) == total


@pytest.mark.parametrize(
    "text", ["", "x", "-5", "12:", ":30", "1:60", "1:60:00", "1:2:3:4", "1e5", "nan", "inf", "1:-2"]
)
def test_what_is_no_position_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 12:30, 1:02:03 or 750"):
        parse_position(text)
