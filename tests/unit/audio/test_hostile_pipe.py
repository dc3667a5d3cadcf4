"""What is broken, lies or leads elsewhere harms nothing on standard input either."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import numpy as np
import pytest

from tests.unit.audio.pipes import heard, heard_from, piped
from tests.unit.audio.sounds import encode, pcm16, tone, wav
from tests.unit.audio.test_hostile_media import (
    PLAYLISTS,
    Listener,
    crowded_packets,
    eight_channels,
    listener,
    ten_hours,
    too_fast,
)

__all__ = ["listener"]

_MEGABYTE = 2**20


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_open_no_other_host_or_file(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    encode(tmp_path / "secret.ts", tone(1, 48_000), "mp2", 48_000)
    monkeypatch.chdir(tmp_path)
    host = f"http://127.0.0.1:{listener.server_address[1]}/a.ts"
    for target in (host, "secret.ts", str(tmp_path / "secret.ts")):
        for space in ("", "\n \n", "\N{ZERO WIDTH NO-BREAK SPACE}"):
            pcm, end = heard((space + PLAYLISTS[kind](target)).encode())
            assert pcm == b""
            assert "is a playlist and has no sound of its own" in end
    assert not listener.calls


@pytest.mark.parametrize(
    ("channels", "rate", "said"),
    [
        (0, 16_000, "standard input "),
        (9, 16_000, "has 9 channels"),
        (64, 16_000, "has 64 channels"),
        (65_535, 16_000, "standard input "),
        (1, 0, "standard input "),
        (1, 1, "claims 1 samples a second"),
        (2, 655_350, "claims 655350 samples a second"),
        (1, 4_000_000_000, "standard input "),
    ],
)
def test_a_wav_that_is_not_meant_for_ears(
    tmp_path: Path, channels: int, rate: int, said: str
) -> None:
    pcm, end = heard_from(wav(tmp_path / "a.wav", pcm16(tone(10)), channels=channels, rate=rate))
    assert pcm == b""
    assert said in end


@pytest.mark.parametrize(
    "head",
    [
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\x7f",
        b"RIFF\0\0\0\0WAVEfmt \0\0\0\0",
        b"fLaC",
        b"OggS\0\2",
        b"ID3\3\0\0\x7f\x7f\x7f\x7f",
        b"\x1aE\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\xff\xff\xff\xffmoov",
        b"\xff\xfb\x90\x44",
        b"",
    ],
)
@pytest.mark.parametrize("filling", ["zeros", "noise"])
def test_what_never_becomes_sound_is_given_up(head: bytes, filling: str) -> None:
    noise = np.random.default_rng(1).bytes(_MEGABYTE)
    body = bytes(_MEGABYTE) if filling == "zeros" else noise
    sent = 0

    def content() -> Iterator[bytes]:
        nonlocal sent
        for piece in chain([head], repeat(body)):
            sent += len(piece)
            yield piece

    pcm, end = heard(content())
    assert pcm == b""
    assert end.startswith("standard input ")
    assert sent < 66 * _MEGABYTE


@pytest.mark.parametrize("bomb", [ten_hours, too_fast, eight_channels, crowded_packets])
def test_a_bomb_takes_little_memory(tmp_path: Path, bomb: Callable[[Path], Path]) -> None:
    program = """
        import os, resource, sys
        from tui.audio.pipe import PipeSource
        from tui.audio.source import SourceError
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
        def peak(path):
            reading, writing = os.pipe()
            if not os.fork():
                os.close(reading)
                with open(path, "rb") as file, os.fdopen(writing, "wb") as pipe:
                    try:
                        pipe.write(file.read())
                        pipe.flush()
                    finally:
                        os._exit(0)
            os.close(writing)
            source = PipeSource.open(reading, None)
            try:
                for chunk in source.chunks():
                    pass
            except SourceError as error:
                pass
            source.close()
            os.wait()
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


@pytest.mark.parametrize("seed", range(4))
def test_garbled_sound_ends_or_is_refused(tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    kinds = {"a.mp3": "libmp3lame", "a.mkv": "aac", "a.ogg": "libopus", "a.flac": "flac"}
    for name, codec in {**kinds, "a.wav": "pcm_s16le"}.items():
        path = encode(tmp_path / name, tone(1), codec)
        content = np.frombuffer(path.read_bytes(), np.uint8).copy()
        content[chance.integers(0, min(len(content), 4_000), 20)] = chance.integers(0, 256, 20)
        _, end = heard(content.tobytes())
        assert "\n" not in end


def test_an_endless_sound_ends_when_nobody_listens(tmp_path: Path) -> None:
    header = wav(tmp_path / "a.wav", b"", claimed=2**32 - 1).read_bytes()
    with piped(chain([header], repeat(bytes(65_536)))) as source:
        chunks = source.chunks()
        assert {next(chunks) for _ in range(2_000)} == {bytes(1_600)}
