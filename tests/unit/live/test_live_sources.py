"""Sound that goes by: nothing of it waits for a server, and what is missed is told."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.server import OracleServer, Script, oracle_server
from tests.faults.trial import Trial, hurry, journals
from tests.ports import free_port
from tests.scripted_server import Script as HeardScript
from tests.scripted_server import scripted_server
from tests.spoken import spoken, word, word_start, words
from tests.unit.audio.sounds import pcm16, tone
from tui.audio.pipe import PipeSource
from tui.audio.recording import OpusFile
from tui.audio.source import CHUNK_SAMPLES, Fact, Missed, SourceInfo, Switched, Trouble
from tui.captions import SAMPLE_RATE, Event, EventKind
from tui.live import stretch
from tui.live.feed import State
from tui.live.session import LiveSession
from tui.sessions.store import SessionStore
from tui.wire.endpoint import STREAMING_PATH, Endpoint, Request

Act = bytes | Fact | threading.Event


class Scene:
    """A live source that does one thing after the other; an event is waited for."""

    def __init__(self, *acts: Act, waits: bool = False) -> None:
        self.info = SourceInfo("mic", "a microphone", live=True, waits=waits)
        self.played = threading.Event()
        """Everything was handed over."""
        self.heard = threading.Event()
        """Somebody has begun to listen."""
        self._acts = acts
        self._closed = threading.Event()

    def chunks(self) -> Iterator[bytes | Fact]:
        """50 ms at a time, as fast as they are taken."""
        self.heard.set()
        step = 2 * CHUNK_SAMPLES
        for act in self._acts:
            if isinstance(act, bytes):
                yield from (act[at : at + step] for at in range(0, len(act), step))
            elif isinstance(act, threading.Event):
                while not act.wait(0.01) and not self._closed.is_set():
                    pass
            else:
                yield act
        self.played.set()

    def close(self) -> None:
        """Wait for nothing any more."""
        self._closed.set()


def speech(*seconds: int) -> bytes:
    """The words of these seconds."""
    return b"".join(spoken(second) for second in seconds)


def trial(server: OracleServer, folder: Path, source: Scene) -> Trial:
    """A session that hears the source."""
    return Trial("a live source", server.endpoint(), folder, 0, source=source)


def gaps(one: Trial) -> list[Event]:
    """What the session told to be lost."""
    return [event for event in one.events if event.kind is EventKind.GAP]


def starts(one: Trial) -> dict[str, int]:
    """The sample at which each word begins, in the settled text."""
    return {
        spoken_word.text.strip(): spoken_word.start or 0
        for segment in one.segments.values()
        for spoken_word in segment.words
    }


async def test_what_is_said_before_there_is_a_server_is_not_lost(tmp_path: Path) -> None:
    scene, found = Scene(speech(*range(5)), hold := threading.Event()), threading.Event()

    @asynccontextmanager
    async def late() -> AsyncIterator[Endpoint]:
        await asyncio.to_thread(found.wait)
        yield server.endpoint()

    async with oracle_server(Script(words_a_segment=1)) as server:
        one = trial(server, tmp_path, scene)
        one.session = LiveSession(scene, late, Request("en"), open_journal=journals(tmp_path))
        one.session.start()
        await asyncio.to_thread(scene.heard.wait, 10)
        connecting = datetime.now(UTC)
        found.set()
        await one.until(lambda: one.newest >= 3)
        hold.set()
        await one.over()
    assert one.text == words(5)
    summary = SessionStore(tmp_path).load("last").summary
    assert summary.started_at <= connecting


async def test_sound_that_ends_before_there_is_a_connection_is_captioned(tmp_path: Path) -> None:
    async with oracle_server() as server:
        one = trial(server, tmp_path, Scene(speech(0, 1, 2), waits=True))
        await one.run()
    assert one.last.state is State.ENDED, one.last.reason
    assert one.text == words(3)


async def test_what_was_missed_is_a_gap_and_all_behind_it_keeps_its_time(tmp_path: Path) -> None:
    second = SAMPLE_RATE
    scene = Scene(
        speech(0, 1, 2),
        Missed(second // 2, "it was unplugged"),
        Missed(second * 3 // 2, "it was unplugged"),
        speech(5, 6),
    )
    async with oracle_server(Script(words_a_segment=1)) as server:
        one = trial(server, tmp_path, scene)
        await one.run()
    assert one.text == [*words(3), word(5), word(6)]
    assert gaps(one) == [Event(EventKind.GAP, 3 * second, "it was unplugged", 5 * second)]
    assert starts(one)[word(6)] == word_start(6)


async def test_while_there_is_no_sound_the_session_says_why(tmp_path: Path) -> None:
    back, end = threading.Event(), threading.Event()
    scene = Scene(
        speech(0),
        Trouble("it is gone"),
        Missed(SAMPLE_RATE, "gone"),
        back,
        Trouble(""),
        Switched("another one"),
        speech(2),
        end,
    )
    async with oracle_server(Script(words_a_segment=1)) as server:
        one = trial(server, tmp_path, scene)
        one.session.start()
        await one.until(lambda: one.last.state is State.NO_SOUND)
        assert one.last.silence == "it is gone"
        back.set()
        await one.until(lambda: one.last.state is State.LIVE and not one.last.silence)
        await one.until(lambda: bool(gaps(one)), 3)
        end.set()
        await one.over()
    assert one.text == [word(0), word(2)]
    told = [event for event in one.events if event.kind in (EventKind.GAP, EventKind.SOURCE)]
    assert [event.kind for event in told] == [EventKind.GAP, EventKind.SOURCE]
    assert told[1] == Event(EventKind.SOURCE, 2 * SAMPLE_RATE, "another one")


async def test_a_pause_hears_nothing_and_the_rest_is_whole(tmp_path: Path) -> None:
    paused, resumed = threading.Event(), threading.Event()
    in_pause = speech(7, 8, 9)
    scene = Scene(
        speech(0, 1), paused, in_pause, Missed(99, "in it"), Switched("x"), resumed, speech(2, 3)
    )
    async with oracle_server(Script(words_a_segment=1)) as server:
        one = trial(server, tmp_path, scene)
        one.session.start()
        await one.until(lambda: one.newest == 1)
        one.session.pause()
        await one.until(lambda: one.last.state is State.PAUSED)
        paused.set()
        await one.until(lambda: one.events[-1].kind is EventKind.SOURCE)
        one.session.resume()
        await one.until(lambda: one.last.state is State.LIVE)
        resumed.set()
        await one.over()
    assert one.text == words(4)
    assert not gaps(one)


async def test_a_pipe_waits_out_a_pause(tmp_path: Path) -> None:
    paused = threading.Event()
    scene = Scene(speech(0, 1), paused, speech(2, 3, 4), waits=True)
    async with oracle_server(Script(words_a_segment=1)) as server:
        one = trial(server, tmp_path, scene)
        one.session.start()
        await one.until(lambda: one.newest == 1)
        one.session.pause()
        await one.until(lambda: one.last.state is State.PAUSED)
        paused.set()
        await asyncio.to_thread(scene.played.wait, 10)
        one.session.resume()
        await one.over()
    assert one.text == words(5)


async def test_stopping_while_the_source_is_gone_tells_the_gap(tmp_path: Path) -> None:
    scene = Scene(speech(0), Trouble("gone"), Missed(SAMPLE_RATE, "gone"), threading.Event())
    async with oracle_server(Script(words_a_segment=1)) as server:
        one = trial(server, tmp_path, scene)
        one.session.start()
        await one.until(lambda: one.last.state is State.NO_SOUND)
        await one.stop()
    assert one.last.state is State.ENDED
    assert gaps(one) == [Event(EventKind.GAP, SAMPLE_RATE, "gone", 2 * SAMPLE_RATE)]
    record = SessionStore(tmp_path).load("last")
    assert [event for event in record.events if event.kind is EventKind.GAP] == gaps(one)


@pytest.mark.parametrize("comes", [True, False], ids=["back", "away"])
async def test_live_sound_is_kept_while_no_server_is_to_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comes: bool
) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(stretch, "START_SECONDS", 0.3)
    monkeypatch.setattr(stretch, "FINISH_SECONDS", 0.3)
    end = threading.Event()
    scene = Scene(speech(*range(4)), end)
    port = free_port()
    endpoint = Endpoint(url=f"ws://127.0.0.1:{port}{STREAMING_PATH}", name="oracle")
    one = Trial("no server", endpoint, tmp_path, 0, source=scene)
    one.session.start()
    await one.until(lambda: one.last.state is State.RECONNECTING and bool(one.last.session_id))
    assert "refused" in one.last.reason
    if comes:
        async with oracle_server(Script(words_a_segment=1), port) as server:
            await one.until(lambda: one.newest >= 2)
            assert server.streams
            end.set()
            await one.over()
        assert one.text == words(4)
    else:
        await one.stop()
        assert one.last.unfinished == 4
        kept = SessionStore(tmp_path).unfinished()
        assert [summary.unfinished for summary in kept] == [4]


async def test_stopping_before_there_is_a_server_keeps_what_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretch, "FINISH_SECONDS", 0.3)
    scene = Scene(speech(*range(4)), threading.Event())
    endpoint = Endpoint(url=f"ws://127.0.0.1:{free_port()}{STREAMING_PATH}", name="oracle")
    one = Trial("no server", endpoint, tmp_path, 0, source=scene)
    one.session.start()
    await one.until(lambda: bool(one.last.reason))
    await one.until(lambda: one.last.progress.captured == 4 * SAMPLE_RATE)
    await one.stop()
    assert one.last.unfinished == 4


async def test_holes_in_a_live_pipe_are_gaps_and_it_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "damaged.ogg"
    path.write_bytes(without(broadcast(tmp_path), 0.4, 0.6))
    with path.open("rb") as file:
        source = PipeSource.open(os.dup(file.fileno()), None)
        async with scripted_server(HeardScript()) as server:
            one = Trial("damage", server.endpoint(""), tmp_path, 0, source=source)
            await one.run()
    assert one.last.state is State.ENDED, one.last.reason
    [gap] = gaps(one)
    assert gap.until is not None
    assert 1 <= (gap.until - gap.at) / SAMPLE_RATE <= 4
    assert one.last.progress.captured / SAMPLE_RATE == pytest.approx(12, abs=0.2)


def broadcast(folder: Path) -> bytes:
    """12 s of a tone as Ogg Opus with short pages."""
    path = folder / "whole.opus"
    with OpusFile(path) as file:
        for _ in range(12):
            file.append(pcm16(tone(1)))
    return path.read_bytes()


def without(data: bytes, begin: float, end: float) -> bytes:
    """The pages of an Ogg stream but for those in a part of it."""
    pages = data.split(b"OggS")[1:]
    first, last = round(len(pages) * begin), round(len(pages) * end)
    return b"".join(b"OggS" + page for page in [*pages[:first], *pages[last:]])
