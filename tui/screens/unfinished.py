"""The sessions that were interrupted and can be finished."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tui.captions import length_text
from tui.screens.opening import Opening

if TYPE_CHECKING:
    from tui.live.session import LiveSession
    from tui.sessions.record import SessionSummary

log = logging.getLogger(__name__)

FindUnfinished = Callable[[], "list[SessionSummary]"]
"""The interrupted sessions with audio to finish, newest first; may take a while."""

FinishSession = Callable[[str, Callable[[], None]], "LiveSession"]
"""Takes up the interrupted session of an id, for a watcher to wake. Raises `CapttyError`."""


class Unfinished:
    """What can be finished, as far as it is known."""

    def __init__(self, find: FindUnfinished | None, finish: FinishSession | None) -> None:
        """Without both nothing is ever offered."""
        self._find = find
        self._finish = finish
        self.sessions: Sequence[SessionSummary] = ()
        """The newest first."""

    def look(self, found: "Callable[[list[SessionSummary]], object]") -> None:
        """Look for them on a thread, which calls `found`: past sessions are read from a disk."""
        if self._find and self._finish:
            args = (self._find, found)
            threading.Thread(target=_look, args=args, name="unfinished", daemon=True).start()

    def take(self) -> "tuple[Opening, str | None] | None":
        """What opens the newest of them, which is offered no more, and its language."""
        if self._finish is None or not self.sessions:
            return None
        (newest, *self.sessions), finish = self.sessions, self._finish
        return lambda wake: finish(newest.id, wake), newest.language

    def offer(self, *, typing: bool) -> str:
        """Says how to have the newest finished; empty where there is none.

        `typing`: keys are text, until escape is pressed.
        """
        if not self.sessions:
            return ""
        keys = "escape, then i" if typing else "i"
        return (
            f"{keys}: finish the interrupted session ({length_text(self.sessions[0].unfinished)})"
        )


def _look(find: FindUnfinished, found: "Callable[[list[SessionSummary]], object]") -> None:
    try:
        found(find())
    except Exception:  # no offer is worth an end of the captions
        log.exception("interrupted sessions cannot be looked for")
