"""What the web gives is captioned, through a drop in mid-stream each: file, radio, HLS."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.server import Script as OracleScript
from tests.faults.server import oracle_server
from tests.faults.trial import Trial
from tests.icecast import FFMPEG, ICECAST, broadcasting
from tests.listening import noise
from tests.scripted_server import Script, scripted_server, word
from tests.spoken import Spoken, words
from tests.unit.audio.sounds import encode, wav
from tests.unit.audio.test_web_hls import live, site, sound
from tests.webserver import Ranged, Site, serving
from tui.captions import EventKind
from tui.launch import Wish, open_source
from tui.live.feed import State

__all__ = ["live", "site", "sound"]

needs_ffmpeg = pytest.mark.skipif(not FFMPEG, reason="ffmpeg, which makes the sound, is missing")


def captions(one: Trial) -> list[str]:
    """What is to be read, in order."""
    return [segment.text for segment in one.shown]


async def test_a_file_whose_connection_breaks_is_captioned_whole(tmp_path: Path) -> None:
    body = wav(tmp_path / "talk.wav", b"".join(Spoken(30).chunks())).read_bytes()
    with serving() as web:
        web.routes["/talk.wav"] = file = Ranged(body, cuts=[len(body) // 2])
        source = await asyncio.to_thread(open_source, Wish(source=web.url("/talk.wav")))
        async with oracle_server(OracleScript(words_a_segment=1)) as server:
            one = Trial("web file", server.endpoint(), tmp_path, 0, source=source)
            await one.run()
    assert one.last.state is State.ENDED, one.last.reason
    assert one.text == words(30)
    assert not file.cuts
    assert len(web.paths()) >= 2


async def goes_on(one: Trial, seconds: int) -> None:
    """Return once so many more seconds have been captioned."""
    so_far = len(captions(one))
    await one.until(lambda: len(captions(one)) >= so_far + seconds)


@needs_ffmpeg
async def test_a_broadcast_that_drops_is_captioned_on(tmp_path: Path, live: Site) -> None:
    source = await asyncio.to_thread(open_source, Wish(source=live.url("/a.m3u8")))
    async with scripted_server(Script()) as server:
        one = Trial("hls", server.endpoint(""), tmp_path, 0, source=source)
        one.session.start()
        await goes_on(one, 3)
        live.down.set()
        await one.until(lambda: one.last.state is State.NO_SOUND)
        assert "captty keeps trying" in one.last.silence
        live.down.clear()
        await one.until(lambda: one.last.state is State.LIVE)
        await goes_on(one, 3)
        await one.stop()
    assert captions(one) == [word(second) for second in range(len(captions(one)))]


@needs_ffmpeg
@pytest.mark.skipif(not ICECAST, reason="icecast2 is missing")
async def test_a_station_that_is_restarted_is_captioned_on(tmp_path: Path) -> None:
    programme = encode(tmp_path / "a.mp3", noise(60), "libmp3lame")
    with broadcasting(programme) as icecast:
        source = await asyncio.to_thread(open_source, Wish(source=icecast.url))
        async with scripted_server(Script()) as server:
            one = Trial("radio", server.endpoint(""), tmp_path, 0, source=source)
            one.session.start()
            await goes_on(one, 3)
            await asyncio.to_thread(icecast.kill)
            await one.until(lambda: one.last.state is State.NO_SOUND)
            await asyncio.to_thread(icecast.start)
            await one.until(lambda: one.last.state is State.LIVE)
            await goes_on(one, 3)
            await one.stop()
    assert captions(one) == [word(second) for second in range(len(captions(one)))]
    assert [event.kind for event in one.events].count(EventKind.BROKEN) == 0
