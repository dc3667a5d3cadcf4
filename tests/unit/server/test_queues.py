"""The queues between a client and its worker: bounded, in order, nothing lost."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from tui.server.backlog import LARGEST_FEED, Backlog
from tui.server.engines import Hypothesis
from tui.server.outbox import Outbox, Reply
from tui.wire.segments_server import Audio, Trace

FRAMES = st.integers(0, 20_000).map(lambda samples: Audio(bytes(2 * samples)))
TRACES = st.integers(0, 9).map(lambda number: Trace(str(number)))


@settings(deadline=None)
@given(st.lists(FRAMES | TRACES, max_size=30))
async def test_the_worker_gets_all_audio_in_order_in_bites(items: list[Audio | Trace]) -> None:
    backlog = Backlog(1_000)
    taken: list[Audio | Trace] = []

    async def fill() -> None:
        for item in items:
            await backlog.put(item)
        await backlog.put(Trace("end"))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fill())
        while (item := await backlog.take()) != Trace("end"):
            assert isinstance(item, Audio | Trace)
            taken.append(item)
    assert all(len(item.pcm) <= LARGEST_FEED for item in taken if isinstance(item, Audio))
    assert shape(taken) == shape(items)


def shape(items: list[Audio | Trace]) -> list[str | int]:
    """The traces, and how much audio lies between them."""
    parts: list[str | int] = [0]
    for item in items:
        if isinstance(item, Audio):
            parts[-1] += len(item.pcm)  # type: ignore[operator]
        else:
            parts += [str(item.trace_id), 0]
    return parts


async def test_small_frames_become_one_feed() -> None:
    backlog = Backlog(16_000)
    for _ in range(1_000):
        await backlog.put(Audio(b"\0\0"))
    assert await backlog.take() == Audio(bytes(2_000))


async def test_nothing_is_read_from_a_client_that_is_far_ahead() -> None:
    backlog = Backlog(1_000)
    await backlog.put(Audio(bytes(2_000)))
    waiting = asyncio.create_task(backlog.put(Trace("t")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    await backlog.take()
    await waiting


@settings(deadline=None)
@given(st.lists(st.integers(0, 5) | st.none(), max_size=40), st.integers(1, 5))
async def test_a_slow_client_gets_the_newest_text_before_each_reply(
    script: list[int | None], take_every: int
) -> None:
    """Numbers are segments that change, `None` is a reply."""
    outbox, revision = Outbox(1_000), 0
    state: dict[int, str] = {}
    seen: dict[int, str] = {}
    at_reply: list[dict[int, str]] = []

    async def reply() -> None:
        at_reply.append(dict(state))
        await outbox.reply(Reply(str(len(at_reply) - 1)))

    async def read() -> str:
        item = await outbox.take()
        if isinstance(item, Reply):
            assert seen == at_reply[int(item.message)]
            return item.message
        assert [h.number for h in item] == sorted({h.number for h in item})
        seen.update((h.number, h.text) for h in item)
        return ""

    for step, number in enumerate(script):
        if number is None:
            await reply()
        else:
            revision += 1
            state[number] = str(revision)
            await outbox.tell([Hypothesis(number, str(revision), 0, 0)])
        if step % take_every == 0:
            await read()
    await reply()
    while await read() != str(len(at_reply) - 1):
        pass
    assert seen == state


async def test_replies_that_nobody_reads_are_bounded() -> None:
    outbox = Outbox(2)
    await outbox.reply(Reply("a"))
    await outbox.reply(Reply("b"))
    third = asyncio.create_task(outbox.reply(Reply("c")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not third.done()
    assert await outbox.take() == Reply("a")
    await third
