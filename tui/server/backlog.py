"""What a client has sent and its worker has not taken yet."""

import asyncio
from collections import deque

from tui.captions import SAMPLE_RATE
from tui.wire.segments_server import Audio, Clear, Finish, Trace

Item = Audio | Trace | Clear | Finish

LARGEST_FEED = SAMPLE_RATE // 2
"""Bytes of audio that the worker takes at a time: a quarter of a second."""
_MARK = 4096
"""Bytes that a message without audio counts as: more than the longest trace takes."""


class Backlog:
    """A bounded queue in the order of the audio, in which small pieces of audio grow together."""

    def __init__(self, capacity: int) -> None:
        """`capacity` is in samples."""
        self._capacity = capacity * 2
        self._items: deque[bytearray | Trace | Clear | Finish] = deque()
        self._size = 0
        self._changed = asyncio.Condition()

    async def put(self, item: Item) -> None:
        """Queue a message; waits while the queue is full."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._size < self._capacity)
            if isinstance(item, Audio):
                self._append(item.pcm)
            else:
                self._items.append(item)
                self._size += _MARK
            self._changed.notify_all()

    def _append(self, pcm: bytes) -> None:
        last = self._items[-1] if self._items else None
        if isinstance(last, bytearray) and len(last) < LARGEST_FEED:
            last += pcm
        else:
            self._items.append(bytearray(pcm))
        self._size += len(pcm)

    async def take(self) -> Item:
        """The next message, or as much audio as the worker takes at once; waits for one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._items)
            item = self._next()
            self._size -= len(item.pcm) if isinstance(item, Audio) else _MARK
            self._changed.notify_all()
            return item

    def _next(self) -> Item:
        first = self._items[0]
        if not isinstance(first, bytearray):
            self._items.popleft()
            return first
        pcm = bytes(first[:LARGEST_FEED])
        del first[:LARGEST_FEED]
        if not first:
            self._items.popleft()
        return Audio(pcm)
