"""Standard input: every container and raw PCM, as it comes, until it ends or nobody listens."""

import os
import pty
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from threading import Event, Semaphore, Thread

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.pipes import heard, heard_from, piped
from tests.unit.audio.sounds import Sound, encode, pcm16, tone, wav
from tui.audio import pipe as pipe_module
from tui.audio.media import MediaFile
from tui.audio.pipe import PipeSource
from tui.audio.raw import RawFormat
from tui.audio.source import CHUNK_SAMPLES, SourceError, SourceInfo, Trouble

FFMPEG = shutil.which("ffmpeg")
ENCODINGS = {
    "u8": "u1",
    "s16le": "<i2",
    "s16be": ">i2",
    "s24le": "",
    "s32le": "<i4",
    "f32le": "<f4",
    "f64le": "<f8",
}


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.wav", "pcm_s16le", 44_100),
        ("b.wav", "pcm_s24le", 48_000),
        ("c.wav", "pcm_f32le", 96_000),
        ("d.wav", "pcm_mulaw", 8_000),
        ("a.aiff", "pcm_s16be", 44_100),
        ("a.flac", "flac", 44_100),
        ("a.mp3", "libmp3lame", 44_100),
        ("a.ogg", "libopus", 48_000),
        ("b.ogg", "flac", 48_000),
        ("a.webm", "libopus", 48_000),
        ("a.mkv", "ac3", 48_000),
        ("a.aac", "aac", 44_100),
        ("a.ts", "mp2", 48_000),
        ("b.ts", "aac", 48_000),
        ("a.avi", "libmp3lame", 44_100),
        ("a.wma", "wmav2", 44_100),
    ],
)
def test_every_container_is_the_sound_of_the_file(
    tmp_path: Path, name: str, codec: str, rate: int
) -> None:
    path = encode(tmp_path / name, tone(3, rate), codec, rate)
    media = MediaFile.open(path)
    whole = b"".join(media.chunks())
    media.close()
    pcm, end = heard_from(path)
    assert end == ""
    assert len(pcm) // 2 == pytest.approx(len(whole) // 2, abs=480)
    both = min(len(pcm), len(whole))
    ours, theirs = (np.frombuffer(sound[:both], "<i2").astype(int) for sound in (pcm, whole))
    assert np.abs(ours - theirs).max() <= 2


def live(path: Path, sound: Sound, codec: str) -> bytes:
    """What a live encoder sends: small pages and clusters, no length in any header."""

    class Sent:
        """Takes bytes and cannot go back."""

        def __init__(self) -> None:
            self.data = bytearray()

        def write(self, data: bytes) -> int:
            self.data += data
            return len(data)

    sent = Sent()
    options = {"page_duration": "200000", "cluster_time_limit": "200"}
    form = {".ts": "mpegts", ".aac": "adts", ".mkv": "matroska"}.get(path.suffix, path.suffix[1:])
    with av.open(sent, "w", format=form, options=options) as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for start in range(0, sound.shape[1], 4_800):
            samples = np.frombuffer(pcm16(sound[:, start : start + 4_800]), "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48_000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return bytes(sent.data)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.wav", "pcm_s16le"),
        ("a.ogg", "libopus"),
        ("b.ogg", "flac"),
        ("a.mp3", "libmp3lame"),
        ("a.aac", "aac"),
        ("a.webm", "libopus"),
        ("a.mkv", "flac"),
        ("a.ts", "aac"),
    ],
)
def test_sound_is_heard_within_half_a_second_of_its_coming(name: str, codec: str) -> None:
    noise = np.random.default_rng(3).normal(size=(1, 6 * 48_000)) * 0.1
    content = live(Path(name), noise.astype(np.float32), codec)
    second, wanted, over = len(content) // 6, Semaphore(0), Event()

    def producer() -> Iterator[bytes]:
        for number in range(3):
            wanted.acquire()
            yield content[number * second : (number + 1) * second]
        over.wait(30)

    with piped(producer()) as source:
        chunks, samples = source.chunks(), 0
        for seconds in (1.0, 2.0, 3.0):
            wanted.release()
            while samples < (seconds - 0.5) * 16_000:
                chunk = next(chunks)
                assert isinstance(chunk, bytes), f"{samples / 16_000} of {seconds} s"
                samples += len(chunk) // 2
        source.close()
        over.set()


def test_a_video_that_streams_is_heard(tmp_path: Path) -> None:
    if not FFMPEG:
        pytest.skip("ffmpeg, which makes the video, is missing")
    command = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25"]
    command += ["-f", "lavfi", "-i", "sine=f=440", "-t", "3", "-c:v", "mpeg2video", "-b:v", "4M"]
    for form in ("mpegts", "matroska", "mp4 -movflags frag_keyframe+empty_moov"):
        options = [*command, "-c:a", "aac", "-f", *form.split(), "-"]
        content = subprocess.run(options, capture_output=True, check=True).stdout
        pcm, end = heard(content)
        assert len(pcm) / 32_000 == pytest.approx(3, abs=0.1)
        assert end == ""


def test_a_cover_picture_is_no_obstacle(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp3", tone(3), "libmp3lame")
    picture = b"APIC" + struct.pack(">I", 600_000)[:4] + bytes(600_002)
    size = bytes(len(picture) >> shift & 0x7F for shift in (21, 14, 7, 0))
    tagged = b"ID3\x03\0\0" + size + picture + path.read_bytes()
    assert len(heard(tagged)[0]) / 32_000 == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("claimed", [0, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_a_wav_without_length_is_heard_to_its_end(tmp_path: Path, claimed: int) -> None:
    data = pcm16(tone(2))
    assert heard_from(wav(tmp_path / "a.wav", data, claimed=claimed)) == (data, "")


def test_what_stands_behind_the_sound_of_a_wav_is_no_sound(tmp_path: Path) -> None:
    data = pcm16(tone(1))
    path = wav(tmp_path / "a.wav", data)
    assert heard(path.read_bytes() + b"LIST\x10\0\0\0" + bytes(range(16))) == (data, "")


def test_chunks_are_50_milliseconds_and_the_last_one_is_the_rest() -> None:
    with piped(bytes(2 * 16_100), "s16:16000:1") as source:
        lengths = [len(chunk) for chunk in source.chunks() if isinstance(chunk, bytes)]
    assert lengths == [2 * CHUNK_SAMPLES] * 20 + [200]


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_raw_pcm_of_every_kind(encoding: str, channels: int) -> None:
    sound = np.repeat(tone(1, 48_000)[0, :, None], channels, axis=1)
    if encoding == "u8":
        data = (np.rint(sound * 127) + 128).astype("u1").tobytes()
    elif encoding == "s24le":
        wide = np.rint(sound * (2**23 - 1)).astype("<i4")
        data = np.frombuffer(wide.tobytes(), "u1").reshape(-1, 4)[:, :3].tobytes()
    else:
        kind = np.dtype(ENCODINGS[encoding])
        scale = np.iinfo(kind).max if kind.kind == "i" else 1
        data = (sound.astype(float) * scale).astype(kind).tobytes()
    pcm, end = heard(data + b"\1", f"{encoding}:48000:{channels}")
    assert end == ""
    assert len(pcm) // 2 == pytest.approx(16_000, abs=2)
    samples = np.frombuffer(pcm, "<i2")[2_000:-2_000].astype(int)
    expected = np.frombuffer(pcm16(tone(1)), "<i2")[2_000 : len(samples) + 2_000].astype(int)
    assert np.abs(samples - expected).max() <= (300 if encoding == "u8" else 40)


@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=2, max_size=9_000), st.lists(st.integers(1, 4_000), max_size=6))
def test_raw_pcm_is_the_same_however_it_comes(data: bytes, cuts: list[int]) -> None:
    ordered = sorted(set(cuts))
    pieces = [data[a:b] for a, b in zip([0, *ordered], [*ordered, len(data)], strict=True)]
    pcm, _ = heard(pieces, "s16le:16000:1")
    assert pcm == data[: len(data) // 2 * 2]


@given(
    st.sampled_from(sorted(ENCODINGS)),
    st.integers(1_000, 384_000),
    st.integers(1, 8),
    st.booleans(),
)
def test_a_description_of_pcm_is_understood(
    encoding: str, rate: int, channels: int, short: bool
) -> None:
    name = encoding.removesuffix("le") if short else encoding
    assert RawFormat.parse(f"{name}:{rate}:{channels}") == RawFormat(encoding, rate, channels)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write it like s16le:16000:1"),
        ("s16le", "write it like s16le:16000:1"),
        ("s16le:16000", "write it like s16le:16000:1"),
        ("s16le:16000:1:2", "write it like s16le:16000:1"),
        ("s16le:-1:1", "write it like s16le:16000:1"),
        ("mp3:16000:1", "mp3 is none of the sample formats u8, s16le"),
        ("s16le:999:1", "999 samples a second"),
        ("s16le:384001:1", "384001 samples a second"),
        ("s16le:16000:0", "1 to 8 channels, not 0"),
        ("s16le:16000:9", "1 to 8 channels, not 9"),
    ],
)
def test_a_description_of_something_else_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as error:
        RawFormat.parse(text)
    assert said in str(error.value)


def test_what_a_pipe_is_called() -> None:
    with piped(b"") as source:
        assert source.info == SourceInfo("stdin", "standard input", None, live=True, waits=True)


def refusal(fd: int) -> str:
    with pytest.raises(SourceError, match=r"^[^\n]+$") as error:
        PipeSource.open(fd, None)
    return str(error.value)


def test_what_no_sound_can_come_from(tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()
    folder = os.open(tmp_path, os.O_RDONLY)
    assert refusal(terminal).startswith(
        "standard input is the keyboard: pipe sound into it, for ex"
    )
    assert refusal(folder) == "standard input is a folder: give one sound file in it"
    for fd in (keyboard, terminal, folder):
        os.close(fd)
    assert refusal(folder) == "there is no standard input: pipe sound into captty"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "standard input is empty"),
        (b"hello\n" * 500, "standard input is no sound or video that captty can read"),
        (b"<!DOCTYPE html><html>" + b" " * 5_000, "standard input is no sound or video"),
        (np.random.default_rng(1).bytes(50_000), "describe it, as in --raw s16le:16000:1"),
        (b"RIFF\x24\0\0\0WAVE", "standard input is no sound or video"),
        (b"RIFF\x24\0\0\0WAVEfmt \xff\xff\xff\xff" + bytes(500), "standard input "),
    ],
)
def test_what_is_no_sound(content: bytes, said: str) -> None:
    pcm, end = heard(content)
    assert pcm == b""
    assert said in end


def test_raw_pcm_that_never_comes() -> None:
    assert heard(b"", "s16le:16000:1")[1] == (
        "standard input is empty: no sound came before it ended"
    )


def test_a_read_that_fails_is_told() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    source = PipeSource.open(writing, RawFormat("s16le", 16_000, 1))
    with pytest.raises(SourceError, match="standard input cannot be read any further"):
        list(source.chunks())


def test_an_mp4_with_its_index_behind_the_sound_is_explained(tmp_path: Path) -> None:
    pcm, end = heard_from(encode(tmp_path / "a.m4a", tone(3), "aac"))
    assert pcm == b""
    assert "has its index at the end" in end


@pytest.mark.parametrize(("name", "codec"), [("a.flac", "flac"), ("a.mkv", "ac3")])
def test_a_cut_container_is_heard_and_says_so(tmp_path: Path, name: str, codec: str) -> None:
    content = encode(tmp_path / name, tone(10, 48_000), codec, 48_000).read_bytes()
    pcm, end = heard(content[: len(content) // 2])
    assert 4 * 32_000 < len(pcm) < 6 * 32_000
    assert end.startswith("standard input breaks off at 0:00:0")


def test_close_ends_a_read_that_waits() -> None:
    reading, writing = os.pipe()
    source = PipeSource.open(reading, None)
    listening = Thread(target=lambda: list(source.chunks()), daemon=True)
    listening.start()
    os.write(writing, b"RIFF")
    while not source._pipe.starved:
        time.sleep(0.01)
    began = time.monotonic()
    source.close()
    listening.join(5)
    assert time.monotonic() - began < 0.3
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"more")
    os.close(writing)
    source.close()


def test_close_before_anything_was_read_lets_the_other_end_know() -> None:
    reading, writing = os.pipe()
    source = PipeSource.open(reading, None)
    source.close()
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"sound")
    os.close(writing)
    assert list(source.chunks()) == []


def test_a_pipe_waits_while_nobody_listens() -> None:
    """It is not read ahead: neither memory nor time is used up by what never ends."""
    written = 0

    def endless() -> Iterator[bytes]:
        nonlocal written
        for piece in repeat(bytes(16_000)):
            written += len(piece)
            yield piece

    with piped(endless(), "s16le:16000:1") as source:
        chunks = source.chunks()
        before = [next(chunks) for _ in range(100)]
        held = -1
        while held != written:
            held = written
            time.sleep(0.2)
        assert written < 100 * 1_600 + 400_000
        assert all(isinstance(chunk, bytes) for chunk in before)
        assert len(b"".join(chunk for chunk in before if isinstance(chunk, bytes))) == 160_000


def test_a_pipe_that_gives_nothing_is_told_and_misses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipe_module, "_PATIENCE_SECONDS", 0.2)
    reading, writing = os.pipe()
    source = PipeSource.open(reading, RawFormat("s16le", 16_000, 1))
    chunks = source.chunks()
    said = next(chunks)
    assert isinstance(said, Trouble)
    assert said.sentence.startswith("standard input gives no")
    for _ in range(2):
        os.write(writing, bytes(16_384))
        rest = [next(chunks) for _ in range(12)]
        assert rest[0] == Trouble("")
        assert all(isinstance(chunk, bytes) for chunk in rest[1:-1])
        assert rest[-1] == said
    os.close(writing)
    assert next(chunks) == Trouble("")
    assert not any(isinstance(chunk, Trouble) for chunk in chunks)
    source.close()


def test_a_producer_that_is_killed_ends_the_sound() -> None:
    if not FFMPEG:
        pytest.skip("ffmpeg, which makes the sound, is missing")
    command = [FFMPEG, "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", "sine=f=440"]
    producer = subprocess.Popen([*command, "-f", "wav", "-"], stdout=subprocess.PIPE)
    with producer:
        assert producer.stdout
        source = PipeSource.open(os.dup(producer.stdout.fileno()), None)
        chunks = source.chunks()
        assert isinstance(next(chunks), bytes)
        producer.kill()
        assert all(isinstance(chunk, bytes) for chunk in chunks)
        source.close()
