"""Switching the language of a live session: nothing is lost, nothing is said twice."""

import random
from pathlib import Path

import pytest

from tests.faults.server import Manner, OracleServer, Script, hang_up, oracle_server
from tests.faults.trial import Trial
from tui.captions import SAMPLE_RATE, EventKind
from tui.live import probe
from tui.live.feed import State


def languages(trial: Trial) -> dict[str, str | None]:
    """The language of each word."""
    return {word: one.language for one in trial.shown for word in one.text.split()}


def assert_switched(trial: Trial) -> None:
    """Each word carries the language that was recognised when it was said."""
    switches = [event for event in trial.events if event.kind is EventKind.LANGUAGE]
    spoken = languages(trial)
    codes = {"German": "de", "French": "fr", "English": "en", "auto": None}
    for word, code in spoken.items():
        middle = int(word[1:]) * SAMPLE_RATE + SAMPLE_RATE // 2
        before = [event for event in switches if event.at <= middle]
        assert code == (codes[before[-1].text] if before else "en"), (word, switches)


async def test_a_switch_in_mid_speech_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with oracle_server() as server:
        trial = Trial("switch", server.endpoint(), tmp_path, 600, paced=True)
        await trial.begin(2)
        trial.session.switch("de")
        await trial.until(lambda: trial.happened(EventKind.LANGUAGE) == 1)
        assert trial.last.language == "de"
        await trial.until(lambda: "de" in languages(trial).values())
        trial.session.switch("en")
        await trial.until(lambda: trial.happened(EventKind.LANGUAGE) == 2)
        await trial.watch(1.3)
        await trial.stop()
    trial.assert_exact(reconnects=False)
    assert_switched(trial)
    assert {"en", "de"} == set(languages(trial).values())
    saved = {one.segment.language for one in trial.record().segments}
    assert saved == {"en", "de"}


@pytest.mark.parametrize("seed", range(4))
async def test_switches_at_any_moment_and_faults_between_them(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with oracle_server(Script(speed=20)) as server:
        trial = Trial(f"switches {seed}", server.endpoint(), tmp_path, 120)
        await trial.begin(1)
        for _ in range(6):
            trial.session.switch(chance.choice(["de", "fr", "en", None]))
            await trial.watch(chance.uniform(0.0, 0.5))
            if chance.random() < 0.4:
                await _cut(server)
        await trial.over()
    trial.assert_exact(reconnects=None)


async def _cut(server: OracleServer) -> None:
    alive = [stream for stream in server.streams if stream.ended is None]
    for stream in alive[-1:]:
        await stream.ws.close(code=1012)


async def test_a_language_that_the_server_does_not_know_changes_nothing(tmp_path: Path) -> None:
    async with oracle_server(Script(refused_languages=frozenset({"de"}))) as server:
        trial = Trial("refused", server.endpoint(), tmp_path, 600, paced=True)
        await trial.begin(1)
        trial.session.switch("de")
        await trial.until(lambda: trial.happened(EventKind.ERROR) == 1)
        assert trial.last.language == "en"
        assert trial.events[-1].text.startswith("no switch to German: ")
        assert trial.events[-1].text.endswith("another server may know it, see --server")
        assert trial.last.state is State.LIVE
        await trial.until(lambda: trial.newest >= 3)
        await trial.stop()
    trial.assert_exact(reconnects=False)
    assert set(languages(trial).values()) == {"en"}


async def test_a_server_without_echoes_may_take_its_time_to_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "SILENT_SECONDS", 0.3)
    async with oracle_server(Script(echo=False)) as server:
        trial = Trial("no echoes", server.endpoint(), tmp_path, 600, paced=True)
        await trial.begin(1)
        trial.session.switch("fr")
        await trial.until(lambda: "fr" in languages(trial).values())
        await trial.stop()
    trial.assert_exact(reconnects=False)
    assert_switched(trial)


async def test_without_a_connection_the_language_cannot_be_switched(tmp_path: Path) -> None:
    async with oracle_server() as server:
        trial = Trial("offline", server.endpoint(), tmp_path, 600, paced=True)
        await trial.begin(1)
        server.script.manners = [Manner(status=503)] * 3
        await hang_up(1012)(server.streams[-1])
        await trial.until(lambda: trial.last.state is State.RECONNECTING)
        trial.session.switch("de")
        await trial.until(lambda: trial.happened(EventKind.ERROR) == 1)
        assert "there is no connection now" in trial.events[-1].text
        await trial.until(lambda: trial.last.state is State.LIVE)
        await trial.stop()
    trial.assert_exact()
