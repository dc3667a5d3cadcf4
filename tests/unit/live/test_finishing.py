"""Interrupted sessions that are taken up again, and servers that make the end or a switch hard."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.faults.server import Act, Manner, Script, Stream, hang_up, oracle_server, reset
from tests.faults.trial import Trial
from tests.spoken import spoken, words
from tui.audio.spool import Spool
from tui.captions import SAMPLE_RATE, CapttyError, Event, EventKind
from tui.launch import Wish, finish_session
from tui.live import stretch, uplink
from tui.live.feed import Snapshot, State
from tui.live.session import LiveSession
from tui.sessions.journal import Journal, SessionHeader
from tui.sessions.lines import SPOOL
from tui.sessions.record import SessionRecord, SessionState
from tui.sessions.store import SessionStore


def interrupted(
    root: Path, seconds: int, switches: Sequence[tuple[int, str]] = (), server: str = "oracle"
) -> str:
    """A session that was killed with so much audio in its spool; returns its id."""
    header = SessionHeader("file", "talk.wav", "en", server, "", "0")
    journal = Journal.create(root, header)
    for second, language in switches:
        journal.write_event(Event(EventKind.LANGUAGE, second * SAMPLE_RATE, language))
    spool = Spool()
    spool.keep_in(journal.folder / SPOOL)
    for second in range(seconds):
        spool.append(spoken(second))
    spool.close()
    journal.leave()
    return journal.id


async def over(session: LiveSession, seconds: float = 30) -> Snapshot:
    """The end of a session."""
    session.start()
    assert await asyncio.to_thread(session.join, seconds)
    return session.feed.take()


def text(record: SessionRecord) -> list[str]:
    return [word for one in record.segments for word in one.segment.text.split()]


async def test_a_session_in_several_languages_is_finished_in_each_of_them(tmp_path: Path) -> None:
    name = interrupted(tmp_path, 50, [(20, "German"), (45, "French")])
    async with oracle_server(Script(speed=20)) as server:
        wish = Wish(server=server.endpoint().url, server_is_named=True, data=tmp_path)
        end = await over(finish_session("last", wish))
        assert end.state is State.ENDED, end.reason
        assert [stream.language for stream in server.streams] == ["en", "de", "fr"]
    record = SessionStore(tmp_path).load(name)
    assert text(record) == words(50)
    assert {one.segment.language for one in record.segments} == {"en", "de", "fr"}
    assert record.summary.state is SessionState.COMPLETE
    assert EventKind.RECONNECTED not in [event.kind for event in record.events]
    assert SessionStore(tmp_path).unfinished() == []


async def test_a_switch_behind_the_last_sample_on_disk_does_not_keep_it_unfinished(
    tmp_path: Path,
) -> None:
    name = interrupted(tmp_path, 10, [(11, "German")])
    async with oracle_server(Script()) as server:
        wish = Wish(server=server.endpoint().url, server_is_named=True, data=tmp_path)
        end = await over(finish_session(name, wish))
    assert end.state is State.ENDED, end.reason
    record = SessionStore(tmp_path).load(name)
    assert text(record) == words(10)
    gaps = [event for event in record.events if event.kind is EventKind.GAP]
    assert [(gap.at, gap.until) for gap in gaps] == [(10 * SAMPLE_RATE, 11 * SAMPLE_RATE)]


async def test_a_finish_without_a_server_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stretch, "START_SECONDS", 0.3)
    name = interrupted(tmp_path, 5)
    nowhere = Wish(server="ws://127.0.0.1:9", server_is_named=True, data=tmp_path)
    end = await over(finish_session(name, nowhere))
    assert end.state is State.FAILED
    assert SessionStore(tmp_path).unfinished()[0].unfinished == 5.0
    async with oracle_server(Script()) as server:
        wish = Wish(server=server.endpoint().url, server_is_named=True, data=tmp_path)
        end = await over(finish_session(name, wish))
    assert end.state is State.ENDED, end.reason
    assert text(SessionStore(tmp_path).load(name)) == words(5)
    with pytest.raises(CapttyError, match="no audio left"):
        finish_session(name, wish)


async def test_audio_goes_to_no_other_server_than_before_unless_it_is_named(
    tmp_path: Path,
) -> None:
    name = interrupted(tmp_path, 2, server="captions.example.org")
    with pytest.raises(CapttyError, match=r"captioned by captions\.example\.org: give --server"):
        finish_session(name, Wish(data=tmp_path))
    with pytest.raises(CapttyError, match="captioned by"):
        finish_session(name, Wish(server="ws://127.0.0.1:9", data=tmp_path))
    assert SessionStore(tmp_path).unfinished()


async def _nag(stream: Stream) -> None:
    while True:
        await stream.send('{"status": "alive"}')
        await stream.say(0)
        await asyncio.sleep(0.1)


async def test_a_server_that_talks_on_and_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink, "END_SECONDS", 0.5)
    monkeypatch.setattr(stretch, "FINISH_SECONDS", 1.0)
    async with oracle_server(Script(manners=[Manner(on_finish=_nag)] * 50)) as server:
        trial = Trial("talks on", server.endpoint(), tmp_path, 10)
        await trial.run(20)
    assert "not confirmed" in trial.last.reason
    assert trial.verdict.lost == ()


async def _ping_and_reset(stream: Stream) -> None:
    await stream.ws.ping()
    await reset(stream)


async def _ping_and_close(stream: Stream) -> None:
    await stream.ws.ping()
    transport = stream.request.transport
    assert transport
    transport.close()


@pytest.mark.parametrize("act", [_ping_and_reset, _ping_and_close])
async def test_a_ping_right_before_the_end_of_a_connection_hides_it_from_nobody(
    tmp_path: Path, act: Act
) -> None:
    async with oracle_server(Script(manners=[Manner(on_finish=act)])) as server:
        trial = Trial("ping", server.endpoint(), tmp_path, 5)
        await trial.run(10)
    trial.assert_exact()


async def test_a_language_that_is_refused_with_its_first_audio_is_switched_back(
    tmp_path: Path,
) -> None:
    refused = Manner(at_second={1: hang_up(1008, "no German today")})
    async with oracle_server(Script(manners=[Manner(), refused])) as server:
        trial = Trial("refused late", server.endpoint(), tmp_path, 600, paced=True)
        await trial.begin(1)
        trial.session.switch("de")
        await trial.until(lambda: trial.happened(EventKind.LANGUAGE) == 2)
        assert trial.last.language == "en"
        newest = trial.newest
        await trial.until(lambda: trial.newest >= newest + 2)
        await trial.stop()
    errors = [event.text for event in trial.events if event.kind is EventKind.ERROR]
    assert "no German today" in errors[0]
    trial.assert_exact(reconnects=None)


async def test_a_language_chosen_before_there_is_a_connection_is_the_first_one(
    tmp_path: Path,
) -> None:
    async with oracle_server(Script()) as server:
        trial = Trial("early", server.endpoint(), tmp_path, 5)
        trial.session.switch("de")
        await trial.run()
        assert server.streams[-1].language == "de"
    assert trial.text == words(5)
    assert trial.record().summary.language == "de"
    assert {segment.language for segment in trial.shown} == {"de"}


async def test_audio_that_was_heard_is_kept_when_the_next_connection_is_refused(
    tmp_path: Path,
) -> None:
    manners = [Manner(at_second={1: reset}), *[Manner(status=503)] * 3, Manner(status=404)]
    async with oracle_server(Script(manners=manners, words_a_segment=99)) as server:
        trial = Trial("refused later", server.endpoint(), tmp_path, 600, paced=True)
        trial.session.start()
        await trial.over()
    assert trial.last.state is State.FAILED
    assert trial.last.unfinished > 0
    assert SessionStore(tmp_path).unfinished()


def full_for_audio(full: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
    """`os.write` that has room for the journal's lines and none for audio."""
    write = os.write

    def choose(fd: int, data: bytes) -> int:
        return write(fd, data) if bytes(data[:1]) == b"{" else full(fd, data)

    return choose


async def test_audio_that_cannot_be_kept_at_the_end_is_told_and_never_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui.audio.spool_files.os.write", full_for_audio(full))
    refused = Manner(at_second={3: hang_up(1008, "no more")})
    async with oracle_server(Script(manners=[refused], words_a_segment=99)) as server:
        trial = Trial("no room", server.endpoint(), tmp_path, 600, paced=True)
        trial.session.start()
        await trial.over()
    assert trial.last.unfinished == 0
    assert "are lost: there was no room" in trial.last.trouble
    assert trial.happened(EventKind.GAP) == 1
    assert trial.happened(EventKind.UNCONFIRMED) == 0


async def test_a_server_whose_echoes_stop_while_it_talks_on_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink, "OWED_SECONDS", 1.0)
    async with oracle_server(Script(speed=10)) as server:

        async def stop_echoing(stream: Stream) -> None:
            server.script.echo = False

        server.script.manners = [Manner(at_second={8: stop_echoing})]
        trial = Trial("no more echoes", server.endpoint(), tmp_path, 60)
        trial.session.start()
        await trial.until(lambda: len(server.streams) > 1)
        server.script.echo = True
        await trial.over()
    trial.assert_exact()
