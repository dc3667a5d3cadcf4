"""What the server has to say to one client."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tui.server.engines import Hypothesis


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that is sent as it is, behind everything that was known before it."""

    message: str
    last: bool = False
    """The client is expected to close once it has this."""


class Outbox:
    """Replies in order; between them, of each segment only what is newest."""

    def __init__(self, capacity: int) -> None:
        """`capacity` is the number of replies that may wait."""
        self._capacity = capacity
        self._items: deque[dict[int, Hypothesis] | Reply] = deque()
        self._changed = asyncio.Condition()

    async def tell(self, hypotheses: Iterable[Hypothesis]) -> None:
        """Say what segments have become."""
        newest = {hypothesis.number: hypothesis for hypothesis in hypotheses}
        if not newest:
            return
        async with self._changed:
            if self._items and isinstance(last := self._items[-1], dict):
                last.update(newest)
            else:
                self._items.append(newest)
            self._changed.notify_all()

    async def reply(self, reply: Reply) -> None:
        """Say this behind everything told so far; waits while too many replies wait."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._items) < self._capacity)
            self._items.append(reply)
            self._changed.notify_all()

    async def take(self) -> Sequence[Hypothesis] | Reply:
        """The next thing to send: segments in their order, or a reply; waits for one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._items)
            item = self._items.popleft()
            self._changed.notify_all()
        return item if isinstance(item, Reply) else [item[number] for number in sorted(item)]
