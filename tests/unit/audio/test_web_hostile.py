"""Hostile media from the web take bounded time and memory."""

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.audio.sounds import pcm16, silent_flac, tone, wav
from tests.webserver import Exchange, Ranged, Route, Site, serving
from tui.audio.source import SourceError
from tui.audio.web import open_url

PROGRAM = """
    import resource, sys
    from tui.audio.source import SourceError
    from tui.audio.web import open_url
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
    def peak(url):
        try:
            source = open_url(url)
            for count, chunk in enumerate(source.chunks()):
                if count > 20_000:
                    break
            source.close()
        except SourceError as error:
            assert "\\n" not in str(error)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(*map(peak, sys.argv[1:]))
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


def ten_hours(folder: Path) -> Route:
    return Ranged(silent_flac(folder / "a.flac", 36_000 * 16_000, 16_000, 1).read_bytes())


def too_fast(folder: Path) -> Route:
    return Ranged(silent_flac(folder / "a.flac", 60 * 655_350, 655_350, 8).read_bytes())


def eight_channels(folder: Path) -> Route:
    return Ranged(silent_flac(folder / "a.flac", 60 * 384_000, 384_000, 8).read_bytes())


def endless(headers: dict[str, str], piece: bytes) -> Route:
    def route(exchange: Exchange) -> None:
        exchange.begin(headers)
        for _ in range(3_000):
            exchange.send(piece)

    return route


def endless_noise(folder: Path) -> Route:
    return endless({"Content-Type": "audio/mpeg"}, b"\xff\xfb\x90\x64" + bytes(range(256)) * 256)


def endless_list(folder: Path) -> Route:
    return endless({"Content-Type": "application/x-mpegurl"}, b"#EXTM3U\n#EXTINF:1,\na\n" * 3_000)


def endless_titles(folder: Path) -> Route:
    return endless({"icy-metaint": "1", "icy-name": "x" * 9_000}, b"\xff\xff" + b"x" * 65_534)


def endless_wav(folder: Path) -> Route:
    head = wav(folder / "a.wav", b"", claimed=2**32 - 1).read_bytes()

    def route(exchange: Exchange) -> None:
        exchange.begin({"Content-Type": "audio/wav"})
        exchange.send(head)
        for _ in range(3_000):
            exchange.send(bytes(2**16))

    return route


@pytest.mark.parametrize(
    "bomb",
    [
        *(ten_hours, too_fast, eight_channels),
        *(endless_noise, endless_list, endless_titles, endless_wav),
    ],
)
def test_a_bomb_takes_little_memory_and_time(
    tmp_path: Path, site: Site, bomb: Callable[[Path], Route]
) -> None:
    site.routes["/a.wav"] = Ranged(wav(tmp_path / "a.wav", pcm16(tone(1))).read_bytes())
    site.routes["/bomb"] = bomb(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), site.url("/a.wav"), site.url("/bomb")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.stderr
    before, after = map(int, done.stdout.split())
    assert after < 2 * before


@pytest.mark.parametrize(
    ("channels", "rate", "said"),
    [(0, 16_000, "a.wav "), (64, 16_000, "64 channels"), (1, 0, "a.wav "), (2, 655_350, "claims")],
)
def test_a_wav_file_that_is_not_meant_for_ears(
    tmp_path: Path, site: Site, channels: int, rate: int, said: str
) -> None:
    path = wav(tmp_path / "a.wav", pcm16(tone(10)), channels=channels, rate=rate)
    site.routes["/a.wav"] = Ranged(path.read_bytes())
    began = time.monotonic()
    with pytest.raises(SourceError, match=said):
        open_url(site.url("/a.wav"))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("claimed", [0, 2**31 - 1, 2**32 - 1])
def test_a_wav_file_that_lies_about_its_length_is_heard(
    tmp_path: Path, site: Site, claimed: int
) -> None:
    data = pcm16(tone(2))
    site.routes["/a.wav"] = Ranged(wav(tmp_path / "a.wav", data, claimed=claimed).read_bytes())
    source = open_url(site.url("/a.wav"))
    assert b"".join(item for item in source.chunks() if isinstance(item, bytes)) == data
    source.close()
