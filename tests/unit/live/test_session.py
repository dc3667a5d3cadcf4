"""A live session against a real websocket whose server says what it heard."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.scripted_server import Script, ScriptedServer, Stream, scripted_server, word
from tests.sources import Silence
from tui.audio.source import Source
from tui.captions import SAMPLE_RATE, EventKind, Segment, SegmentKey
from tui.live import connection, stretch, uplink
from tui.live.feed import Snapshot, State
from tui.live.host import Server
from tui.live.session import LiveSession
from tui.wire.endpoint import Endpoint, Request


class Watcher:
    """Runs a session and gathers all that its feed tells."""

    def __init__(self, source: Source, server: Server, *, paced: bool = False) -> None:
        self.session = LiveSession(source, server, Request("en"), paced=paced)
        self.segments: dict[SegmentKey, Segment] = {}
        self.states: list[State] = []
        self.events: list[EventKind] = []
        self.last = Snapshot()

    def look(self) -> None:
        """Take what is new."""
        self.last = self.session.feed.take()
        self.segments.update((segment.key, segment) for segment in self.last.segments)
        self.events += [event.kind for event in self.last.events]
        if not self.states or self.states[-1] is not self.last.state:
            self.states.append(self.last.state)

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Look again and again until the condition holds."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, f"{self.last.state}: {self.last.reason}"
            await asyncio.sleep(0.01)
            self.look()

    async def run(self) -> Snapshot:
        """The whole session."""
        self.session.start()
        await self.until(lambda: self.last.state.over)
        assert await asyncio.to_thread(self.session.join, 5)
        return self.last

    @property
    def texts(self) -> list[str]:
        """What is to be read, in order."""
        return [self.segments[key].text for key in sorted(self.segments) if self.segments[key].text]


def words(seconds: int) -> list[str]:
    return [word(second) for second in range(seconds)]


@pytest.mark.parametrize(
    "script",
    [
        Script(),
        Script(final_forms=("checkpoint",), echo_traces=False),
        Script(final_forms=("trace",)),
        Script(times=False, finality=False, echo_traces=False),
    ],
    ids=["all", "checkpoint-only", "trace-only", "bare"],
)
async def test_every_sample_is_heard_and_every_word_read(script: Script) -> None:
    async with scripted_server(script) as server:
        watcher = Watcher(Silence(40.51), server)
        last = await watcher.run()
    assert last.state is State.ENDED
    assert last.reason == ""
    assert watcher.texts == words(40)
    assert all(segment.settled for segment in watcher.segments.values())
    assert 40.51 <= server.streams[0].heard / SAMPLE_RATE < 40.57
    assert all(800 <= samples <= 6400 for samples in server.frames)
    assert last.progress.captured == round(40.51 * SAMPLE_RATE)


async def test_the_request_asks_for_times_and_the_key_stays_in_its_header() -> None:
    async with scripted_server(Script()) as server:
        endpoint = server.endpoint("a key")
        session = Watcher(Silence(0.1), _with(server, endpoint.key.reveal()))
        await session.run()
    assert server.headers[0]["Authorization"] == "a key"
    assert "timestamp_granularities=word%2Csegment" in server.paths[0]
    assert "language=en" in server.paths[0]
    assert "key" not in server.paths[0]


def _with(server: ScriptedServer, key: str) -> Server:
    @asynccontextmanager
    async def given() -> AsyncIterator[Endpoint]:
        yield server.endpoint(key)

    return given


async def test_pacing_keeps_real_time_and_pausing_keeps_every_sample() -> None:
    async with scripted_server(Script()) as server:
        watcher = Watcher(Silence(3), server, paced=True)
        watcher.session.start()
        await watcher.until(lambda: bool(watcher.texts))
        started = time.monotonic()
        watcher.session.pause()
        await watcher.until(lambda: watcher.last.state is State.PAUSED)
        heard = server.streams[0].heard
        await asyncio.sleep(0.5)
        assert server.streams[0].heard - heard <= 2 * 800
        watcher.session.resume()
        await watcher.until(lambda: watcher.last.state.over)
    assert time.monotonic() - started > 2.2
    assert watcher.texts == words(3)
    assert [kind for kind in watcher.events if kind != EventKind.CONNECTED] == [
        EventKind.PAUSED,
        EventKind.RESUMED,
    ]


async def test_a_paused_session_keeps_its_connection_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uplink, "TRACE_SAMPLES", SAMPLE_RATE // 10)
    async with scripted_server(Script()) as server:
        watcher = Watcher(Silence(30), server, paced=True)
        watcher.session.start()
        await watcher.until(lambda: watcher.last.state is State.LIVE)
        watcher.session.pause()
        await watcher.until(lambda: watcher.last.state is State.PAUSED)
        sent = len(server.texts)
        await watcher.until(lambda: len(server.texts) >= sent + 5)
        watcher.session.stop()
        await watcher.until(lambda: watcher.last.state.over)
    assert watcher.last.reason == ""


async def test_stop_ends_the_capture_and_waits_for_the_last_words() -> None:
    async def last_words(stream: Stream) -> None:
        await asyncio.sleep(0.3)
        await stream.say(99, "goodbye")
        await stream.ws.send_str(json.dumps({"checkpoint_id": "final"}))

    async with scripted_server(Script(on_finish=last_words)) as server:
        watcher = Watcher(Silence(600), server, paced=True)
        watcher.session.start()
        await watcher.until(lambda: bool(watcher.texts))
        watcher.session.stop()
        await watcher.until(lambda: watcher.last.state is State.FINISHING)
        await watcher.until(lambda: watcher.last.state.over)
    assert watcher.texts[-1] == "goodbye"
    assert watcher.last.state is State.ENDED


@pytest.mark.parametrize("blocked", [False, True])
async def test_close_takes_about_a_second_whatever_hangs(blocked: bool) -> None:
    async def never(stream: Stream) -> None:
        return

    async with scripted_server(Script(on_finish=never)) as server:
        watcher = Watcher(Silence(2, blocked=blocked), server)
        watcher.session.start()
        await watcher.until(lambda: watcher.texts[:1] == words(1))
        started = time.monotonic()
        await asyncio.to_thread(watcher.session.close)
        assert time.monotonic() - started < 3
        watcher.look()
    assert watcher.last.state is State.ENDED
    assert watcher.texts[:1] == words(1)


async def test_while_there_is_no_connection_the_screen_says_why() -> None:
    async def hang_up(stream: Stream) -> None:
        await stream.ws.close(code=1011, message=b"out of\x1b[31m memory")

    async with scripted_server(Script(at_second={2: hang_up})) as server:
        watcher = Watcher(Silence(600), server, paced=True)
        watcher.session.start()
        await watcher.until(lambda: watcher.last.state is State.RECONNECTING)
        assert watcher.last.reason == "scripted closed the connection (out of[31m memory)"
        assert watcher.last.attempt == 1
        await asyncio.to_thread(watcher.session.close)


async def test_an_error_message_is_the_reason_of_what_it_ends() -> None:
    async def refuse(stream: Stream) -> None:
        error = {"message": "no language \x1b]0;x\x07 Klingon", "code": "language_not_supported"}
        await stream.ws.send_str(json.dumps({"error": error}))
        await stream.ws.close(code=1008)

    async with scripted_server(Script(at_second={1: refuse})) as server:
        watcher = Watcher(Silence(600), server)
        last = await watcher.run()
    assert last.reason == "no language ]0;x Klingon"


async def test_an_old_error_is_not_the_reason_of_a_later_break() -> None:
    async def restart(stream: Stream) -> None:
        await asyncio.sleep(0.2)
        await stream.ws.close(code=1012, message=b"restarting")

    greeting = ('{"error": "unknown parameter"}',)
    async with scripted_server(Script(greeting=greeting, at_second={3: restart})) as server:
        watcher = Watcher(Silence(600), server)
        watcher.session.start()
        await watcher.until(lambda: watcher.last.state is State.RECONNECTING)
        assert "restarting" in watcher.last.reason
        await asyncio.to_thread(watcher.session.close)


async def test_a_watcher_that_fails_takes_no_session_along() -> None:
    def wake() -> None:
        raise RuntimeError("the screen is gone")

    async with scripted_server(Script()) as server:
        session = LiveSession(Silence(5), server, Request(), paced=False, wake=wake)
        session.start()
        assert await asyncio.to_thread(session.join, 20)
    snapshot = session.feed.take()
    assert [segment.text for segment in snapshot.segments] == words(5)
    assert snapshot.state is State.ENDED


async def test_a_failure_before_the_first_word_is_an_event_too() -> None:
    async with scripted_server(Script(status=401)) as server:
        watcher = Watcher(Silence(1), server)
        await watcher.run()
    assert watcher.events == [EventKind.BROKEN]


async def test_nonsense_from_the_server_ends_nothing() -> None:
    nonsense = (
        b"\xff\xfe",
        "no json",
        "[" * 100_000,
        "[]",
        '{"segments": null}',
        '{"segments": [{"id": null}, 7, {"id": 0}]}',
        '{"object": "stt.output.trace", "trace_id": "s:-5"}',
        '{"object": "stt.output.trace", "trace_id": {"a": 1}}',
        '{"object": "stt.output.trace", "trace_id": "s:99999999999999999999"}',
        '{"error": {"message": 5}}',
    )
    async with scripted_server(Script(greeting=nonsense)) as server:
        watcher = Watcher(Silence(5), server)
        last = await watcher.run()
    assert last.state is State.ENDED
    assert watcher.texts == words(5)


async def test_a_server_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uplink, "END_SECONDS", 0.3)
    monkeypatch.setattr(stretch, "FINISH_SECONDS", 1.0)

    async def never(stream: Stream) -> None:
        return

    async with scripted_server(Script(on_finish=never)) as server:
        watcher = Watcher(Silence(2), server)
        last = await watcher.run()
    assert last.state is State.FAILED
    assert "not confirmed" in last.reason
    assert watcher.texts == words(2)


async def test_a_source_that_breaks_off_still_gives_all_its_words() -> None:
    async with scripted_server(Script()) as server:
        watcher = Watcher(Silence(7, error="the file breaks off"), server)
        last = await watcher.run()
    assert last.state is State.FAILED
    assert last.reason == "the file breaks off"
    assert watcher.texts == words(7)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (Script(status=401), "refuses the key"),
        (Script(status=404), "no streaming speech-to-text"),
        (Script(status=503), "no room"),
        (Script(status=500), "500"),
        (Script(redirect="http://127.0.0.1:9/elsewhere"), "redirects elsewhere"),
    ],
    ids=["401", "404", "503", "500", "redirect"],
)
async def test_a_refused_handshake_is_explained(
    script: Script, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretch, "START_SECONDS", 0.5)
    async with scripted_server(script) as server:
        last = await Watcher(Silence(1), _with(server, "hush")).run()
    assert last.state is State.FAILED
    assert reason in last.reason
    assert "hush" not in last.reason
    assert "authorization" not in last.reason.lower()


async def test_a_server_that_accepts_and_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 0.3)
    monkeypatch.setattr(stretch, "START_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # the kernel alone answers
        port = listener.getsockname()[1]
        last = await Watcher(Silence(1), ScriptedServer(f"ws://127.0.0.1:{port}/x")).run()
    assert "does not answer" in last.reason


async def test_nobody_listening_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "START_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    last = await Watcher(Silence(1), ScriptedServer(f"ws://127.0.0.1:{port}/x")).run()
    assert "cannot be reached (connection refused)" in last.reason


async def test_a_stalled_watcher_costs_nothing_and_finds_the_present() -> None:
    wakes = 0

    def wake() -> None:
        nonlocal wakes
        wakes += 1

    async with scripted_server(Script()) as server:
        session = LiveSession(Silence(300), server, Request(), paced=False, wake=wake)
        session.start()
        assert await asyncio.to_thread(session.join, 20)
    assert wakes == 1
    snapshot = session.feed.take()
    assert [segment.text for segment in snapshot.segments] == words(300)
    assert snapshot.state is State.ENDED
