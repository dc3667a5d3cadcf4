"""What a live session leaves in its journal, whatever becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.scripted_server import Act, Script, Stream, scripted_server, word
from tests.sources import Silence
from tests.unit.live.test_session import Watcher, words
from tui.audio.source import Source
from tui.captions import EventKind
from tui.live import recorder
from tui.live.feed import State
from tui.live.host import Server
from tui.live.run import OpenJournal
from tui.live.session import LiveSession
from tui.sessions.journal import Journal, SessionHeader
from tui.sessions.record import SessionRecord, SessionState
from tui.sessions.store import SessionStore
from tui.wire.endpoint import Endpoint, Request


def journals(folder: Path) -> OpenJournal:
    """Begins journals in the folder."""

    def begin(source: Source, endpoint: Endpoint, request: Request, _: datetime) -> Journal:
        header = SessionHeader("file", source.info.name, "en", endpoint.name, endpoint.engine, "0")
        return Journal.create(folder, header)

    return begin


class SavingWatcher(Watcher):
    """One whose session is saved."""

    def __init__(
        self, seconds: float, server: Server, folder: Path, *, paced: bool = False
    ) -> None:
        super().__init__(Silence(seconds), server, paced=paced)
        self.session = LiveSession(
            Silence(seconds),
            server,
            Request("en"),
            open_journal=journals(folder),
            paced=paced,
        )


def last(folder: Path) -> SessionRecord:
    return SessionStore(folder).load("last")


def texts(record: SessionRecord) -> list[str]:
    return [recorded.segment.text for recorded in record.segments]


async def test_a_whole_session_is_saved(tmp_path: Path) -> None:
    async with scripted_server(Script()) as server:
        watcher = SavingWatcher(30, server, tmp_path)
        await watcher.run()
    record = last(tmp_path)
    assert texts(record) == words(30)
    assert record.summary.state is SessionState.COMPLETE
    assert record.summary.seconds == 30.0
    assert record.summary.id == watcher.last.session_id
    assert [event.kind for event in record.events] == [EventKind.CONNECTED]


async def test_text_is_in_the_journal_before_it_is_on_the_screen(tmp_path: Path) -> None:
    async with scripted_server(Script()) as server:
        watcher = SavingWatcher(600, server, tmp_path, paced=True)
        watcher.session.start()
        await watcher.until(lambda: bool(watcher.texts))
        assert set(watcher.texts) <= set(texts(last(tmp_path)))
        assert last(tmp_path).summary.state is SessionState.LIVE
        await asyncio.to_thread(watcher.session.close)
    assert last(tmp_path).summary.state is SessionState.COMPLETE


async def test_open_text_is_saved_from_the_first_word(tmp_path: Path) -> None:
    async with scripted_server(Script(silent=True)) as server:
        watcher = SavingWatcher(600, server, tmp_path, paced=True)
        watcher.session.start()
        await watcher.until(lambda: bool(server.streams))
        await server.streams[0].ws.send_json({"segments": [{"id": 0, "text": "first"}]})
        await watcher.until(lambda: watcher.texts == ["first"])
        await watcher.until(lambda: texts(last(tmp_path)) == ["first"], seconds=5)
        await server.streams[0].ws.send_json({"segments": [{"id": 0, "text": "first words"}]})
        await watcher.until(lambda: texts(last(tmp_path)) == ["first words"], seconds=5)
        await asyncio.to_thread(watcher.session.close)
    assert [revision.text for revision in last(tmp_path).segments[0].revisions] == ["first"]
    assert last(tmp_path).segments[0].segment.settled


async def test_a_session_that_is_refused_midway_is_interrupted_and_keeps_its_audio(
    tmp_path: Path,
) -> None:
    async def refuse(stream: Stream) -> None:
        await asyncio.sleep(0.5)
        await stream.ws.close(code=1008, message=b"the account is closed")

    async with scripted_server(Script(at_second={5: refuse})) as server:
        watcher = SavingWatcher(600, server, tmp_path, paced=True)
        await watcher.run()
    record = last(tmp_path)
    assert texts(record) == words(5)
    assert record.summary.state is SessionState.INTERRUPTED
    assert record.summary.unfinished > 0
    assert [event.kind for event in record.events[-2:]] == [
        EventKind.UNCONFIRMED,
        EventKind.BROKEN,
    ]
    assert "the account is closed" in record.events[-1].text
    assert watcher.last.unfinished > 0


async def test_late_revisions_and_retractions_are_saved(tmp_path: Path) -> None:
    async def change_mind(stream: Stream) -> None:
        await stream.say(1, "corrected")
        await stream.say(2, "")

    async with scripted_server(Script(at_second={6: change_mind})) as server:
        watcher = SavingWatcher(8, server, tmp_path)
        await watcher.run()
    expected = [word(0), "corrected", *words(8)[3:]]
    assert watcher.texts == expected
    assert texts(last(tmp_path)) == expected


async def test_what_was_retracted_at_the_very_end_is_not_saved(tmp_path: Path) -> None:
    async def change_mind(stream: Stream) -> None:
        await stream.ws.send_json({"segments": [{"id": 9, "text": "ghost"}]})
        await asyncio.sleep(0.6)  # longer than open text waits to be written
        await stream.ws.send_json({"segments": [{"id": 9, "text": ""}]})
        await stream.ws.send_json({"checkpoint_id": "final"})

    async with scripted_server(Script(on_finish=change_mind)) as server:
        watcher = SavingWatcher(2, server, tmp_path)
        await watcher.run()
    assert watcher.texts == words(2)
    assert texts(last(tmp_path)) == words(2)


async def test_a_refusal_leaves_no_empty_session(tmp_path: Path) -> None:
    async def refuse(stream: Stream) -> None:
        await stream.ws.close(code=1008)

    script = Script(echo_traces=False, silent=True, on_finish=refuse)
    async with scripted_server(script) as server:
        watcher = SavingWatcher(1, server, tmp_path)
        await watcher.run()
    assert watcher.last.state is State.FAILED
    assert watcher.last.session_id == ""
    assert SessionStore(tmp_path).list() == []


async def test_stopping_before_it_begins_leaves_no_empty_session(tmp_path: Path) -> None:
    @asynccontextmanager
    async def slow() -> AsyncIterator[Endpoint]:
        await asyncio.sleep(30)
        yield Endpoint("ws://127.0.0.1:9/")

    watcher = SavingWatcher(2, slow, tmp_path)
    watcher.session.start()
    await watcher.until(lambda: watcher.last.state is State.STARTING)
    watcher.session.stop()
    assert await asyncio.to_thread(watcher.session.join, 5)
    watcher.look()
    assert watcher.last.state is State.ENDED
    assert SessionStore(tmp_path).list() == []


async def test_where_nothing_can_be_saved_captions_go_on_and_the_screen_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_SECONDS", 0.1)
    folder = tmp_path / "file"
    folder.write_text("in the way")
    async with scripted_server(Script()) as server:
        watcher = SavingWatcher(6, server, folder, paced=True)
        watcher.session.start()
        await watcher.until(lambda: watcher.texts == words(2))
        assert "cannot be saved" in watcher.last.trouble
        folder.unlink()
        await watcher.until(lambda: watcher.last.state.over)
    assert watcher.last.trouble == ""
    assert texts(last(folder)) == watcher.texts == words(6)
    assert last(folder).summary.state is SessionState.COMPLETE


async def test_a_full_disk_is_told_and_costs_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = False
    write = __import__("os").write

    def fail_when_full(fd: int, data: bytes) -> int:
        if full and b'"k":"segment"' in bytes(data):
            raise OSError(28, "No space left on device")
        written: int = write(fd, data)
        return written

    monkeypatch.setattr("tui.sessions.disk.os.write", fail_when_full)

    def at(value: bool) -> Act:
        async def act(stream: Stream) -> None:
            nonlocal full
            full = value

        return act

    script = Script(at_second={3: at(True), 7: at(False)})
    async with scripted_server(script) as server:
        watcher = SavingWatcher(10, server, tmp_path, paced=True)
        watcher.session.start()
        await watcher.until(lambda: bool(watcher.last.trouble))
        assert "No space left" in watcher.last.trouble
        await watcher.until(lambda: watcher.last.state.over)
    assert watcher.last.trouble == ""
    assert texts(last(tmp_path)) == words(10)
