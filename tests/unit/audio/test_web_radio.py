"""Radio goes on after it broke off, and says what it missed."""

import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests.listening import Listening, noise, place
from tests.unit.audio.sounds import encode
from tests.webserver import Exchange, Site, Station, TitledStation, serving
from tui.audio.media import MediaFile
from tui.audio.source import Missed, SourceError, Trouble
from tui.audio.web import Address, Client, open_url
from tui.audio.web import radio as radio_module
from tui.audio.web.radio import Radio

SECONDS = 30
RATE = 12_000
"""Bytes a second: PyAV's MP3 encoder at 96 kbit/s."""


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """An MP3 without its header, and the sound that is in it."""
    path = encode(tmp_path_factory.mktemp("radio") / "a.mp3", noise(SECONDS, 16_000), "libmp3lame")
    path.write_bytes(path.read_bytes()[45 + 417 :])
    media = MediaFile.open(path)
    pcm = b"".join(media.chunks())
    media.close()
    return path.read_bytes(), pcm


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


def test_a_station_is_heard_at_once_with_its_name(
    site: Site, programme: tuple[bytes, bytes]
) -> None:
    site.routes["/live"] = TitledStation(programme[0], RATE, 2 * RATE)
    began = time.monotonic()
    source = open_url(site.url("/live?key=sesame"))
    assert time.monotonic() - began < 1
    listening = Listening(source)
    listening.until(lambda: listening.seconds > 3)
    listening.stop()
    info = source.info
    assert (info.kind, info.name) == ("stream", "Radio One · Artist - Song")
    assert (info.live, info.waits, info.samples) == (True, False, None)
    assert not listening.facts()
    pcm = listening.pcm
    start = place(pcm[16_000:48_000], programme[1])
    assert place(pcm[-32_000:], programme[1]) == pytest.approx(
        start + len(pcm) / 32_000 - 1.5, abs=0.01
    )


def test_a_shoutcast_server_of_the_first_kind(site: Site, programme: tuple[bytes, bytes]) -> None:
    def old(exchange: Exchange) -> None:
        exchange.send(b"ICY 200 OK\r\nicy-name:Old\x07 \xe9ther\r\nContent-Type:audio/mpeg\r\n\r\n")
        exchange.send(programme[0][:50_000])
        exchange.wait()

    site.routes["/;"] = old
    source = open_url(site.url("/;"))
    source.close()
    assert source.info.name == "Old éther"
    assert source.info.kind == "stream"


def test_a_listener_who_was_cut_off_misses_and_doubles_nothing(
    site: Site, programme: tuple[bytes, bytes]
) -> None:
    site.routes["/live"] = station = TitledStation(programme[0], RATE, 3 * RATE)
    listening = Listening(open_url(site.url("/live")))
    listening.until(lambda: listening.seconds > 3.5)
    station.cut.set()
    time.sleep(0.7)
    station.cut.clear()
    listening.until(lambda: listening.seconds > 7)
    listening.stop()
    assert not listening.missed
    pcm, whole = listening.pcm, programme[1]
    start = place(pcm[32_000:64_000], whole) - 1
    for second in range(2, 6):
        there = place(pcm[second * 32_000 : (second + 1) * 32_000], whole)
        assert there == pytest.approx(start + second, abs=0.002)


def test_what_a_station_sends_again_in_another_form_is_not_doubled(
    tmp_path: Path, site: Site, programme: tuple[bytes, bytes]
) -> None:
    site.routes["/live"] = first = Station(programme[0], RATE, 3 * RATE)
    listening = Listening(open_url(site.url("/live")))
    other = encode(tmp_path / "b.mp3", noise(SECONDS, 16_000)[:, 1:], "libmp3lame")
    second = Station(other.read_bytes()[45 + 417 :], RATE, 3 * RATE)
    second.started = first.started
    listening.until(lambda: listening.seconds > 3.5)
    site.routes["/live"] = second
    first.cut.set()
    listening.until(lambda: listening.seconds > 6)
    listening.stop()
    pcm, whole = listening.pcm, programme[1]
    before, after = place(pcm[32_000:64_000], whole), place(pcm[-32_000:], whole)
    stands = listening.seconds + listening.missed - 1 - 1
    assert stands == pytest.approx(after - before, abs=0.5)


def test_the_same_sound_twice_in_a_burst_is_heard_once(site: Site) -> None:
    """A jingle or silence is repeated to the byte: the last place is where it broke off."""
    chance = np.random.default_rng(3)
    before, tail, after = chance.bytes(9_000), chance.bytes(4_096), chance.bytes(3_000)
    answers = [before + tail, tail + tail + after]

    def live(exchange: Exchange) -> None:
        head = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n"
        exchange.send(head + answers.pop(0))
        if not answers:
            exchange.wait()

    site.routes["/live"] = live
    client = Client(Address.parse(site.url("/live")))
    radio = Radio(client, client.typed, client.get(client.typed), b"")
    stretch, heard = next(radio.stretches()), b""
    while len(heard) < len(before + tail + after):
        heard += stretch.read(4_096)
    client.close()
    radio.close()
    assert heard == before + tail + after


def test_a_station_that_was_gone_is_missed_as_long_as_it_was(
    site: Site, programme: tuple[bytes, bytes]
) -> None:
    site.routes["/live"] = station = Station(programme[0], RATE, RATE)
    listening = Listening(open_url(site.url("/live")))
    listening.until(lambda: listening.seconds > 2.2)
    station.cut.set()
    cut = time.monotonic()
    listening.until(lambda: Trouble("") != next(iter(listening.facts()), Trouble("")))
    assert time.monotonic() - cut < 2
    heard = listening.seconds
    listening.until(lambda: time.monotonic() - cut > 3)
    station.restart()
    station.cut.clear()
    listening.until(lambda: listening.seconds > heard + 2.5)
    listening.stop()
    troubles = [fact for fact in listening.facts() if isinstance(fact, Trouble)]
    assert troubles[-1] == Trouble("")
    assert len(troubles) == 2
    assert "captty keeps trying" in troubles[0].sentence
    assert all(fact.samples <= 32_000 for fact in listening.facts() if isinstance(fact, Missed))
    whole = programme[1]
    before = place(listening.pcm[32_000:64_000], whole)
    after = place(listening.pcm[-48_000:-16_000], whole)
    stands = listening.seconds + listening.missed - 1.5 - 1
    assert stands == pytest.approx(after - before, abs=0.5)


def test_a_stall_is_told_and_nothing_of_it_is_cut(
    site: Site, programme: tuple[bytes, bytes]
) -> None:
    site.routes["/live"] = station = Station(programme[0], RATE, 2 * RATE)
    listening = Listening(open_url(site.url("/live")))
    listening.until(lambda: listening.seconds > 2.5)
    station.stalled.set()
    listening.until(lambda: bool(listening.facts()))
    assert listening.facts() == [Trouble("127.0.0.1 sends no sound; captty keeps trying")]
    station.stalled.clear()
    listening.until(lambda: listening.seconds > 5.5)
    listening.stop()
    assert listening.facts()[1:] == [Trouble("")]
    pcm, whole = listening.pcm, programme[1]
    start = place(pcm[32_000:64_000], whole) - 1
    assert place(pcm[-32_000:], whole) == pytest.approx(start + len(pcm) / 32_000 - 1, abs=0.01)


def test_a_station_that_ends_for_good_is_believed_after_a_while(
    site: Site, programme: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radio_module, "_LONGEST_WAIT", 0.1)
    site.routes["/live"] = station = Station(programme[0], RATE, 4 * RATE)
    listening = Listening(open_url(site.url("/live")))
    del site.routes["/live"]
    station.cut.set()
    listening.until(lambda: bool(listening.error))
    listening.stop()
    assert listening.error == "127.0.0.1 has nothing at this address: check it (404)"
    assert len(site.asked) == 14


def test_a_station_that_never_sends_sound(site: Site) -> None:
    junk = np.random.default_rng(1).bytes(200_000)
    site.routes["/live"] = lambda exchange: exchange.answer(junk, {"icy-name": "Noise"})
    site.routes["/none"] = lambda exchange: exchange.answer(b"", {"icy-name": "Silence"})
    for path in ("/live", "/none"):
        with pytest.raises(SourceError) as error:
            open_url(site.url(path))
        assert "Noise is no sound" in str(error.value) or "breaks off" in str(error.value)


def test_closing_while_it_reconnects_is_quick(site: Site, programme: tuple[bytes, bytes]) -> None:
    site.routes["/live"] = station = Station(programme[0], RATE, RATE)
    listening = Listening(open_url(site.url("/live")))
    station.cut.set()
    listening.until(lambda: bool(listening.facts()))
    began = time.monotonic()
    listening.stop()
    assert time.monotonic() - began < 0.5


def headers(body: bytes) -> bytes:
    """The pages of an Ogg stream, RFC 3533 § 6, in front of the sound."""
    at = 0
    while body[at : at + 4] == b"OggS" and not any(body[at + 6 : at + 14]):
        at += 27 + body[at + 26] + sum(body[at + 27 : at + 27 + body[at + 26]])
    return body[:at]


@pytest.mark.parametrize(
    ("name", "codec", "kind"),
    [
        ("a.ogg", "libopus", "application/ogg"),
        ("a.aac", "aac", "audio/aac"),
        ("c.ogg", "flac", "application/ogg"),
    ],
)
def test_stations_of_other_forms(
    tmp_path: Path, site: Site, name: str, codec: str, kind: str
) -> None:
    body = encode(tmp_path / name, noise(SECONDS, 48_000), codec, 48_000).read_bytes()
    rate = len(body) // SECONDS
    station = Station(body[1_000:], rate, 2 * rate, Content_Type=kind)  # in the midst of a page
    site.routes["/live"] = station
    station.preface = headers(body)
    began = time.monotonic()
    listening = Listening(open_url(site.url("/live")))
    assert time.monotonic() - began < 2
    listening.until(lambda: listening.seconds > 3)
    listening.stop()
    assert not listening.facts()


def test_a_title_in_an_ogg_station_and_its_next_piece(tmp_path: Path, site: Site) -> None:
    first = encode(tmp_path / "a.ogg", noise(6, 48_000), "libopus", 48_000).read_bytes()
    second = retitled(tmp_path / "a.ogg", "Next\x1b[2J")
    rate = len(first) // 6
    site.routes["/live"] = station = Station(second + first + second, rate, 14 * rate)
    station.burst = 20 * rate
    listening = Listening(open_url(site.url("/live")))
    assert listening.source.info.name == "Radio One · Next[2J"
    listening.until(lambda: listening.seconds > 13)
    listening.stop()
    assert not listening.missed


def retitled(path: Path, title: str) -> bytes:
    """The same Ogg file with another title."""
    other = path.with_name("b.ogg")
    with av.open(str(path)) as source, av.open(str(other), "w") as target:
        target.metadata["title"] = title
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return other.read_bytes()
