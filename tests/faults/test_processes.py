"""Processes that are killed, stopped and restarted: the server's, and captty's own."""

import asyncio
import errno
import os
import re
import signal
import subprocess
import sys
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.faults.conftest import Begin, Note
from tests.faults.server import Manner, OracleServer, Script, oracle_server, reset
from tests.faults.trial import Verdict
from tests.spoken import Spoken, said_in, words
from tests.terminals import CAPTTY, home
from tui.captions import SAMPLE_RATE, EventKind
from tui.live.feed import State
from tui.sessions.record import SessionRecord, SessionState
from tui.sessions.store import SessionStore
from tui.wire.endpoint import STREAMING_PATH, Endpoint


class ServerProcess:
    """The scripted server as a process of its own, always on the same port."""

    def __init__(self) -> None:
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Return when it listens."""
        command = [sys.executable, "-m", "tests.faults.server", str(self.port), "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def signal(self, number: int) -> None:
        """Send it a signal; wait for its end where that kills."""
        assert self._process is not None
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._process.wait(5)
            if self._process.stdout:
                self._process.stdout.close()
            self._process = None

    def end(self) -> None:
        """Kill it if it runs."""
        if self._process:
            self.signal(signal.SIGKILL)

    def endpoint(self) -> Endpoint:
        """Where it is."""
        return Endpoint(url=f"ws://127.0.0.1:{self.port}{STREAMING_PATH}", name="oracle")


@contextmanager
def server_process() -> Iterator[ServerProcess]:
    """A server for the length of the block."""
    server = ServerProcess()
    server.start()
    try:
        yield server
    finally:
        server.end()


async def test_a_killed_server_costs_nothing(trial: Begin) -> None:
    with server_process() as server:
        one = trial("2 kill -9 of the server, back after 3 s", server.endpoint(), 600, paced=True)
        await one.begin()
        one.strike()
        server.signal(signal.SIGKILL)
        await one.until_noticed(2)
        await one.watch(3)
        await asyncio.to_thread(server.start)
        one.heal()
        await one.until_it_goes_on(20)
        await one.stop()
        one.assert_exact()


async def test_a_stopped_server_is_noticed_and_replaced(trial: Begin) -> None:
    with server_process() as server:
        one = trial("4 SIGSTOP of the server for good", server.endpoint(), 600, paced=True)
        await one.begin()
        one.strike()
        server.signal(signal.SIGSTOP)
        await one.until_noticed()
        server.signal(signal.SIGKILL)
        await asyncio.to_thread(server.start)
        one.heal()
        await one.until_it_goes_on(25)
        await one.stop()
        one.assert_exact()


@pytest.mark.parametrize("seconds", [5, 25])
async def test_a_server_that_was_stopped_and_goes_on_costs_nothing(
    trial: Begin, seconds: float
) -> None:
    with server_process() as server:
        name = f"4 SIGSTOP of the server for {seconds} s"
        one = trial(name, server.endpoint(), 600, paced=True)
        await one.begin()
        one.strike()
        server.signal(signal.SIGSTOP)
        await one.watch(seconds)
        server.signal(signal.SIGCONT)
        one.heal()
        await one.until_it_goes_on(30)
        await one.stop()
        one.assert_exact(reconnects=None)


# captty itself


class Captty:
    """`captty transcribe` of a spoken file at the pace of speech."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self._folder = folder
        self.process = process

    def record(self) -> SessionRecord | None:
        """What it has saved, once there is something."""
        sessions = SessionStore(self._folder / ".local/share/captty")
        return sessions.load("last") if sessions.list() else None

    def text(self) -> list[str]:
        """The words that it has saved."""
        record = self.record()
        return (
            [word for one in record.segments for word in one.segment.text.split()] if record else []
        )

    async def until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        """Wait for the condition, while it runs."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, self.text()
            await asyncio.sleep(0.05)

    def files(self, pattern: str) -> list[Path]:
        """Those of its sessions that match."""
        return list(self._folder.glob(f".local/share/captty/sessions/*/{pattern}"))

    def tear(self) -> None:
        """Cut its record in the middle of the last line."""
        (record,) = self.files("events.jsonl")
        os.truncate(record, record.stat().st_size - 20)

    async def finish(self, server: OracleServer) -> None:
        """`captty sessions finish last`."""
        process = await captty(self._folder, "sessions", "finish", "last", *at(server))
        out, error = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, (out + error).decode()
        assert not self.files("spool/*")


def at(server: OracleServer) -> tuple[str, str]:
    return "--server", f"ws://127.0.0.1:{server.port}"


async def captty(folder: Path, *words: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *CAPTTY, *words, env=home(folder), cwd=folder, stdout=pipe, stderr=pipe
    )


@asynccontextmanager
async def transcribing(folder: Path, server: OracleServer, seconds: int) -> AsyncIterator[Captty]:
    """captty at work for the length of the block."""
    with wave.open(str(folder / "spoken.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(b"".join(Spoken(seconds).chunks()))
    process = await captty(folder, "transcribe", "spoken.wav", "--language", "en", *at(server))
    try:
        yield Captty(folder, process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("after", [1.7, 4.3, 8.1])
async def test_a_killed_captty_is_finished_later(tmp_path: Path, after: float, note: Note) -> None:
    async with oracle_server(Script(words_a_segment=3)) as server:
        async with transcribing(tmp_path, server, 600) as it:
            await it.until(lambda: bool(it.text()))
            await asyncio.sleep(after)
            heard = server.streams[0].heard
            it.process.kill()
            await it.process.wait()
            before = it.text()
        assert before == words(len(before))
        await it.finish(server)
    record, text = it.record(), it.text()
    assert record is not None
    lost = f"{max(0, heard - record.samples) / SAMPLE_RATE:.1f} s of heard sound not on disk"
    verdict = Verdict.on(text, said_in(record.samples))
    note(f"18 kill -9 of captty after {after} s", f"finished later; {lost}", verdict)
    assert text == said_in(record.samples), verdict
    assert record.samples >= heard - 1.1 * SAMPLE_RATE
    assert record.summary.state is SessionState.COMPLETE
    assert EventKind.RECOVERED in [event.kind for event in record.events]


async def test_a_torn_record_is_finished_all_the_same(tmp_path: Path, note: Note) -> None:
    async with oracle_server(Script(words_a_segment=2)) as server:
        async with transcribing(tmp_path, server, 600) as it:
            await it.until(lambda: len(it.text()) >= 6)
            it.process.kill()
            await it.process.wait()
        it.tear()
        before = it.text()
        await it.finish(server)
    record, text = it.record(), it.text()
    assert record is not None
    verdict = Verdict.on(text, said_in(record.samples))
    note("21 record torn in its last line, then finished", "finished later", verdict)
    assert text == said_in(record.samples), verdict
    assert text[: len(before)] == before
    assert it.files("events.torn-*")


async def test_a_captty_killed_while_offline_is_finished_later(tmp_path: Path, note: Note) -> None:
    async with oracle_server(Script(words_a_segment=3)) as server:
        async with transcribing(tmp_path, server, 600) as it:
            await it.until(lambda: bool(it.text()))
            server.script.manners = [Manner(status=503)] * 100
            await reset(server.streams[0])
            await asyncio.sleep(7)
            heard = server.streams[0].heard
            it.process.kill()
            await it.process.wait()
        server.script.manners = []
        await it.finish(server)
    record, text = it.record(), it.text()
    assert record is not None
    verdict = Verdict.on(text, said_in(record.samples))
    note("18 kill -9 of captty, offline for 7 s", "finished later", verdict)
    assert text == said_in(record.samples), verdict
    assert record.samples >= heard + 5 * SAMPLE_RATE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_captty_soon_and_loses_nothing(
    tmp_path: Path, number: int, note: Note
) -> None:
    async with oracle_server(Script(words_a_segment=3)) as server:
        async with transcribing(tmp_path, server, 600) as it:
            await it.until(lambda: bool(it.text()))
            await asyncio.sleep(2)
            began = time.monotonic()
            it.process.send_signal(number)
            await asyncio.wait_for(it.process.wait(), 10)
            took = time.monotonic() - began
            assert took < 2.5
            assert it.process.returncode == 128 + number
        assert server.streams[0].finished
        record, text = it.record(), it.text()
        assert record is not None
        verdict = Verdict.on(text, said_in(record.samples))
        note(f"19 {signal.Signals(number).name}", f"over after {took:.1f} s", verdict)
        assert text == said_in(record.samples), verdict
        assert record.summary.state is SessionState.COMPLETE


async def test_a_signal_while_offline_keeps_the_audio(tmp_path: Path, note: Note) -> None:
    async with oracle_server(Script(words_a_segment=3)) as server:
        async with transcribing(tmp_path, server, 600) as it:
            await it.until(lambda: bool(it.text()))
            server.script.manners = [Manner(status=503)] * 100
            await reset(server.streams[0])
            await asyncio.sleep(4)
            it.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(it.process.wait(), 3)
        record = it.record()
        assert record is not None
        assert record.summary.state is SessionState.INTERRUPTED
        captured = record.samples
        server.script.manners = []
        await it.finish(server)
        verdict = Verdict.on(it.text(), said_in(captured))
        note("19 SIGTERM while offline", "finished later", verdict)
        assert it.text() == said_in(captured), verdict


async def test_a_suspended_captty_goes_on(tmp_path: Path, note: Note) -> None:
    script = Script(words_a_segment=3)
    async with oracle_server(script) as server, transcribing(tmp_path, server, 35) as it:
        await it.until(lambda: bool(it.text()))
        it.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(20)
        it.process.send_signal(signal.SIGCONT)
        await asyncio.wait_for(it.process.wait(), 60)
        assert it.process.returncode == 0
    record = it.record()
    assert record is not None
    kinds = [str(event.kind) for event in record.events]
    verdict = Verdict.on(it.text(), words(35))
    note("25 captty suspended for 20 s, then fg", ", ".join(kinds), verdict)
    assert it.text() == words(35), verdict
    assert record.summary.state is SessionState.COMPLETE


# The disk and the clock


async def test_a_full_disk_in_the_middle_of_a_fault_costs_nothing(
    trial: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = False
    write = os.write

    def fail_when_full(fd: int, data: bytes) -> int:
        if full and re.match(re.escape(str(tmp_path)), os.readlink(f"/proc/self/fd/{fd}")):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(os, "write", fail_when_full)
    async with oracle_server(Script(words_a_segment=3)) as server:
        one = trial("20 disk full for 6 s, reset meanwhile", server.endpoint(), 600, paced=True)
        await one.begin()
        full = True
        await one.until(lambda: bool(one.last.trouble), 10)
        assert "No space left" in one.last.trouble
        assert one.last.state is State.LIVE
        one.strike()
        server.script.manners = [Manner(status=503)] * 2
        await reset(server.streams[0])
        await one.until_noticed(2)
        await one.watch(4)
        full = False
        one.heal()
        await one.until_it_goes_on()
        await one.until(lambda: not one.last.trouble)
        await one.stop()
        one.assert_exact()


async def test_a_home_that_takes_nothing_costs_no_word_on_screen(
    trial: Begin, tmp_path: Path
) -> None:
    (tmp_path / "sessions").write_text("in the way")
    script = Script(speed=20, manners=[Manner(at_second={13: reset})])
    async with oracle_server(script) as server:
        one = trial("20 home takes nothing, reset", server.endpoint(), 40)
        await one.begin(9)
        assert "cannot be saved" in one.last.trouble
        await one.over()
    assert one.text == one.said
    assert one.last.session_id == ""


@pytest.mark.parametrize("hours", [-30, 30])
async def test_a_clock_that_jumps_changes_no_time(
    trial: Begin, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    now = time.time
    async with oracle_server(Script(words_a_segment=3)) as server:
        one = trial(f"25 wall clock jumps by {hours} h", server.endpoint(), 600, paced=True)
        await one.begin()
        one.strike()
        monkeypatch.setattr(time, "time", lambda: now() + hours * 3600)
        await reset(server.streams[0])
        await one.until_it_goes_on(10)
        await one.stop()
        one.assert_exact()
