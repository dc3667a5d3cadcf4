"""Files that are broken, lie or lead elsewhere are refused in a sentence, and harm nothing."""

import contextlib
import os
import socketserver
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest

from tests.unit.audio.sounds import encode, flac_frame, pcm16, silent_flac, tone, wav
from tui.audio import track as track_module
from tui.audio.level import measure
from tui.audio.media import MediaFile
from tui.audio.source import SourceError


def refusal(path: Path) -> str:
    """The sentence with which a file is refused when it is opened."""
    with pytest.raises(SourceError) as error:
        MediaFile.open(path)
    sentence = str(error.value)
    assert "\n" not in sentence
    assert str(path.parent) not in sentence
    return sentence


def heard(path: Path) -> tuple[bytes, str]:
    """All the sound of a file, and the sentence with which it breaks off."""
    media = MediaFile.open(path)
    pcm = bytearray()
    try:
        for chunk in media.chunks():
            pcm += chunk
    except SourceError as error:
        return bytes(pcm), str(error)
    finally:
        media.close()
    return bytes(pcm), ""


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    assert refusal(tmp_path / "talk.wav") == "talk.wav is not there: check its name and folder"
    assert refusal(tmp_path).endswith("is a folder: name one sound file in it")
    assert "empty.wav is empty" in refusal(tmp_path / "empty.wav")
    assert "pipe.wav is a device or a pipe" in refusal(tmp_path / "pipe.wav")
    assert "cannot be opened" in refusal(tmp_path / "loop.wav")
    assert "cannot be opened" in refusal(tmp_path / ("x" * 300))
    assert "cannot be opened" in refusal(tmp_path / "a\0.wav")
    assert "zero is a device or a pipe" in refusal(Path("/dev/zero"))


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = wav(tmp_path / "secret.wav", bytes(3_200))

    def forbidden(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    assert "secret.wav is closed to you by its permissions" in refusal(path)


@pytest.mark.parametrize(
    "content",
    [b"\0", b"hello", b"%PDF-1.7\n" + bytes(999), b"\x89PNG\r\n\x1a\n" + bytes(99), b"RIFF"],
)
@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.txt", "a"])
def test_what_is_no_sound(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal(path).startswith(f"{name} ")


def test_noise_called_sound(tmp_path: Path) -> None:
    for number, name in enumerate(["a.wav", "a.mp3", "a.aac", "a.flac", "a.ogg", "a.mp4"]):
        path = tmp_path / name
        path.write_bytes(np.random.default_rng(number).bytes(50_000))
        assert refusal(path).startswith(f"{name} ")


def test_a_film_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(picture), *stream.encode(None)])
    assert "silent.mp4 has no sound in it" in refusal(path)


class Listener(socketserver.ThreadingTCPServer):
    """A host that notes whether anybody calls."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.calls = 0

    def verify_request(self, *_: object) -> bool:
        self.calls += 1
        return False


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


PLAYLISTS: dict[str, Callable[[str], str]] = {
    "hls": lambda target: (
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" + target + "\n#EXT-X-ENDLIST\n"
    ),
    "concat": lambda target: f"ffconcat version 1.0\nfile '{target}'\n",
    "dash": lambda target: (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1">'
        f"<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ),
    "pls": lambda target: f"[playlist]\nFile1={target}\n",
}


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m3u8", ".ffconcat", ""])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_open_no_other_host_or_file(
    tmp_path: Path, listener: Listener, kind: str, suffix: str
) -> None:
    encode(tmp_path / "secret.ts", tone(1, 48_000), "mp2", 48_000)
    host = f"http://127.0.0.1:{listener.server_address[1]}/a.ts"
    for target in (host, "secret.ts"):
        path = tmp_path / f"list{suffix}"
        path.write_text(PLAYLISTS[kind](target))
        assert "is a playlist and has no sound of its own" in refusal(path)
    assert not listener.calls


def test_the_trap_for_playlists_would_have_snapped(tmp_path: Path) -> None:
    encode(tmp_path / "secret.ts", tone(1, 48_000), "mp2", 48_000)
    path = tmp_path / "list.wav"
    path.write_text(PLAYLISTS["concat"]("secret.ts"))
    with av.open(str(path)) as container:
        assert any(frame.samples for frame in container.decode(audio=0))


@pytest.mark.parametrize("claimed", [0, 2**31 - 1, 2**32 - 1])
def test_a_wav_file_that_lies_about_its_length_is_heard(tmp_path: Path, claimed: int) -> None:
    data = pcm16(tone(2))
    pcm, end = heard(wav(tmp_path / "a.wav", data, claimed=claimed))
    assert (pcm, end) == (data, "")


@pytest.mark.parametrize(
    ("channels", "rate", "said"),
    [
        (0, 16_000, "a.wav "),
        (9, 16_000, "has 9 channels"),
        (64, 16_000, "has 64 channels"),
        (65_535, 16_000, "a.wav "),
        (1, 0, "a.wav "),
        (1, 1, "claims 1 samples a second"),
        (2, 655_350, "claims 655350 samples a second"),
        (1, 4_000_000_000, "a.wav "),
    ],
)
def test_a_wav_file_that_is_not_meant_for_ears(
    tmp_path: Path, channels: int, rate: int, said: str
) -> None:
    path = wav(tmp_path / "a.wav", pcm16(tone(10)), channels=channels, rate=rate)
    assert said in refusal(path)


def test_eight_channels_at_384_000_are_heard(tmp_path: Path) -> None:
    data = pcm16(np.repeat(tone(0.5, 384_000), 8, axis=0))
    pcm, end = heard(wav(tmp_path / "a.wav", data, channels=8, rate=384_000))
    assert len(pcm) // 2 == 8_000
    assert not end


@pytest.mark.parametrize(
    ("name", "codec", "says_so"),
    [
        ("a.wav", "pcm_s16le", False),
        ("a.mp3", "libmp3lame", False),
        ("a.aac", "aac", False),
        ("a.ogg", "libopus", False),
        ("a.flac", "flac", True),
        ("a.mkv", "ac3", True),
        ("a.webm", "libopus", True),
        ("a.m4a", "aac", True),
        ("a.wma", "wmav2", False),
    ],
)
def test_a_cut_file_is_heard_up_to_the_cut(
    tmp_path: Path, name: str, codec: str, says_so: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    path = encode(tmp_path / name, tone(20, 48_000), codec, 48_000)
    if name.endswith("m4a"):
        path = faststart(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 7])
    pcm, end = heard(path)
    assert 8 * 32_000 < len(pcm) < 11 * 32_000
    assert measure(pcm[8_000:-8_000]).rms_dbfs == pytest.approx(-9.03, abs=0.6)
    assert end.startswith(f"{path.name} breaks off at 0:00:") is says_so
    assert capfd.readouterr() == ("", "")


def faststart(path: Path) -> Path:
    """The same MP4 with its index in front, as on the web."""
    moved = path.with_name("fast.m4a")
    with (
        av.open(str(path)) as source,
        av.open(str(moved), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return moved


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.wav", "pcm_s16le"), ("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.m4a", "aac")],
)
def test_a_file_cut_off_before_any_sound_is_refused(tmp_path: Path, name: str, codec: str) -> None:
    path = encode(tmp_path / name, tone(1), codec)
    path.write_bytes(path.read_bytes()[:44])
    assert refusal(path).startswith(f"{name} ")


@pytest.mark.parametrize(
    ("name", "codec"), [("a.flac", "flac"), ("a.ogg", "libopus"), ("a.m4a", "aac")]
)
def test_sound_behind_a_damaged_place_keeps_its_time(tmp_path: Path, name: str, codec: str) -> None:
    sound = tone(20, 48_000)
    sound[:, 15 * 48_000 :] = tone(5, 48_000, hertz=3_000)
    path = encode(tmp_path / name, sound, codec, 48_000)
    content = bytearray(path.read_bytes())
    hole = len(content) // 5
    content[2 * hole : 3 * hole] = bytes(hole)
    path.write_bytes(content)
    pcm, end = heard(path)
    assert len(pcm) // 2 == pytest.approx(20 * 16_000, abs=0.3 * 16_000)
    assert f"{name} is damaged" in end
    samples = np.frombuffer(pcm[2 * 16_000 * 14 :], "<i2").astype(float)
    high = np.abs(np.diff(samples)) > 8_000
    assert np.flatnonzero(high)[0] == pytest.approx(16_000, abs=0.3 * 16_000)


def test_a_damaged_last_frame_is_passed_over(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.flac", tone(5), "flac")
    path.write_bytes(path.read_bytes()[:-20])
    pcm, end = heard(path)
    assert len(pcm) // 2 == pytest.approx(5 * 16_000, abs=0.4 * 16_000)
    assert end == ""


def test_a_file_without_end_is_cut_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track_module, "LONGEST", 3_600)
    path = silent_flac(tmp_path / "a.flac", 2 * 3_600 * 16_000, 16_000, 1)
    pcm, end = heard(path)
    assert len(pcm) == pytest.approx(3_600 * 32_000, rel=0.01)
    assert end == "a.flac is longer than 1 hours, where captty stops: cut it into parts"


def ten_hours(folder: Path) -> Path:
    return silent_flac(folder / "ten.flac", 36_000 * 16_000, 16_000, 1)


def too_fast(folder: Path) -> Path:
    return silent_flac(folder / "fast.flac", 60 * 655_350, 655_350, 8)


def eight_channels(folder: Path) -> Path:
    return silent_flac(folder / "eight.flac", 60 * 384_000, 384_000, 8)


def crowded_packets(folder: Path) -> Path:
    """FLAC in Matroska: 4 000 frames, 4 GB of silence, in a single packet of 140 kB."""
    path = folder / "crowded.mkv"
    plain = silent_flac(folder / "plain.flac", 65_535 * 4, 48_000, 8)
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for number, content in enumerate([flac_frame(0, 8), flac_frame(0, 8) * 4_000]):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, Fraction(1, 48_000)
            packet.pts = packet.dts = number * 65_535
            target.mux(packet)
    return path


@pytest.mark.parametrize("bomb", [ten_hours, too_fast, eight_channels, crowded_packets])
def test_a_bomb_takes_little_memory(tmp_path: Path, bomb: Callable[[Path], Path]) -> None:
    program = """
        import resource, sys
        from pathlib import Path
        from tui.audio.media import MediaFile
        from tui.audio.source import SourceError
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
        def peak(path):
            try:
                for chunk in MediaFile.open(Path(path)).chunks():
                    pass
            except SourceError:
                pass
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(*map(peak, sys.argv[1:]))
    """
    harmless = wav(tmp_path / "a.wav", pcm16(tone(1)))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), harmless, bomb(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.stderr
    before, after = map(int, done.stdout.split())
    assert after < 1.5 * before


@pytest.mark.parametrize("seed", range(8))
def test_garbled_files_end_or_are_refused(tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    kinds = {"a.mp3": "libmp3lame", "a.m4a": "aac", "a.ogg": "libopus", "a.flac": "flac"}
    for name, codec in kinds.items():
        path = encode(tmp_path / name, tone(1), codec)
        content = np.frombuffer(path.read_bytes(), np.uint8).copy()
        content[chance.integers(0, len(content), 20)] = chance.integers(0, 256, 20)
        path.write_bytes(content.tobytes())
        with contextlib.suppress(SourceError):
            heard(path)
