"""Facts that come to the dashboard from other threads."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from tui.live.session import LiveSession
    from tui.sessions.record import SessionSummary


@dataclass
class SessionOpened(Message):
    """A session is ready to start."""

    session: "LiveSession"
    attempt: int
    """Which try to have one this was."""


@dataclass
class SessionRefused(Message):
    """No session can be had."""

    reason: str
    """One sentence."""
    attempt: int
    """Which try to have one this was."""


@dataclass
class UnfinishedFound(Message):
    """It is known which sessions were interrupted and can be finished."""

    sessions: "list[SessionSummary]"
    """The newest first; empty where there are none."""


@dataclass
class FeedMoved(Message):
    """The live session has news for whoever takes it."""

    def can_replace(self, message: Message) -> bool:
        """Two of them say no more than one."""
        return isinstance(message, FeedMoved)
