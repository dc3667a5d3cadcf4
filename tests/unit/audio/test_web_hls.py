"""HLS: playlists of segments, of broadcasts and of what is over."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.listening import Listening, noise, place
from tests.unit.audio.sounds import pcm16, wav
from tests.webserver import Exchange, Site, dripping, serving, whole
from tui.audio.source import Missed, SourceError, Trouble
from tui.audio.web import Address, Client, open_url
from tui.audio.web import hls as hls_module
from tui.audio.web.hls import Hls

FFMPEG = shutil.which("ffmpeg")
pytestmark = pytest.mark.skipif(not FFMPEG, reason="ffmpeg, which makes the playlists, is missing")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serving() as site:
        site.folder = tmp_path / "site"
        site.folder.mkdir()
        yield site


@pytest.fixture
def trap() -> Iterator[Site]:
    with serving() as trap:
        yield trap


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wav(tmp_path_factory.mktemp("hls") / "a.wav", pcm16(noise(40)))


def make(sound: Path, folder: Path, seconds: float, *options: str) -> None:
    """A playlist `a.m3u8` of segments in a folder."""
    assert FFMPEG
    command = [FFMPEG, "-v", "error", "-nostdin", "-t", str(seconds), "-i", str(sound)]
    command += ["-ac", "1", "-c:a", "aac", "-b:a", "96k", "-f", "hls", "-hls_time", "1"]
    subprocess.run([*command, "-hls_list_size", "0", *options, "a.m3u8"], cwd=folder, check=True)


VOD = ["-hls_playlist_type", "vod"]
FORMS = {
    "ts": ["-hls_segment_type", "mpegts"],
    "fmp4": ["-hls_segment_type", "fmp4"],
    "ranges": ["-hls_flags", "single_file"],
    "fmp4 ranges": ["-hls_segment_type", "fmp4", "-hls_flags", "single_file"],
}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_over_is_heard_whole(site: Site, sound: Path, form: str) -> None:
    assert site.folder
    make(sound, site.folder, 12, *VOD, *FORMS[form])
    source = open_url(site.url("/a.m3u8"))
    items = list(source.chunks())
    source.close()
    assert source.info.kind == "url"
    assert not source.info.live
    assert source.info.samples == pytest.approx(12 * 16_000, abs=3_200)
    pcm = b"".join(item for item in items if isinstance(item, bytes))
    assert len(pcm) // 2 == pytest.approx(12 * 16_000, abs=3_200)
    whole = sound.read_bytes()[44:]
    start = place(pcm[: 2 * 32_000], whole)
    for second in range(10):
        piece = pcm[second * 32_000 : (second + 2) * 32_000]
        assert place(piece, whole) == pytest.approx(start + second, abs=0.002)


def test_packed_audio(site: Site, sound: Path) -> None:
    assert FFMPEG
    assert site.folder
    command = [FFMPEG, "-v", "error", "-nostdin", "-t", "6", "-i", str(sound), "-c:a", "aac"]
    command += ["-f", "segment", "-segment_time", "2", "-segment_format", "adts", "-segment_list"]
    subprocess.run([*command, "a.m3u8", "%d.aac"], cwd=site.folder, check=True)
    source = open_url(site.url("/a.m3u8"))
    pcm = b"".join(item for item in source.chunks() if isinstance(item, bytes))
    source.close()
    assert len(pcm) / 32_000 == pytest.approx(6, abs=0.3)


def test_the_least_of_several_variants_with_sound_is_heard(site: Site, sound: Path) -> None:
    assert site.folder
    make(sound, site.folder, 2, *VOD)
    master = "#EXTM3U\n"
    for bandwidth, codecs, name in [
        (90_000, "avc1.4d401f,mp4a.40.2", "film"),
        (10_000, "avc1.4d401f", "mute"),
        (20_000, "mp4a.40.2", "a"),
    ]:
        master += f'#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},CODECS="{codecs}"\n{name}.m3u8\n'
    site.routes["/master.m3u8"] = whole(master.encode(), "application/x-mpegURL")
    open_url(site.url("/master.m3u8")).close()
    assert site.paths()[:2] == ["/master.m3u8", "/a.m3u8"]


def test_sound_that_is_apart_from_the_pictures(site: Site, sound: Path) -> None:
    assert site.folder
    make(sound, site.folder, 2, *VOD)
    master = (
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="x",DEFAULT=YES,URI="a.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS="avc1.4d401f,mp4a.40.2",AUDIO="g"\nfilm.m3u8\n'
    )
    site.routes["/master.m3u8"] = whole(master.encode(), "application/x-mpegURL")
    open_url(site.url("/master.m3u8")).close()
    assert site.paths()[:2] == ["/master.m3u8", "/a.m3u8"]


@pytest.fixture
def live(site: Site, sound: Path) -> Iterator[Site]:
    """A playlist that is being written in real time, and lets go of what is old."""
    assert FFMPEG
    assert site.folder
    command = [FFMPEG, "-v", "error", "-nostdin", "-re", "-i", str(sound), "-c:a", "aac"]
    command += ["-b:a", "96k", "-f", "hls", "-hls_time", "0.5", "-hls_list_size", "6"]
    command += ["-hls_flags", "delete_segments+temp_file", "-hls_delete_threshold", "1", "a.m3u8"]
    with subprocess.Popen(command, cwd=site.folder) as writer:
        try:
            end = time.monotonic() + 20
            playlist = site.folder / "a.m3u8"
            while not playlist.exists() or playlist.read_text().count("#EXTINF") < 4:
                assert time.monotonic() < end
                time.sleep(0.05)
            yield site
        finally:
            writer.kill()


def test_a_broadcast_goes_on_after_a_drop(live: Site, sound: Path) -> None:
    listening = Listening(open_url(live.url("/a.m3u8?key=sesame")))
    info = listening.source.info
    assert (info.kind, info.name, info.live, info.waits) == (
        *("stream", "127.0.0.1/…/a.m3u8"),
        *(True, False),
    )
    listening.until(lambda: listening.seconds > 3)
    live.down.set()
    down = time.monotonic()
    listening.until(lambda: time.monotonic() - down > 3)
    before = listening.facts()
    assert isinstance(before[0], Trouble)
    assert "captty keeps trying" in before[0].sentence
    live.down.clear()
    heard = listening.seconds
    listening.until(lambda: listening.seconds > heard + 4)
    listening.stop()
    assert Trouble("") in listening.facts()
    whole = sound.read_bytes()[44:]
    first = place(listening.pcm[32_000:64_000], whole)
    last = place(listening.pcm[-48_000:-16_000], whole)
    stands = listening.seconds + listening.missed - 1.5 - 1
    assert stands == pytest.approx(last - first, abs=1)


def scripted(*numbers: int, gap: bool = False, end: bool = False) -> bytes:
    """A playlist of the segments of those numbers."""
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{numbers[0]}"]
    for number in numbers:
        lines += ["#EXTINF:1.0,", f"a{number}.ts"]
    return "\n".join(lines + (["#EXT-X-ENDLIST"] if end else [])).encode()


def test_segments_that_expired_are_missed(
    site: Site, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_module, "_WAITS", (0.02,))
    assert site.folder
    make(sound, site.folder, 14, *VOD)
    (site.folder / "a.m3u8").unlink()
    site.routes["/a.m3u8"] = whole(scripted(0, 1, 2), "application/x-mpegURL")
    listening = Listening(open_url(site.url("/a.m3u8")))
    listening.until(lambda: listening.seconds > 2.5)
    (site.folder / "a8.ts").unlink()
    site.routes["/a.m3u8"] = whole(scripted(6, 7, 8, 9, 10, 11, end=True), "application/x-mpegURL")
    listening.until(lambda: listening.seconds + listening.missed > 11.5)
    listening.stop()
    assert listening.missed == pytest.approx(4, abs=0.1)
    assert all(isinstance(fact, Missed | Trouble) for fact in listening.facts())


@pytest.mark.parametrize("where", ["segment", "header", "variant", "sound", "key"])
def test_a_playlist_leads_to_no_private_address_or_file(
    site: Site, trap: Site, tmp_path: Path, where: str
) -> None:
    (tmp_path / "secret.ts").write_bytes(b"secret")
    for target in (
        *(trap.url("/a.ts"), trap.url("/a.ts", "localhost"), (tmp_path / "secret.ts").as_uri()),
        *("crypto+" + trap.url("/a.ts"), "concat:a|b", "data:audio/wav;base64,UklGRg=="),
    ):
        texts = {
            "segment": f"#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n",
            "header": f'#EXT-X-MAP:URI="{target}"\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n',
            "variant": f"#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n",
            "sound": f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="x",URI="{target}"\n'
            '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="g"\na.m3u8\n',
            "key": f'#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:1,\na.ts\n',
        }
        site.routes["/a.m3u8"] = whole(b"#EXTM3U\n" + texts[where].encode())
        site.routes["/a.ts"] = whole(b"a")
        with pytest.raises(SourceError) as error:
            open_url(site.url("/a.m3u8"))
        assert "\n" not in str(error.value)
        if where == "key":
            assert "is encrypted" in str(error.value)
    assert not trap.asked


@pytest.mark.parametrize(
    "text",
    [
        *("#EXTM3U\n#EXT-X-TARGETDURATION:x\n", "#EXTM3U\n#EXT-X-BYTERANGE:a@b\n#EXTINF:1,\na\n"),
        *("#EXTM3U\n#EXTINF:nan,\n\x00\n#EXT-X-ENDLIST\n", "#EXTM3U\n#EXT-X-ENDLIST\n"),
        "#EXTM3U\n#EXT-X-STREAM-INF:\na.m3u8\n",
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:-99999999999999999999\n#EXTINF:1e999,\na\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-MAP:URI=\n#EXTINF:1,\na\n#EXT-X-ENDLIST\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:{'9' * 4_000}\n#EXTINF:1,\na\n#EXT-X-ENDLIST\n",
    ],
    ids=lambda text: str(len(text)),
)
def test_playlists_that_are_damaged(site: Site, text: str) -> None:
    site.routes["/a.m3u8"] = whole(text.encode())
    began = time.monotonic()
    with pytest.raises(SourceError) as error:
        open_url(site.url("/a.m3u8"))
    assert "\n" not in str(error.value)
    assert time.monotonic() - began < 10


def test_closing_while_it_waits_for_a_segment_is_quick(site: Site, sound: Path) -> None:
    assert site.folder
    make(sound, site.folder, 3, *VOD)
    site.routes["/a.m3u8"] = whole(scripted(0, 1), "application/x-mpegURL")
    source = open_url(site.url("/a.m3u8"))
    reader = threading.Thread(target=list, args=(source.chunks(),))
    reader.start()
    began = time.monotonic()
    source.close()
    reader.join(5)
    assert time.monotonic() - began < 0.5


MEDIA = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="n",URI="a"\n'
VARIANT = '#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="g"\na\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("#EXTINF:1,\na\n" * 50_001, "more than 100 000 lines"),
        ("#EXTINF:1,\n" * 50_001, "more than 50 000 segments"),
        (MEDIA * 8_000 + VARIANT * 8_000, "more than 1 000 variants"),
        (MEDIA * 501 + VARIANT * 500, "more than 1 000 variants"),
        ("".join(f"#EXT-X-KEY:METHOD=NONE,IV={n}\n" for n in range(40_000)), "is encrypted"),
        ('#EXT-X-MAP:URI="a"\n' * 1_001, "more than 1 000 headers"),
        (" \n" * 1_000_000, "more than 100 000 lines"),
        ("\va" * 1_000_000, "more than 100 000 lines"),
        ("#EXT-X-KEY:METHOD=NONE," + "A=b," * 2_100, "more than 8 192 letters in a line"),
        ("#EXTINF:" + " " * 3_000_000 + "1,\na\n", "more than 8 192 letters in a line"),
    ],
    ids=lambda text: f"{len(text)} {text[:20]!r}",
)
def test_playlists_that_would_take_too_long(site: Site, text: str, said: str) -> None:
    site.routes["/a.m3u8"] = whole(f"#EXTM3U\n{text}#EXT-X-ENDLIST\n".encode())
    began = time.process_time()
    with pytest.raises(SourceError, match=said):
        open_url(site.url("/a.m3u8"))
    assert time.process_time() - began < 1


def test_blank_lines_cost_nothing(site: Site, sound: Path) -> None:
    assert site.folder
    make(sound, site.folder, 1, *VOD)
    playlist = (site.folder / "a.m3u8").read_text().replace("#EXTINF", "\n" * 10**6 + "#EXTINF")
    site.routes["/a.m3u8"] = whole(playlist.encode())
    began = time.process_time()
    open_url(site.url("/a.m3u8")).close()
    assert time.process_time() - began < 2


@pytest.mark.parametrize("later", [1_000, 10**30, 10**306], ids=["3", "30", "306"])
def test_a_count_that_begins_anew_is_no_loss(site: Site, sound: Path, later: int) -> None:
    assert site.folder
    make(sound, site.folder, 1, *VOD)
    asked = list[int]()

    def playlist(exchange: Exchange) -> None:
        number = len(asked) * later
        asked.append(number)
        text = f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{number}\n#EXTINF:0.5,\na0.ts\n"
        exchange.answer(text.encode(), {"Content-Type": "application/x-mpegURL"})

    site.routes["/a.m3u8"] = playlist
    listening = Listening(open_url(site.url("/a.m3u8")))
    listening.until(lambda: listening.seconds > 3.5)
    listening.stop()
    assert not listening.missed
    assert not listening.error


def test_a_segment_that_drips_is_lost_and_the_next_are_heard(
    site: Site, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_module, "_PATIENCE", 0.8)
    assert site.folder
    make(sound, site.folder, 3, *VOD)
    playlist = (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:0.2,\na0.ts\n#EXTINF:0.2,\nb.ts\n#EXTINF:0.2,\na2.ts\n"
    )
    site.routes["/b.ts"] = dripping
    site.routes["/a.m3u8"] = whole(playlist.encode())
    listening = Listening(open_url(site.url("/a.m3u8")))
    listening.until(lambda: listening.seconds > 1.5)
    listening.stop()
    assert site.paths().count("/b.ts") == 1
    assert 0.19 < listening.missed < 3
    pcm, whole_sound = listening.pcm, sound.read_bytes()[44:]
    assert place(pcm[-16_000:], whole_sound) > 2


def test_a_playlist_that_drips_is_asked_for_again(
    site: Site, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_module, "_PATIENCE", 0.4)
    assert site.folder
    make(sound, site.folder, 2, *VOD)
    (site.folder / "a.m3u8").unlink()
    site.routes["/a.m3u8"] = whole(scripted(0), "application/x-mpegURL")
    listening = Listening(open_url(site.url("/a.m3u8")))
    site.routes["/a.m3u8"] = dripping
    listening.until(lambda: site.paths().count("/a.m3u8") > 2)
    site.routes["/a.m3u8"] = whole(scripted(0, 1, end=True), "application/x-mpegURL")
    listening.until(lambda: listening.seconds > 1.8)
    listening.stop()
    assert not listening.missed


def test_a_segment_that_is_too_large_is_refused(site: Site) -> None:
    def large(exchange: Exchange) -> None:
        exchange.begin({"Content-Type": "video/mp2t"})
        for _ in range(80):
            exchange.send(bytes(2**20))

    site.routes["/a0.ts"] = large
    site.routes["/a.m3u8"] = whole(scripted(0, end=True), "application/x-mpegURL")
    with pytest.raises(SourceError, match=r"127\.0\.0\.1 sends more than the 64 MiB"):
        open_url(site.url("/a.m3u8"))


def test_a_segment_is_read_in_little_time(site: Site) -> None:
    site.routes["/a0.ts"] = whole(bytes(48 * 2**20))
    client = Client(Address.parse(site.url("/a.m3u8")))
    stretch = next(Hls(client, client.typed, scripted(0, end=True)).stretches())
    assert isinstance(stretch, Hls)
    began = time.process_time()
    count = sum(iter(lambda: len(stretch.read(4_096)), 0))
    assert count == 48 * 2**20
    assert time.process_time() - began < 2
