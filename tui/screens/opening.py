"""How a session is opened: on a thread, since a sound may take a while to come."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.captions import CapttyError
from tui.messages import SessionOpened, SessionRefused

if TYPE_CHECKING:
    from tui.live.session import LiveSession

log = logging.getLogger(__name__)

Opening = Callable[[Callable[[], None]], "LiveSession"]
"""Opens a session for a watcher to wake. Raises `CapttyError`; may take a while."""

OpenSession = Callable[[str, str | None, float, Callable[[], None]], "LiveSession"]
"""Opens a sound, in a language, from so many seconds on, for a watcher to wake.

Raises `CapttyError`; may take a while."""


def open_on_thread(
    opening: Opening,
    attempt: int,
    wake: Callable[[], None],
    tell: Callable[[SessionOpened | SessionRefused], bool],
) -> None:
    """Open a session on a thread of its own, which tells how this attempt went.

    `tell` returns whether anybody listens.
    """

    def open_() -> None:
        try:
            session = opening(wake)
        except CapttyError as error:
            tell(SessionRefused(str(error), attempt))
        except Exception as error:
            log.exception("opening failed")
            reason = f"captty itself failed ({type(error).__name__})"
            tell(SessionRefused(reason, attempt))
        else:
            if not tell(SessionOpened(session, attempt)):
                drop(session)

    threading.Thread(target=open_, name="opening", daemon=True).start()


def drop(session: "LiveSession") -> None:
    """Let go of a session that nobody wants any more, and of all it has open."""
    session.abandon()
    session.start()
