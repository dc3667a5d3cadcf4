"""A file on the web sounds as it does on disk, whatever its server does."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.audio.sounds import encode, pcm16, tone, wav
from tests.webserver import Exchange, Ranged, Site, moved, serving, whole
from tui.audio.media import MediaFile
from tui.audio.source import Fact, SourceError, Trouble
from tui.audio.web import address_name, open_url
from tui.audio.web import client as client_module
from tui.audio.web import file as file_module
from tui.audio.web import reach as reach_module
from tui.audio.web.address import Address


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_module, "_WAITS", (0.05, 0.1))
    monkeypatch.setattr(client_module, "QUIET_SECONDS", 0.5)
    monkeypatch.setattr(client_module, "_HEAD_SECONDS", 0.5)


def local(path: Path) -> bytes:
    media = MediaFile.open(path)
    pcm = b"".join(media.chunks())
    media.close()
    return pcm


def heard(url: str) -> tuple[bytes, str]:
    """All the sound at an address, and the sentence with which it breaks off."""
    source = open_url(url)
    pcm = bytearray()
    try:
        for item in source.chunks():
            pcm += item if isinstance(item, bytes) else b""
    except SourceError as error:
        return bytes(pcm), str(error)
    finally:
        source.close()
    return bytes(pcm), ""


def refusal(url: str) -> str:
    with pytest.raises(SourceError) as error:
        open_url(url).close()
    sentence = str(error.value)
    assert "\n" not in sentence
    assert error.value.__cause__ is None
    return sentence


def same(ours: bytes, theirs: bytes, name: str, ranges: bool) -> bool:
    """Whether two sounds are one; FFmpeg cuts the padding off MP3 only where it can seek."""
    if name == "a.mp3" and not ranges:
        return len(ours) - len(theirs) < 3_200 and ours.startswith(theirs[:-3_200])
    return ours == theirs


FILES = [
    ("a.wav", "pcm_s16le"),
    ("a.mp3", "libmp3lame"),
    ("a.flac", "flac"),
    ("a.ogg", "libopus"),
    ("a.webm", "libopus"),
    ("a.aac", "aac"),
]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize(("name", "codec"), [*FILES, ("a.m4a", "aac")])
def test_a_file_sounds_as_it_does_on_disk(
    tmp_path: Path, site: Site, name: str, codec: str, ranges: bool
) -> None:
    path = encode(tmp_path / name, tone(5, 48_000), codec, 48_000)
    site.routes["/" + name] = route = Ranged(path.read_bytes())
    route.ranges = ranges or name == "a.m4a"  # its index is at the end
    pcm, end = heard(site.url("/" + name))
    assert not end
    assert same(pcm, local(path), name, ranges)


def test_a_file_tells_name_kind_and_length(tmp_path: Path, site: Site) -> None:
    site.routes["/talks/a%20b.wav"] = Ranged(wav(tmp_path / "a", pcm16(tone(3))).read_bytes())
    source = open_url(site.url("/talks/a%20b.wav?key=sesame"))
    source.close()
    assert (source.info.kind, source.info.name, source.info.samples) == ("url", "a b.wav", 48_000)
    assert not source.info.live
    assert source.info.waits


def test_a_file_is_read_with_few_requests(tmp_path: Path, site: Site) -> None:
    path = encode(tmp_path / "a.m4a", tone(60, 48_000), "aac", 48_000)
    site.routes["/a.m4a"] = Ranged(path.read_bytes())
    heard(site.url("/a.m4a"))
    assert len(site.asked) < 6


def test_a_start_is_sought(tmp_path: Path, site: Site) -> None:
    path = wav(tmp_path / "a.wav", pcm16(tone(60)))
    site.routes["/a.wav"] = Ranged(path.read_bytes())
    source = open_url(site.url("/a.wav"), 50)
    pcm = b"".join(item for item in source.chunks() if isinstance(item, bytes))
    source.close()
    assert len(pcm) // 2 == 160_000 == source.info.samples


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize(("name", "codec"), FILES)
def test_a_drop_in_mid_file_is_not_heard(
    tmp_path: Path, site: Site, impatient: None, name: str, codec: str, ranges: bool
) -> None:
    path = encode(tmp_path / name, tone(20, 48_000), codec, 48_000)
    size = path.stat().st_size
    site.routes["/" + name] = route = Ranged(path.read_bytes(), [size // 2, size // 3])
    route.ranges = ranges
    pcm, end = heard(site.url("/" + name))
    assert not end
    assert same(pcm, local(path), name, ranges)
    assert len(site.asked) >= 3


def test_a_stall_in_mid_file_is_told_and_got_over(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "QUIET_SECONDS", 0.5)
    path = wav(tmp_path / "a.wav", pcm16(tone(120)))
    body = path.read_bytes()
    normal = Ranged(body)

    def stalls(exchange: Exchange) -> None:
        exchange.begin({"Accept-Ranges": "bytes", "ETag": '"one"'}, 200, len(body))
        exchange.wfile.write(body[: len(body) // 2])
        site.routes["/a.wav"] = normal
        exchange.wait()

    site.routes["/a.wav"] = stalls
    source = open_url(site.url("/a.wav"))
    items = list(source.chunks())
    source.close()
    assert b"".join(item for item in items if isinstance(item, bytes)) == local(path)


def test_a_server_that_is_gone_is_told_with_the_place(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_module, "_WAITS", (0.8, 0.8))
    body = wav(tmp_path / "a.wav", pcm16(tone(120))).read_bytes()
    site.routes["/a.wav"] = Ranged(body, [len(body) // 2, 0, 0, 0, 0])
    source = open_url(site.url("/a.wav"))
    items = list[bytes | Fact]()
    with pytest.raises(SourceError, match=r"a.wav breaks off at 0:00:59 \(127.0.0.1 breaks off\):"):
        items.extend(source.chunks())
    source.close()


def test_trouble_with_a_file_is_told_and_its_end_too(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_module, "_WAITS", (1.6, 1.6))
    body = wav(tmp_path / "a.wav", pcm16(tone(120))).read_bytes()
    site.routes["/a.wav"] = Ranged(body, [len(body) // 2])
    source = open_url(site.url("/a.wav"))
    troubles = [item for item in source.chunks() if isinstance(item, Trouble)]
    source.close()
    assert troubles == [Trouble("127.0.0.1 breaks off; captty keeps trying"), Trouble("")]


@pytest.mark.parametrize("change", ["tag", "length"])
def test_another_file_at_the_same_address_is_not_taken_for_the_rest(
    tmp_path: Path, site: Site, impatient: None, change: str
) -> None:
    body = wav(tmp_path / "a.wav", pcm16(tone(120))).read_bytes()
    route = Ranged(body, [len(body) // 2])

    def replaced(exchange: Exchange) -> None:
        route(exchange)
        if change == "tag":
            route.headers["ETag"] = '"two"'
        else:
            route.body = body[:-2]

    site.routes["/a.wav"] = replaced
    _, end = heard(site.url("/a.wav"))
    assert "has another file at this address now" in end


def test_the_rest_is_asked_for_only_of_the_same_file(
    tmp_path: Path, site: Site, impatient: None
) -> None:
    body = wav(tmp_path / "a.wav", pcm16(tone(120))).read_bytes()
    site.routes["/a.wav"] = Ranged(body, [len(body) // 2])
    assert not heard(site.url("/a.wav"))[1]
    conditions = [headers.get("If-Range") for _, headers in site.asked]
    assert conditions == [None, '"one"']


def test_the_time_of_a_change_stands_for_a_weak_tag(
    tmp_path: Path, site: Site, impatient: None
) -> None:
    body = wav(tmp_path / "a.wav", pcm16(tone(120))).read_bytes()
    changed = "Mon, 23 Nov 2026 04:00:00 GMT"
    site.routes["/a.wav"] = Ranged(body, [len(body) // 2], ETag='W/"1"', Last_Modified=changed)
    heard(site.url("/a.wav"))
    assert site.asked[1][1]["If-Range"] == changed


@pytest.mark.parametrize("tag", ['"a\r\n X-Evil: 1"', '"a\tb"', '"\xfc"'])
def test_a_tag_that_is_not_plain_is_not_sent_back(
    tmp_path: Path, site: Site, impatient: None, tag: str
) -> None:
    body = wav(tmp_path / "a.wav", pcm16(tone(120))).read_bytes()
    site.routes["/a.wav"] = Ranged(body, [len(body) // 2], ETag=tag)
    pcm, end = heard(site.url("/a.wav"))
    assert len(pcm) == 2 * 120 * 16_000
    assert not end
    assert site.asked[1][1]["Range"]
    assert "If-Range" not in site.asked[1][1]


def test_a_tag_goes_back_only_to_whom_it_came_from(
    tmp_path: Path, site: Site, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach_module, "is_public", lambda ip: True)
    body = wav(tmp_path / "a.wav", pcm16(tone(120))).read_bytes()
    with serving() as other:
        site.routes["/a"] = moved(other.url("/b.wav"))
        other.routes["/b.wav"] = Ranged(body, [len(body) // 2])
        assert not heard(site.url("/a"))[1]
    assert [headers.get("If-Range") for _, headers in site.asked] == [None, None]
    assert [headers.get("If-Range") for _, headers in other.asked] == [None, '"one"']


@pytest.mark.parametrize("told", ["bytes " + "9" * 5_000 + "-", "bytes 0-1/" + "9" * 5_000])
def test_a_rest_of_absurd_numbers_is_another_file(
    tmp_path: Path, site: Site, impatient: None, told: str
) -> None:
    body = wav(tmp_path / "a.wav", pcm16(tone(120))).read_bytes()
    route = Ranged(body, [len(body) // 2])

    def absurd(exchange: Exchange) -> None:
        if "Range" in exchange.headers:
            exchange.answer(b"", {"Content-Range": told, "ETag": '"one"'}, status=206)
        else:
            route(exchange)

    site.routes["/a.wav"] = absurd
    assert "has another file at this address now" in heard(site.url("/a.wav"))[1]


def test_a_length_that_is_too_short_or_too_long(
    tmp_path: Path, site: Site, impatient: None
) -> None:
    body = wav(tmp_path / "a.wav", pcm16(tone(5))).read_bytes()
    site.routes["/long.wav"] = lambda exchange: exchange.answer(body, length=len(body) + 999)
    site.routes["/short.wav"] = lambda exchange: exchange.answer(body, length=len(body) // 2)
    pcm, end = heard(site.url("/long.wav"))
    assert len(pcm) // 2 >= 79_000
    assert "breaks off" in end
    pcm, _ = heard(site.url("/short.wav"))
    assert 39_000 < len(pcm) // 2 <= 40_000


def test_chunked_bodies_and_bodies_without_length(
    tmp_path: Path, site: Site, impatient: None
) -> None:
    path = wav(tmp_path / "a.wav", pcm16(tone(5)))
    body = path.read_bytes()

    def chunked(exchange: Exchange) -> None:
        exchange.begin({"Transfer-Encoding": "chunked"})
        for start in range(0, len(body), 9_999):
            piece = body[start : start + 9_999]
            exchange.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        exchange.wfile.write(b"0\r\n\r\n")

    site.routes["/chunked.wav"] = chunked
    site.routes["/open.wav"] = lambda exchange: exchange.answer(body, length=-1)
    assert heard(site.url("/chunked.wav")) == (local(path), "")
    assert heard(site.url("/open.wav")) == (local(path), "")


def test_an_error_is_told_in_words(site: Site) -> None:
    for status in (401, 403, 404, 410, 418, 500, 503):
        site.routes[f"/{status}"] = lambda exchange, status=status: exchange.answer(  # type: ignore[misc]
            b"", status=status
        )
    assert "127.0.0.1 asks for a name and password" in refusal(site.url("/401"))
    assert "127.0.0.1 does not let you have this" in refusal(site.url("/403"))
    assert "127.0.0.1 has nothing at this address: check it (404)" in refusal(site.url("/404"))
    assert "any more" in refusal(site.url("/410"))
    assert "cannot give this now (418 I'm a Teapot)" in refusal(site.url("/418"))
    assert "cannot give this now (500 Internal Server Error)" in refusal(site.url("/500"))
    assert "503 Service Unavailable" in refusal(site.url("/503"))


def test_what_is_no_sound(site: Site) -> None:
    site.routes["/page"] = whole(b"<!DOCTYPE html><p>Listen!", kind="text/html")
    site.routes["/text"] = whole(b"hello " * 999, kind="audio/mpeg")
    site.routes["/empty"] = whole(b"", kind="audio/mpeg")
    assert "is a web page" in refusal(site.url("/page"))
    assert "no sound or video" in refusal(site.url("/text"))
    assert "is empty" in refusal(site.url("/empty"))


def test_packed_bodies_are_refused(site: Site) -> None:
    site.routes["/a.wav"] = whole(b"\x1f\x8b", Content_Encoding="gzip")
    assert "sends its sound packed" in refusal(site.url("/a.wav"))
    assert site.asked[0][1]["Accept-Encoding"] == "identity"


def test_the_password_goes_to_the_typed_host_and_nowhere_else(tmp_path: Path, site: Site) -> None:
    body = wav(tmp_path / "a.wav", pcm16(tone(1))).read_bytes()
    site.routes["/a.wav"] = Ranged(body)
    url = site.url("/a.wav?token=sesame#part").replace("//", "//me:open%20up@")
    source = open_url(url)
    source.close()
    assert site.asked[0][1]["Authorization"] == "Basic bWU6b3BlbiB1cA=="
    site.routes["/a.wav"] = lambda exchange: exchange.answer(b"", status=403)
    told = refusal(url) + repr(source.info) + repr(Address.parse(url)) + address_name(url)
    told += str(Address.parse(url))
    for secret in ("me:", "open", "sesame", "bWU6"):
        assert secret not in told.replace("open it", "")


def test_closing_ends_a_file_that_stalls(tmp_path: Path, site: Site) -> None:
    body = wav(tmp_path / "a.wav", pcm16(tone(120))).read_bytes()

    def stalls(exchange: Exchange) -> None:
        exchange.begin({}, 200, len(body))
        exchange.wfile.write(body[: len(body) // 2])
        exchange.wait()

    site.routes["/a.wav"] = stalls
    source = open_url(site.url("/a.wav"))
    reader = threading.Thread(target=list, args=(source.chunks(),))
    reader.start()
    began = time.monotonic()
    source.close()
    reader.join(5)
    assert time.monotonic() - began < 0.5


@pytest.mark.usefixtures("impatient")
def test_headers_that_drip_or_never_end(site: Site) -> None:
    def drips(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n")
        while not site.stopped.wait(0.05):
            exchange.send(b"X")

    def floods(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n")
        for number in range(100_000):
            exchange.send(b"X-%d: y\r\n" % number)

    def long_line(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000)

    site.routes.update({"/drips": drips, "/floods": floods, "/line": long_line})
    began = time.monotonic()
    assert "sends nothing" in refusal(site.url("/drips"))
    assert "HTTP" in (end := refusal(site.url("/floods"))) or "headers" in end
    assert "headers without an end" in refusal(site.url("/line"))
    assert time.monotonic() - began < 3


def test_a_file_that_is_too_large_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.routes["/a.wav"] = lambda exchange: exchange.answer(b"R" * 2_000, length=5 * 2**30)
    assert "is larger than the 4 GiB" in refusal(site.url("/a.wav"))


def test_an_endless_body_that_is_no_sound_is_given_up(site: Site) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.begin({"Content-Type": "audio/mpeg"})
        while True:
            exchange.send(bytes(range(32, 127)) * 700)

    site.routes["/a"] = endless
    began = time.monotonic()
    assert "no sound or video" in refusal(site.url("/a"))
    assert time.monotonic() - began < 5
