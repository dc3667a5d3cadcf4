"""Wires and servers that fail cost no word: the quickest of the fault tests."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.proxy import Proxy, Way, fault_proxy
from tests.faults.schedules import weather
from tests.faults.server import (
    Act,
    Manner,
    Script,
    fall_mute,
    hang_up,
    oracle_server,
    repeat_all,
    reset,
    say,
    stop_reading,
)
from tests.faults.trial import Trial, hurry
from tui.captions import EventKind
from tui.live.feed import State

SECONDS = 40
SPEED = 25.0


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


async def reset_wire(wire: Proxy) -> None:
    await wire.reset()


async def freeze(wire: Proxy) -> None:
    wire.wire.frozen = True


async def cut(wire: Proxy) -> None:
    wire.wire.cut_after = {Way.UP: 777, Way.DOWN: 77}


async def vanish(wire: Proxy) -> None:
    wire.wire.discard = Way.UP


@pytest.mark.parametrize("seed", [11], ids=lambda seed: f"seed-{seed}")
async def test_faults_at_random_cost_no_word(tmp_path: Path, seed: int) -> None:
    script = Script(speed=30, words_a_segment=1 + seed % 5)
    async with oracle_server(script) as server, fault_proxy(server.port) as wire:
        one = Trial(f"seed {seed}", server.endpoint(wire.port), tmp_path, 60)
        await weather(one, seed, wire, server, (0.05, 0.4), 80)
    one.assert_exact(reconnects=None)


@pytest.mark.parametrize("fault", [reset_wire, freeze, cut, vanish])
async def test_a_broken_link_costs_no_word(
    tmp_path: Path, fault: Callable[[Proxy], Awaitable[None]]
) -> None:
    script = Script(speed=SPEED)
    async with oracle_server(script) as server, fault_proxy(server.port) as wire:
        one = Trial(fault.__name__, server.endpoint(wire.port), tmp_path, SECONDS)
        await one.begin(9)
        one.strike()
        await fault(wire)
        await one.until_noticed(4)
        await wire.heal()
        await one.over()
    one.assert_exact()
    assert one.reasons[0]


@pytest.mark.parametrize(
    "manners",
    [
        [Manner(at_second={9: fall_mute})],
        [Manner(at_second={9: stop_reading})],
        [Manner(at_second={9: hang_up(1012, "restart")}), Manner(hang=True)],
        [Manner(at_second={9: reset}), Manner(at_second={3: reset}), Manner(greeting=("{", b"\0"))],
        [Manner(at_second={9: say('{"segments": [{"id": 1, "text": "' + "x" * 5 * 2**20)})],
        [Manner(on_finish=reset)],
    ],
    ids=["mute", "stops-reading", "hangs", "resets", "five-megabytes", "before-the-last-echo"],
)
async def test_a_broken_server_costs_no_word(tmp_path: Path, manners: list[Manner]) -> None:
    async with oracle_server(Script(speed=SPEED, manners=list(manners))) as server:
        one = Trial("server", server.endpoint(), tmp_path, SECONDS)
        await one.run()
    one.assert_exact()


async def test_a_server_without_room_is_left_alone_for_as_long_as_it_asks(tmp_path: Path) -> None:
    full = Manner(status=503, headers={"Retry-After": "1"})
    script = Script(speed=SPEED, manners=[Manner(at_second={9: reset}), full])
    async with oracle_server(script) as server:
        one = Trial("503", server.endpoint(), tmp_path, SECONDS)
        await one.run()
    assert server.attempts[2] - server.attempts[1] >= 1
    one.assert_exact()


async def test_a_key_that_is_refused_ends_the_session_and_the_audio_is_kept(tmp_path: Path) -> None:
    script = Script(speed=SPEED, manners=[Manner(at_second={9: reset}), Manner(status=401)])
    async with oracle_server(script) as server:
        one = Trial("401", server.endpoint(), tmp_path, SECONDS)
        await one.run()
    assert one.last.state is State.FAILED
    assert "refuses the key (401)" in one.last.reason
    assert len(server.attempts) == 2
    assert one.text + one.kept == one.said
    assert one.happened(EventKind.UNCONFIRMED) == 1


def again(act: Act, times: int) -> list[Manner]:
    return [Manner(at_second={4 + number: act}) for number in range(times)]


@pytest.mark.parametrize("words_a_segment", [1, 4, 13])
async def test_ids_that_begin_anew_mix_nothing_up(tmp_path: Path, words_a_segment: int) -> None:
    manners = [*again(reset, 4), Manner(at_second={9: repeat_all})]
    script = Script(speed=SPEED, words_a_segment=words_a_segment, twice=True, manners=manners)
    script.integer_ids = bool(words_a_segment % 2)
    async with oracle_server(script) as server:
        one = Trial("ids", server.endpoint(), tmp_path, SECONDS)
        await one.run()
    one.assert_exact()


async def test_a_language_switch_in_mid_speech_costs_no_word(tmp_path: Path) -> None:
    async with oracle_server(Script(words_a_segment=2)) as server:
        one = Trial("switch", server.endpoint(), tmp_path, 600, paced=True)
        await one.begin(1)
        one.session.switch("de")
        await one.until(lambda: any(segment.language == "de" for segment in one.shown))
        await one.stop()
    one.assert_exact(reconnects=False)
    assert one.happened(EventKind.LANGUAGE) == 1
    assert one.last.language == "de"


async def test_quitting_while_there_is_no_connection_is_quick_and_keeps_the_audio(
    tmp_path: Path,
) -> None:
    async with oracle_server(Script(words_a_segment=1)) as server, fault_proxy(server.port) as wire:
        one = Trial("quit", server.endpoint(wire.port), tmp_path, 600, paced=True)
        await one.begin(0)
        wire.wire.hang = True
        await wire.reset()
        await one.until(lambda: one.last.progress.unsent > 0.3)
        began = time.monotonic()
        await asyncio.to_thread(one.session.close)
        assert time.monotonic() - began < 2.5
        one.look()
    assert one.last.state.over
    assert one.spool, one.story()
    assert one.happened(EventKind.UNCONFIRMED) == 1
