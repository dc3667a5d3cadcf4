"""Files of every kind become the same sound, in even chunks and at the right time."""

import shutil
import subprocess
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest

from tests.unit.audio.sounds import Sound, encode, pcm16, tone, wav
from tui.audio.level import measure
from tui.audio.media import MediaFile
from tui.audio.source import CHUNK_SAMPLES

CLIPS = Path(__file__).parents[4] / "shared" / "speech" / "clips"
FFMPEG = shutil.which("ffmpeg")
SLACK = 480
"""Samples: 30 ms."""


def heard(path: Path) -> bytes:
    source = MediaFile.open(path)
    try:
        return b"".join(source.chunks())
    finally:
        source.close()


def pitch(pcm: bytes) -> float:
    """The strongest frequency in Hz."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * 16_000 / len(samples))


def ffmpeg(path: Path) -> bytes:
    assert FFMPEG
    command = [FFMPEG, "-v", "error", "-nostdin", "-i", str(path)]
    command += ["-ac", "1", "-ar", "16000", "-f", "s16le", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.mark.skipif(not FFMPEG, reason="ffmpeg, which the lengths are compared with, is missing")
@pytest.mark.parametrize(
    "clip",
    sorted(CLIPS.glob("*"))
    or [
        pytest.param(None, marks=pytest.mark.skip(reason="recordings are not beside the checkout"))
    ],
    ids=lambda clip: clip.name if clip else "none",
)
def test_a_recording_is_as_long_and_as_loud_as_ffmpeg_hears_it(clip: Path) -> None:
    ours, theirs = heard(clip), ffmpeg(clip)
    assert len(ours) // 2 == pytest.approx(len(theirs) // 2, abs=SLACK)
    assert measure(ours).rms_dbfs == pytest.approx(measure(theirs).rms_dbfs, abs=0.3)


@pytest.mark.parametrize(
    ("name", "codec", "rate", "layout"),
    [
        ("a.wav", "pcm_s16le", 44_100, "stereo"),
        ("b.wav", "pcm_s24le", 48_000, "mono"),
        ("c.wav", "pcm_f32le", 96_000, "stereo"),
        ("d.wav", "pcm_u8", 11_025, "mono"),
        ("e.wav", "pcm_mulaw", 8_000, "mono"),
        ("f.wav", "pcm_alaw", 8_000, "mono"),
        ("g.wav", "pcm_f64le", 22_050, "mono"),
        ("h.wav", "adpcm_ms", 22_050, "mono"),
        ("a.aiff", "pcm_s16be", 44_100, "stereo"),
        ("a.flac", "flac", 44_100, "stereo"),
        ("a.mp3", "libmp3lame", 44_100, "stereo"),
        ("b.mp3", "libmp3lame", 16_000, "mono"),
        ("a.ogg", "vorbis", 44_100, "stereo"),
        ("b.ogg", "libopus", 48_000, "mono"),
        ("a.opus", "libopus", 48_000, "mono"),
        ("b.opus", "libopus", 48_000, "7.1"),
        ("a.m4a", "aac", 44_100, "stereo"),
        ("b.m4a", "alac", 44_100, "stereo"),
        ("c.m4a", "aac", 48_000, "5.1"),
        ("a.aac", "aac", 44_100, "stereo"),
        ("a.mp4", "aac", 48_000, "stereo"),
        ("a.mov", "pcm_s16le", 48_000, "stereo"),
        ("a.mkv", "ac3", 48_000, "stereo"),
        ("b.mkv", "flac", 48_000, "stereo"),
        ("a.webm", "libopus", 48_000, "stereo"),
        ("a.wma", "wmav2", 44_100, "stereo"),
        ("a.ts", "mp2", 48_000, "stereo"),
        ("a.avi", "libmp3lame", 44_100, "stereo"),
    ],
)
def test_every_format_is_the_same_sound(
    tmp_path: Path, name: str, codec: str, rate: int, layout: str
) -> None:
    count = av.AudioLayout(layout).nb_channels
    sound = np.repeat(tone(2, rate, hertz=440), count, axis=0)
    pcm = heard(encode(tmp_path / name, sound, codec, rate, layout))
    assert len(pcm) // 2 == pytest.approx(32_000, abs=0.06 * 16_000)
    assert pitch(pcm) == pytest.approx(440, abs=2)
    # a low-frequency channel holds nothing: what is left is as loud as the rest
    assert measure(pcm[8_000:-8_000]).rms_dbfs == pytest.approx(-9.03, abs=0.6)


def test_chunks_are_50_milliseconds_and_the_last_one_is_the_rest(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", tone(1.234, 44_100), "pcm_s16le", 44_100)
    media = MediaFile.open(path)
    *chunks, last = media.chunks()
    media.close()
    assert {len(chunk) for chunk in chunks} == {2 * CHUNK_SAMPLES}
    assert 0 < len(last) <= 2 * CHUNK_SAMPLES
    assert (len(b"".join(chunks)) + len(last)) // 2 == round(1.234 * 16_000)


def test_pcm_at_16_000_is_handed_on_untouched(tmp_path: Path) -> None:
    pcm = np.random.default_rng(1).integers(-32_768, 32_768, 40_001, dtype="<i2").tobytes()
    assert heard(wav(tmp_path / "a.wav", pcm)) == pcm


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.wav", "pcm_s16le"),
        ("a.flac", "flac"),
        ("a.mp3", "libmp3lame"),
        ("a.m4a", "aac"),
        ("a.ogg", "libopus"),
        ("a.webm", "libopus"),
    ],
)
def test_a_word_is_heard_when_it_is_said(tmp_path: Path, name: str, codec: str) -> None:
    sound = np.concatenate([np.zeros((1, 48_000), np.float32), tone(1, 48_000)], axis=1)
    samples = np.frombuffer(heard(encode(tmp_path / name, sound, codec, 48_000)), "<i2")
    first = np.flatnonzero(np.abs(samples.astype(int)) > 8_000)[0]
    assert first == pytest.approx(16_000, abs=160)


def film(path: Path, tracks: list[Sound]) -> Path:
    """A second of video with audio tracks at 48 000 Hz beside it."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        streams = [container.add_stream("aac", rate=48_000, layout="mono") for _ in tracks]
        for number in range(10):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            picture.pts = number
            container.mux(video.encode(picture))
        for stream, track in zip(streams, tracks, strict=True):
            samples = np.frombuffer(pcm16(track), "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = 48_000
            assert isinstance(stream, av.AudioStream)
            container.mux([*stream.encode(frame), *stream.encode(None)])
        container.mux(video.encode(None))
    return path


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_the_first_audio_track_of_a_film_is_heard(tmp_path: Path, name: str) -> None:
    tracks = [tone(1, 48_000, hertz=400), tone(1, 48_000, hertz=3_000)]
    pcm = heard(film(tmp_path / name, tracks))
    assert len(pcm) // 2 == pytest.approx(16_000, abs=0.06 * 16_000)
    assert pitch(pcm) == pytest.approx(400, abs=5)


def test_a_change_of_rate_and_channels_in_mid_file(tmp_path: Path) -> None:
    first = encode(tmp_path / "1.aac", tone(1, 44_100, hertz=400), "aac", 44_100)
    both = np.repeat(tone(1, 32_000, hertz=2_000), 2, axis=0)
    second = encode(tmp_path / "2.aac", both, "aac", 32_000, "stereo")
    joined = tmp_path / "joined.aac"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    pcm = heard(joined)
    assert len(pcm) // 2 == pytest.approx(32_000, abs=0.15 * 16_000)
    assert pitch(pcm[:28_000]) == pytest.approx(400, abs=5)
    assert pitch(pcm[-28_000:]) == pytest.approx(2_000, abs=5)


def test_a_pause_in_the_time_stamps_stays_a_pause(tmp_path: Path) -> None:
    path = tmp_path / "call.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for start in (0, 4 * 48_000):
            samples = np.frombuffer(pcm16(tone(1, 48_000)), "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48_000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    pcm = heard(path)
    assert len(pcm) // 2 == pytest.approx(5 * 16_000, abs=0.1 * 16_000)
    assert measure(pcm[2 * 20_000 : 2 * 60_000]).rms_dbfs < -60


def test_a_file_is_called_by_its_clean_name_and_told_its_length(tmp_path: Path) -> None:
    media = MediaFile.open(wav(tmp_path / "\x1b]0;evil\x07\u202etalk.wav", bytes(32_000)))
    media.close()
    assert (media.info.kind, media.info.name) == ("file", "]0;eviltalk.wav")
    assert media.info.samples == 16_000
    demo = MediaFile.open(encode(tmp_path / "a.aac", tone(1), "aac"), kind="demo")
    demo.close()
    assert (demo.info.kind, demo.info.samples) == ("demo", None)


def test_latin_1_tags_are_no_obstacle(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp3", tone(1), "libmp3lame")
    path.write_bytes(path.read_bytes() + b"TAG" + b"Caf\xe9 \xff".ljust(125, b"\0"))
    assert len(heard(path)) // 2 == pytest.approx(16_000, abs=SLACK)


def test_names_that_look_like_addresses_are_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a.wav", "http:b.wav", "%03d.wav", "-i.wav", "pipe:0"):
        assert len(heard(wav(Path(name), bytes(1_600)))) == 1_600


def test_close_ends_the_sound_from_another_thread_and_may_be_called_twice(tmp_path: Path) -> None:
    media = MediaFile.open(encode(tmp_path / "a.mkv", tone(60), "flac"))
    chunks = media.chunks()
    first = next(chunks)
    closing = Thread(target=media.close)
    closing.start()
    closing.join(5)
    assert not closing.is_alive()
    assert len(first + b"".join(chunks)) < 60 * 32_000
    media.close()


def test_a_closed_file_can_be_deleted_and_leaves_no_descriptor(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("no /proc to count descriptors in")
    path = wav(tmp_path / "a.wav", bytes(32_000))
    heard(path)
    assert path.resolve() not in {link.resolve() for link in descriptors.iterdir()}
