"""Which commands make sense while a session stands as it does."""

from tui.live.feed import State

_LISTENING = (State.LIVE, State.NO_SOUND, State.RECONNECTING, State.PAUSED)


def runs(state: State | None) -> bool:
    """Whether there is a session that is not over; `None` before the first one."""
    return state is not None and not state.over


def listens(state: State | None) -> bool:
    """Whether sound comes, or may come again: what is to be paused and recorded."""
    return state in _LISTENING


def can_switch(state: State | None) -> bool:
    """Whether the language can be another one."""
    return state is State.STARTING or listens(state)


def possible(action: str, state: State | None, *, saves: bool, unfinished: bool) -> bool | None:
    """Whether an action can be carried out, as Textual asks it: `None` shows it as disabled."""
    match action:
        case "toggle_pause":
            return listens(state) or None
        case "stop":
            return runs(state) or None
        case "record":
            return (listens(state) or None) if saves else False
        case "finish":
            return unfinished and not runs(state)
    return True
