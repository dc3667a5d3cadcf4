"""Hostile media from the web take bounded time and memory."""

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest
from av.container import InputContainer

from tests.listening import Listening
from tests.unit.audio.sounds import pcm16, silent_flac, tone, wav
from tests.webserver import Exchange, Ranged, Route, Site, serving, whole
from tui.audio.source import Missed, SourceError, SourceInfo
from tui.audio.web import Address, Client, open_url
from tui.audio.web import source as source_module
from tui.audio.web.flow import Lost
from tui.audio.web.source import WebSource

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


def flac_pictures(exchange: Exchange) -> None:
    """A FLAC file with more pictures than anybody keeps, each of 15 MiB."""
    exchange.begin({"Content-Type": "audio/flac"})
    exchange.send(b"fLaC\0\0\0\x22" + silent_info())
    size = 15 * 2**20
    head = b"\0\0\0\x03\0\0\0\x09image/png" + bytes(4) + bytes(16) + size.to_bytes(4, "big")
    for _ in range(40):
        exchange.send(b"\x06" + (len(head) + size).to_bytes(3, "big") + head)
        exchange.send(b"\x89PNG\r\n\x1a\n" + bytes(size - 8))


def silent_info() -> bytes:
    """The STREAMINFO block of 10 s of silence."""
    format_bits = 16_000 << 44 | 15 << 36 | 160_000
    return (4_096).to_bytes(2, "big") * 2 + bytes(6) + format_bits.to_bytes(8, "big") + bytes(16)


def id3_picture(exchange: Exchange) -> None:
    """An MP3 file whose tag, of 250 MiB, holds one picture."""
    size = 250 * 2**20
    exchange.begin({"Content-Type": "audio/mpeg"})
    exchange.send(b"ID3\4\0\0" + synchsafe(size + 10) + b"APIC" + synchsafe(size) + b"\0\0")
    for _ in range(250):
        exchange.send(bytes(2**20))


def synchsafe(number: int) -> bytes:
    """28 bits in four bytes, as ID3 has them."""
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


@pytest.mark.parametrize("route", [flac_pictures, id3_picture])
def test_what_stands_before_the_sound_is_read_up_to_a_limit(site: Site, route: Route) -> None:
    site.routes["/a"] = route
    with pytest.raises(SourceError, match=r"has no sound in its first 64 MiB: try another"):
        open_url(site.url("/a"))


@pytest.mark.parametrize(
    ("loosened", "snaps"),
    [
        ([], False),
        (["format_whitelist"], False),
        (["protocol_whitelist"], False),
        (["format_whitelist", "protocol_whitelist"], True),
    ],
)
def test_each_whitelist_alone_keeps_sounds_from_opening_files(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch, loosened: list[str], snaps: bool
) -> None:
    """Where both are open, the trap snaps."""
    original = av.open

    def loose(file: object, *, options: dict[str, str], **rest: object) -> InputContainer:
        wide = {"format_whitelist": "", "protocol_whitelist": "file,http,tcp,crypto,data"}
        for name in loosened:
            options.pop(name)
            if wide[name]:
                options[name] = wide[name]
        container = original(file, options=options, **rest)  # type: ignore[call-overload]
        assert isinstance(container, InputContainer)
        return container

    monkeypatch.setattr(av, "open", loose)
    monkeypatch.chdir(tmp_path)
    wav(tmp_path / "secret.wav", pcm16(tone(2)))
    site.routes["/a"] = whole(b"ffconcat version 1.0\nfile secret.wav\n")
    if not snaps:
        with pytest.raises(SourceError, match="is no sound or video"):
            open_url(site.url("/a"))
        return
    source = open_url(site.url("/a"))
    heard = b"".join(item for item in source.chunks() if isinstance(item, bytes))
    source.close()
    assert heard == pcm16(tone(2))


class Script:
    """A flow of stretches that are made up, for what no server does at will."""

    name = "127.0.0.1"
    lull = 0.5
    format = None

    def __init__(self, *steps: "bytes | Lost | Pause", reserve: float = 0.0) -> None:
        self.steps = steps
        self.reserve = reserve
        self.fault = ""
        self.given = 0
        """Bytes that were read."""

    def stretches(self) -> Iterator["Lost | Script"]:
        for step in self.steps:
            if isinstance(step, Pause):
                self.fault = "it is out"
                step.over.wait(10)
                self.fault = ""
            elif isinstance(step, Lost):
                yield step
            else:
                self.data = step
                yield self

    def read(self, size: int) -> bytes:
        data, self.data = self.data[:size], self.data[size:]
        self.given += len(data)
        return data

    def close(self) -> None:
        """Nothing is open."""


class Pause:
    """Nothing comes until it is over."""

    def __init__(self) -> None:
        self.over = threading.Event()


def scripted(flow: Script, *, live: bool = True) -> WebSource:
    info = SourceInfo("stream", "", live=live, waits=not live)
    return WebSource(Client(Address.parse("http://127.0.0.1/")), flow, info, seams=False)


def sound(folder: Path, seconds: float) -> bytes:
    return wav(folder / "a.wav", pcm16(tone(seconds))).read_bytes()


def test_what_was_missed_already_is_not_lost_again(tmp_path: Path) -> None:
    pause, piece = Pause(), sound(tmp_path, 0.5)
    listening = Listening(scripted(Script(piece, pause, Lost(20.0), piece)))
    listening.until(lambda: listening.missed >= 1)
    assert listening.missed < 20
    pause.over.set()
    listening.until(lambda: listening.seconds >= 1)
    listening.stop()
    assert listening.missed == 20.0


def test_more_than_a_minute_is_told_and_not_given(tmp_path: Path) -> None:
    piece = sound(tmp_path, 0.5)
    source = scripted(Script(piece, Lost(100.0), piece, reserve=1_000.0))
    facts = [item for item in source.chunks() if isinstance(item, Missed)]
    source.close()
    assert facts == [Missed(960_000, "no sound from 127.0.0.1, 0:00:40 more were left out")]


def test_nobody_loses_more_than_there_was_time_for(tmp_path: Path) -> None:
    piece = sound(tmp_path, 0.5)
    steps = [step for _ in range(20) for step in (piece, Lost(25.0))]
    source = scripted(Script(*steps, reserve=10.0))
    began = time.monotonic()
    missed = sum(item.samples for item in source.chunks() if isinstance(item, Missed))
    source.close()
    assert 25 < missed / 16_000 < 10 + 30 + (time.monotonic() - began)


def test_sound_that_nobody_takes_is_not_read_on(tmp_path: Path) -> None:
    flow = Script(sound(tmp_path, 300))
    source = scripted(flow, live=False)
    given, end = -1, time.monotonic() + 10
    while given != flow.given:
        assert time.monotonic() < end
        given = flow.given
        time.sleep(0.3)
    source.close()
    assert given < 45 * 32_000


def test_stretches_together_are_no_longer_than_one_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "LONGEST", 3)
    piece = sound(tmp_path, 2)
    source = scripted(Script(piece, piece, piece), live=False)
    listening = Listening(source)
    listening.until(lambda: bool(listening.error))
    listening.stop()
    assert "is longer than" in listening.error
    assert listening.seconds == pytest.approx(3, abs=0.1)
