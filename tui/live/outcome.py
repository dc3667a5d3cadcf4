"""How a session came to its end, in words."""

from dataclasses import dataclass

from tui.captions import CapttyError
from tui.live.connection import ConnectionBroken
from tui.live.stretch import Unconfirmed


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session came to its end."""

    cause: str
    failure: str = ""
    """One sentence where it broke off."""
    refused: bool = False
    """Whether the server does not want it at all."""
    unconfirmed: bool = False
    """Whether nothing but the last words is missing."""


def hint(error: CapttyError) -> str:
    """What to try where a server does not want something at all."""
    refused = isinstance(error, ConnectionBroken) and error.hopeless
    return "; another server may know it, see --server" if refused else ""


def failed(errors: BaseExceptionGroup[CapttyError]) -> Outcome:
    """What the first of the errors means."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Unconfirmed):
        why = f"the last words are not confirmed: {error}"
        return Outcome("unconfirmed", why, unconfirmed=True)
    refused = isinstance(error, ConnectionBroken) and error.hopeless
    return Outcome("failed", str(error), refused=refused)
