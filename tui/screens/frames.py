"""How often news are drawn."""

import asyncio
from collections.abc import Callable
from time import monotonic


class Frames:
    """News that come within a frame's time share a frame: fewer bytes, less flicker."""

    def __init__(self, repaints: int, draw: Callable[[], object]) -> None:
        """`draw` is called so many times a second at most."""
        self._seconds = 1 / repaints
        self._draw = draw
        self._drawn_at = 0.0

    def ask(self) -> None:
        """Draw now, or as soon as the last frame has stood for its time.

        The feed wakes once for each look: one look is to come at most, and none may be missed.
        Textual's own timers leave out what is due before they have begun.
        """
        wait = self._drawn_at + self._seconds - monotonic()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._draw_now)
        else:
            self._draw_now()

    def _draw_now(self) -> None:
        self._drawn_at = monotonic()
        self._draw()
