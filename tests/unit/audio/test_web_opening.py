"""Opening an address is over in time, whatever its server does, and at once when it is closed."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.audio.sounds import pcm16, tone, wav
from tests.webserver import Exchange, Ranged, Site, moved, serving
from tui.audio.source import SourceError
from tui.audio.web import Client, open_url
from tui.audio.web import opening as opening_module
from tui.audio.web.address import Address, WebError

LIST = "application/x-mpegurl"
CHUNKED = {"Transfer-Encoding": "chunked"}


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


def drips(exchange: Exchange, piece: bytes) -> None:
    """A piece now and then until nobody listens."""
    while not exchange.server.site.stopped.wait(0.02):
        exchange.send(piece)


def silent(exchange: Exchange) -> None:
    exchange.wait()


def status(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    drips(exchange, b"X")


def interim(exchange: Exchange) -> None:
    drips(exchange, b"HTTP/1.1 100 Continue\r\n\r\n")


def body(exchange: Exchange) -> None:
    exchange.begin({"Content-Type": "audio/wav"})
    drips(exchange, b"\0")


def noise(exchange: Exchange) -> None:
    exchange.begin({"Content-Type": "audio/wav"}, length=2**30)
    drips(exchange, b"RIFF\xff\xff\xff\xffWAVE" + b"junk\0\x10\0\0" * 300)


def playlist(exchange: Exchange) -> None:
    exchange.begin({"Content-Type": LIST})
    exchange.send(b"#EXTM3U\n" + b"#" * 1_100)
    drips(exchange, b"#")


def trailers(exchange: Exchange) -> None:
    exchange.begin(CHUNKED)
    exchange.send(b"0\r\n")
    drips(exchange, b"X: y\r\n")


def chunk_size(exchange: Exchange) -> None:
    exchange.begin(CHUNKED)
    exchange.send(b"1;")
    drips(exchange, b"x")


def station(exchange: Exchange) -> None:
    exchange.begin({"Content-Type": "audio/mpeg", "icy-name": "Radio", "icy-metaint": "1"})
    exchange.send(b"\xff\xff")
    drips(exchange, b"x")


def variants(exchange: Exchange) -> None:
    exchange.server.site.routes["/last"] = playlist
    text = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/last\n"
    exchange.answer(text, {"Content-Type": LIST})


def no_segments(exchange: Exchange) -> None:
    text = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:1\n"
    exchange.answer(text, {"Content-Type": LIST})


def segment(exchange: Exchange) -> None:
    exchange.server.site.routes["/last"] = body
    text = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/last\n#EXT-X-ENDLIST\n"
    exchange.answer(text, {"Content-Type": LIST})


def stations(exchange: Exchange) -> None:
    exchange.server.site.routes["/last"] = body
    exchange.answer(f"#EXTM3U\n{exchange.server.site.url('/last')}\n".encode(), {})


def elsewhere(exchange: Exchange) -> None:
    exchange.server.site.routes["/last"] = status
    moved("/last")(exchange)


PHASES = [
    *(silent, status, interim, body, noise, playlist, trailers, chunk_size, station),
    *(variants, no_segments, segment, stations, elsewhere),
]
LISTS = (variants, segment, stations, elsewhere)
"""Those in which a second address is asked."""
Phase = Callable[[Exchange], None]


class Opening(threading.Thread):
    """One that somebody else may end."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.client = Client(Address.parse(url))
        self.url = url
        self.sentence = ""
        self.ended = 0.0
        self.start()

    def run(self) -> None:
        """Keeps the sentence and the time of the end."""
        try:
            open_url(self.url, client=self.client).close()
        except SourceError as error:
            self.sentence = str(error)
        self.ended = time.monotonic()

    def closed(self) -> float:
        """Seconds until it ends when the client is closed."""
        began = time.monotonic()
        self.client.close()
        self.join(5)
        return self.ended - began


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("phase", PHASES)
def test_an_opening_has_an_end(site: Site, monkeypatch: pytest.MonkeyPatch, phase: Phase) -> None:
    monkeypatch.setattr(opening_module, "_OPENING_SECONDS", 0.4)
    site.routes["/a"] = phase
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"^127\.0\.0\.1 gives no sound: check the address, or"):
        open_url(site.url("/a?key=sesame"))
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("phase", PHASES)
def test_whoever_closes_the_client_ends_the_opening(site: Site, phase: Phase) -> None:
    site.routes["/a"] = phase
    opening = Opening(site.url("/a"))
    wait_for(lambda: site.paths()[-1:] == ["/last" if phase in LISTS else "/a"])
    opening.join(0.1)  # into the answer; wherever it stands then, it has to end
    assert opening.closed() < 0.5
    assert opening.sentence == "127.0.0.1 was let go"


def test_whoever_closes_the_client_ends_the_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        opening = Opening(f"https://127.0.0.1:{listener.getsockname()[1]}/a")
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1)
            assert opening.closed() < 0.5
    assert opening.sentence == "127.0.0.1 was let go"


def test_a_client_that_was_closed_opens_nothing(site: Site) -> None:
    client = Client(Address.parse(site.url("/a")))
    client.close()
    with pytest.raises(SourceError, match="was let go"):
        open_url(site.url("/a"), client=client)
    assert not site.asked


def test_the_time_for_opening_does_not_run_on(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening_module, "_OPENING_SECONDS", 0.5)
    data = wav(tmp_path / "a.wav", pcm16(tone(60))).read_bytes()

    def slow(exchange: Exchange) -> None:
        exchange.begin({}, length=len(data))
        exchange.send(data[: len(data) // 2])
        exchange.server.site.stopped.wait(0.7)
        exchange.send(data[len(data) // 2 :])

    site.routes["/a.wav"] = slow
    source = open_url(site.url("/a.wav"))
    heard = sum(len(item) for item in source.chunks() if isinstance(item, bytes))
    source.close()
    assert heard == 2 * 60 * 16_000
    assert len(site.asked) == 1


@pytest.mark.parametrize("phase", [trailers, chunk_size])
def test_what_stands_around_a_body_drips_for_a_moment_only(site: Site, phase: Phase) -> None:
    site.routes["/a"] = phase
    client = Client(Address.parse(site.url("/a")))
    response = client.get(client.typed, patience=0.3)
    began = time.monotonic()
    with pytest.raises(WebError, match="sends nothing"):
        response.read(100)
    assert time.monotonic() - began < 1
    response.close()


@pytest.mark.parametrize("around", [b"0\r\n", b""])
def test_what_stands_around_a_body_is_bounded(site: Site, around: bytes) -> None:
    def floods(exchange: Exchange) -> None:
        exchange.begin(CHUNKED)
        exchange.send(around)
        while True:
            exchange.send(b"X: " + b"y" * 60_000 + b"\r\n")

    site.routes["/a"] = floods
    client = Client(Address.parse(site.url("/a")))
    response = client.get(client.typed)
    began = time.monotonic()
    with pytest.raises(WebError):
        response.read(100)
    assert time.monotonic() - began < 2
    response.close()


@pytest.mark.parametrize("size", [b"-1", b"-ffff"])
def test_a_chunk_of_less_than_nothing_overflows_nothing(site: Site, size: bytes) -> None:
    def less(exchange: Exchange) -> None:
        exchange.begin(CHUNKED)
        exchange.send(size + b"\r\n" + b"RIFF" * 20_000)
        exchange.wait()

    site.routes["/a"] = less
    client = Client(Address.parse(site.url("/a")))
    response = client.get(client.typed)
    with pytest.raises(WebError, match="does not speak HTTP"):
        response.read(100)
    response.close()


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 100 Continue\r\n\r\n", b"X: " + b"y" * 1_021 + b"\r\n"]
)
def test_headers_are_bounded(site: Site, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    def floods(exchange: Exchange) -> None:
        exchange.send(b"" if head.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n")
        for _ in range(90):  # `http.client` takes a hundred
            exchange.send(head * (1 if head.startswith(b"X") else 100))
        exchange.send(b"\r\n" if head.startswith(b"X") else b"HTTP/1.1 404 Not here\r\n\r\n")
        exchange.wait()

    site.routes["/a"] = floods
    with pytest.raises(SourceError, match="sends headers without an end"):
        open_url(site.url("/a"))


def test_headers_of_an_honest_size_are_taken(tmp_path: Path, site: Site) -> None:
    route = Ranged(wav(tmp_path / "a.wav", pcm16(tone(1))).read_bytes())
    route.headers |= {f"X-{number}": "y" * 700 for number in range(60)}
    site.routes["/a.wav"] = route
    open_url(site.url("/a.wav")).close()


@pytest.mark.parametrize(
    ("channels", "rate"), [(65_535, 16_000), (1, 4_000_000_000), (65_535, 4_000_000_000)]
)
def test_a_file_for_no_ears_is_refused_at_once(
    tmp_path: Path, site: Site, channels: int, rate: int
) -> None:
    data = wav(tmp_path / "a.wav", bytes(2**20), channels=channels, rate=rate).read_bytes()
    site.routes["/a.wav"] = Ranged(data)
    began = time.monotonic()
    with pytest.raises(SourceError, match=r"^a\.wav (has|is) no sound "):
        open_url(site.url("/a.wav"))
    assert time.monotonic() - began < 3
