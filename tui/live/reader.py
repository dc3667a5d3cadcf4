"""A source read on a thread of its own, so that decoding never holds up the session's loop."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress

from tui.audio.source import Fact, Source, SourceError

_BLOCKS_AHEAD = 50
_LETTING_GO_SECONDS = 0.5


class SourceReader:
    """Hands the chunks of a source to the running event loop, a bounded number of blocks ahead."""

    def __init__(self, source: Source, chunks_a_block: int) -> None:
        self._source = source
        self._chunks_a_block = chunks_a_block
        self._room = threading.Semaphore(_BLOCKS_AHEAD)
        self._stopped = threading.Event()
        self._blocks: asyncio.Queue[bytes | Fact | Exception | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._read, name="source", daemon=True)
        self._thread.start()

    async def blocks(self) -> AsyncIterator[bytes | Fact]:
        """PCM16 mono at 16 000 Hz, block by block, with facts in their places, until it ends.

        Raises `SourceError` where the source breaks off.
        """
        while (block := await self._blocks.get()) is not None:
            if isinstance(block, Exception):
                raise block
            if isinstance(block, bytes):
                self._room.release()
            yield block

    async def stop(self) -> None:
        """Read no further; returns when the thread has let go of the source, or hangs in it."""
        self._stopped.set()
        self._room.release()
        # on a thread of its own: a decoder that hangs may not be closed underneath
        threading.Thread(target=self._source.close, name="closing", daemon=True).start()
        await asyncio.to_thread(self._thread.join, _LETTING_GO_SECONDS)

    def _read(self) -> None:
        block: list[bytes] = []
        try:
            for chunk in self._source.chunks():
                if not self._take(chunk, block):
                    break
        except BaseException as error:
            self._hand_over(block)
            self._tell(error if isinstance(error, SourceError) else _unexpected(error))
        else:
            self._hand_over(block)
            self._tell(None)
        finally:
            self._source.close()

    def _take(self, chunk: bytes | Fact, block: list[bytes]) -> bool:
        """Add a chunk to the block, or a fact behind it; returns whether anybody still listens."""
        if isinstance(chunk, bytes):
            block.append(chunk)
            return len(block) < self._chunks_a_block or self._hand_over(block)
        listens = self._hand_over(block)
        self._tell(chunk)
        return listens

    def _hand_over(self, block: list[bytes]) -> bool:
        """Pass the block on as soon as there is room; returns whether anybody still listens."""
        if block:
            self._room.acquire()
        if self._stopped.is_set():
            return False
        if block:
            self._tell(b"".join(block))
            block.clear()
        return True

    def _tell(self, item: bytes | Fact | Exception | None) -> None:
        with suppress(RuntimeError):  # the loop is gone: nobody listens any more
            self._loop.call_soon_threadsafe(self._blocks.put_nowait, item)


def _unexpected(error: BaseException) -> SourceError:
    return SourceError(f"the sound could not be decoded further ({type(error).__name__})")
