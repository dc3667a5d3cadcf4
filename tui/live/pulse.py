"""Waiting for anything to move in a session."""

import asyncio


class Pulse:
    """Wakes all who wait for something to change; each then looks for itself."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def beat(self) -> None:
        """Something has changed."""
        self._event.set()

    async def wait(self, seconds: float | None = None) -> bool:
        """Return at the next beat, or after so many seconds; returns whether one came."""
        self._event.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        return True
