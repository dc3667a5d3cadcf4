"""Many faults in a row: at random from a seed, for an hour of sound, and half an hour offline."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.faults.conftest import Begin
from tests.faults.proxy import fault_proxy
from tests.faults.schedules import weather
from tests.faults.server import Script, oracle_server
from tests.faults.trial import hurry
from tui.captions import SAMPLE_RATE
from tui.live import capture, uplink
from tui.live.feed import State

SEEDS = range(1, 7)
LIVE_SEEDS = range(101, 105)
OFFLINE_SECONDS = 30 * 60
MORE_MEMORY = 16 * 2**20
"""Bytes that the second half of a long session may add to what the process holds: the words of
half an hour, which feed, trial, server and transcript each keep."""


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time limits and waits as short as the sound is fast."""
    hurry(monkeypatch)


@pytest.mark.usefixtures("hasty")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed-{seed}")
async def test_faults_at_random_cost_nothing(trial: Begin, seed: int) -> None:
    script = Script(speed=30, words_a_segment=1 + seed % 5, integer_ids=bool(seed % 2))
    async with oracle_server(script) as server, fault_proxy(server.port) as wire:
        one = trial(f"25 at random, seed {seed}", server.endpoint(wire.port), 600)
        await weather(one, seed, wire, server, (0.1, 1.0), 200)
    one.assert_exact(reconnects=None)


@pytest.mark.usefixtures("hasty")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", LIVE_SEEDS, ids=lambda seed: f"seed-{seed}")
async def test_faults_at_random_under_a_busy_user_cost_nothing(
    trial: Begin, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live sound ten times faster than life, paused and switched to other languages."""
    monkeypatch.setattr(capture, "SAMPLE_RATE", 10 * SAMPLE_RATE)
    monkeypatch.setattr(uplink, "CONFIRMED_SPEED", 60.0)
    monkeypatch.setattr(uplink, "REPLAY_SPEED", 20.0)
    script = Script(words_a_segment=1 + seed % 5)
    async with oracle_server(script) as server, fault_proxy(server.port) as wire:
        name = f"25 at random, live, switches and pauses, seed {seed}"
        one = trial(name, server.endpoint(wire.port), 200, paced=True)
        await weather(one, seed, wire, server, (0.1, 1.0), 200, used=True)
    one.assert_exact(reconnects=None)


@contextmanager
def nothing_left_over() -> Iterator[None]:
    """Fail where the block leaves threads, descriptors or sockets behind."""
    process = psutil.Process()
    before = threads(), process.num_fds(), len(process.net_connections())
    yield
    after = threads(), process.num_fds(), len(process.net_connections())
    assert after[0] == before[0]
    assert after[1] <= before[1]
    assert after[2] <= before[2]


def threads() -> list[str]:
    """Those that run, but for the executor's of this test's own loop."""
    names = (thread.name for thread in threading.enumerate())
    return sorted(name for name in names if not name.startswith("asyncio_"))


@pytest.mark.usefixtures("hasty")
@pytest.mark.timeout(600)
async def test_an_hour_with_a_fault_every_few_seconds(trial: Begin) -> None:
    rss = psutil.Process().memory_info
    sizes: list[tuple[int, int]] = []
    with nothing_left_over():
        script = Script(speed=60)
        async with oracle_server(script) as server, fault_proxy(server.port) as wire:
            one = trial("25 one hour, a fault every few seconds", server.endpoint(wire.port), 3600)

            async def weigh() -> None:
                while True:
                    sizes.append((one.last.progress.captured, rss().rss))
                    await asyncio.sleep(0.25)

            weighing = asyncio.create_task(weigh())
            await weather(one, 25, wire, server, (1.0, 4.0), 400)
            weighing.cancel()
    one.assert_exact()
    half = next(size for captured, size in sizes if captured >= 1800 * SAMPLE_RATE)
    more = sizes[-1][1] - half
    one.note += f", {more / 2**20:+.1f} MB in the second half"
    assert more < MORE_MEMORY


@pytest.mark.usefixtures("hasty")
@pytest.mark.timeout(400)
async def test_half_an_hour_offline(trial: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Live sound fifty times faster than life."""
    monkeypatch.setattr(capture, "SAMPLE_RATE", 50 * SAMPLE_RATE)
    monkeypatch.setattr(uplink, "CONFIRMED_SPEED", 400.0)
    rss = psutil.Process().memory_info
    async with oracle_server() as server, fault_proxy(server.port) as wire:
        one = trial("6 offline for 30 min", server.endpoint(wire.port), 2000, paced=True)
        await one.begin(20)
        one.strike()
        before = rss().rss
        await wire.refuse()
        await wire.reset()
        offline_from = one.last.progress.captured
        await one.until_noticed(2)
        await one.until(
            lambda: one.last.progress.captured - offline_from > OFFLINE_SECONDS * SAMPLE_RATE, 100
        )
        assert one.last.state is State.RECONNECTING
        assert one.last.progress.unsent >= OFFLINE_SECONDS
        more = rss().rss - before
        one.note = f"{one.last.attempt} attempts, {more / 2**20:+.1f} MB"
        assert more < 30 * 2**20
        assert sum(path.stat().st_size for path in one.spool) > 50 * 2**20
        await wire.heal()
        one.heal()
        await one.until_it_goes_on()
        await one.over(120)
        one.assert_exact()
