"""What a server's messages mean, whatever the protocol."""

from dataclasses import dataclass

from tui.captions import SegmentUpdate


@dataclass(frozen=True, slots=True)
class Updated:
    """Segments that are new or changed."""

    updates: tuple[SegmentUpdate, ...]


@dataclass(frozen=True, slots=True)
class TraceEchoed:
    """Everything that was sent before the trace has been transcribed."""

    trace_id: str


@dataclass(frozen=True, slots=True)
class Finished:
    """All audio has been transcribed; nothing more will come."""


@dataclass(frozen=True, slots=True)
class StateCleared:
    """The server has dropped the context of what it heard before."""

    reset_id: str


@dataclass(frozen=True, slots=True)
class ServerError:
    """The server says, in clean text, what went wrong."""

    message: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """A message, or a part of one, that means nothing to captty. The session goes on."""

    reason: str


WireEvent = Updated | TraceEchoed | Finished | StateCleared | ServerError | Unrecognised
