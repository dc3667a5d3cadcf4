"""Live sound, and a link to the server that fails in every way a link can fail.

Nothing of captty is scaled down here: the seconds are those that a user waits.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.faults.conftest import Begin
from tests.faults.proxy import Proxy, Way, fault_proxy
from tests.faults.server import Script, oracle_server
from tui.captions import EventKind
from tui.live.feed import State

Fault = Callable[[Proxy], Awaitable[None]]


async def freeze(proxy: Proxy) -> None:
    proxy.wire.frozen = True


def discard(way: Way) -> Fault:
    async def fault(proxy: Proxy) -> None:
        proxy.wire.discard = way

    return fault


def cut(way: Way, after: int) -> Fault:
    async def fault(proxy: Proxy) -> None:
        proxy.wire.cut_after[way] = after

    return fault


async def reset(proxy: Proxy) -> None:
    await proxy.reset()


async def refuse(proxy: Proxy) -> None:
    await proxy.refuse()
    await proxy.reset()


async def hang(proxy: Proxy) -> None:
    proxy.wire.hang = True
    await proxy.reset()


@pytest.mark.parametrize(
    ("name", "fault", "noticed_within", "heals_after"),
    [
        ("1 link frozen, both ways", freeze, 15, 1),
        ("1 what the server sends vanishes", discard(Way.DOWN), 15, 1),
        ("1 what the server gets vanishes", discard(Way.UP), 15, 1),
        ("2 connection reset", reset, 1.5, 0),
        ("2 reset in the middle of a frame to the server", cut(Way.UP, 4_321), 2, 0),
        ("2 reset in the middle of a frame from the server", cut(Way.DOWN, 123), 5, 0),
        ("6 connections refused for 5 s", refuse, 1.5, 5),
        ("3 accepts, never answers the upgrade, for 12 s", hang, 1.5, 12),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
async def test_a_broken_link_costs_nothing(
    trial: Begin, name: str, fault: Fault, noticed_within: float, heals_after: float
) -> None:
    async with oracle_server(Script(words_a_segment=3)) as server, fault_proxy(server.port) as wire:
        one = trial(name, server.endpoint(wire.port), 600, paced=True)
        await one.begin(5)
        one.strike()
        await fault(wire)
        await one.until_noticed(noticed_within)
        await one.watch(heals_after)
        if heals_after:
            assert one.last.state is State.RECONNECTING
            assert one.last.attempt > 0
            assert one.last.progress.unsent > 0
        await wire.heal()
        one.heal()
        await one.until_it_goes_on(20)
        await one.stop()
        one.assert_exact()


async def test_a_link_that_freezes_and_thaws_loses_and_doubles_nothing(trial: Begin) -> None:
    async with oracle_server() as server, fault_proxy(server.port) as wire:
        one = trial(
            "1 link frozen for 5 s, then thawed", server.endpoint(wire.port), 600, paced=True
        )
        await one.begin()
        one.strike()
        wire.wire.frozen = True
        await one.watch(5)
        await wire.heal()
        one.heal()
        await one.until_it_goes_on()
        await one.stop()
        one.assert_exact(reconnects=None)


async def test_quitting_works_at_once_while_nobody_answers(trial: Begin) -> None:
    async with oracle_server() as server, fault_proxy(server.port) as wire:
        one = trial("3 quit while the server hangs", server.endpoint(wire.port), 600, paced=True)
        await one.begin()
        one.strike()
        await hang(wire)
        await one.until_noticed(2)
        await one.watch(3)
        began = time.monotonic()
        await asyncio.to_thread(one.session.close)
        one.note = f"gone in {time.monotonic() - began:.1f} s"
        assert time.monotonic() - began < 2.5
        one.look()
        assert one.last.state.over
        assert one.happened(EventKind.UNCONFIRMED) == 1
        assert one.spool
        assert one.text == one.said[: len(one.text)]


async def test_a_slow_uplink_shows_its_lag_and_catches_up(trial: Begin) -> None:
    async with oracle_server(Script(words_a_segment=3)) as server, fault_proxy(server.port) as wire:
        one = trial("7 uplink of 16 kB/s for 20 s", server.endpoint(wire.port), 600, paced=True)
        await one.begin()
        one.strike()
        wire.wire.rate = 16_000
        await one.until(lambda: _behind(one.last.progress.lag, one.last.progress.unsent) > 3)
        one.note = f"said so after {time.monotonic() - (one.fault_at or 0):.0f} s"
        await one.watch(12)
        await wire.heal()
        one.heal()
        await one.until(lambda: _behind(one.last.progress.lag, one.last.progress.unsent) < 2)
        await one.until_it_goes_on()
        await one.stop()
        one.assert_exact(reconnects=None)


def _behind(lag: float | None, unsent: float) -> float:
    return max(lag or 0.0, unsent)


@pytest.mark.parametrize(
    ("name", "latency", "piece"),
    [("7 latency of 1.5 s", 1.5, 0), ("7 one byte at a time", 0.0, 1)],
    ids=["latency", "slices"],
)
async def test_a_poor_link_is_no_broken_link(
    trial: Begin, name: str, latency: float, piece: int
) -> None:
    async with oracle_server() as server, fault_proxy(server.port) as wire:
        one = trial(name, server.endpoint(wire.port), 600, paced=True)
        await one.begin()
        one.strike()
        wire.wire.latency, wire.wire.slice = latency, piece
        await one.watch(10)
        await one.until_it_goes_on()
        await one.stop()
        one.assert_exact(reconnects=False)


async def test_pausing_through_a_fault_costs_nothing(trial: Begin) -> None:
    async with oracle_server(Script(words_a_segment=2)) as server, fault_proxy(server.port) as wire:
        one = trial("2 reset while paused", server.endpoint(wire.port), 600, paced=True)
        await one.begin()
        one.session.pause()
        await one.until(lambda: one.last.state is State.PAUSED)
        await one.watch(1)
        one.strike()
        await wire.reset()
        await one.until(lambda: len(server.streams) == 2, 15)
        one.session.resume()
        one.heal()
        await one.until_it_goes_on()
        await one.stop()
        one.assert_exact()


async def test_a_long_pause_on_a_good_link_is_no_fault(trial: Begin) -> None:
    async with oracle_server() as server, fault_proxy(server.port) as wire:
        one = trial("- paused for 25 s", server.endpoint(wire.port), 600, paced=True)
        await one.begin()
        one.session.pause()
        await one.until(lambda: one.last.state is State.PAUSED)
        one.strike()
        await one.watch(25)
        one.session.resume()
        one.heal()
        await one.until_it_goes_on()
        await one.stop()
        one.assert_exact(reconnects=False)
