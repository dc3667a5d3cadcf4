"""What status and tail line say of a session: each state in words."""

from tui.captions import SAMPLE_RATE
from tui.live.feed import Snapshot, State
from tui.widgets.status_line import Status

_BEHIND_SECONDS = 10
"""From here on text is so much older than the audio that readers have to know."""


def notice(snapshot: Snapshot, starting: str, *, silent: bool, advice: str = "") -> str:
    """What readers have to know, the most important first.

    `starting` says what goes on before the first connection, `silent` that no word came so far,
    `advice` what to do about the sound.
    """
    reason, kept = snapshot.reason, _kept(snapshot)
    match snapshot.state:
        case State.STARTING:
            return f"{starting} ({reason}), trying again" if reason else starting
        case State.RECONNECTING if snapshot.silence:
            return f"no connection{_because(reason)}; {snapshot.silence}"
        case State.RECONNECTING:
            return f"no connection: recording goes on{kept}{_because(reason)}"
        case State.NO_SOUND:
            return snapshot.silence
        case State.PAUSED:
            trying = f"; no connection, trying again{_because(reason)}" if reason else ""
            return f"paused: space goes on{trying}"
        case State.FINISHING if reason:
            return f"no connection for the last words{kept}; s: end now{_because(reason)}"
        case State.FINISHING:
            return "waiting for the last words; s: end now"
        case State.LIVE:
            return _behind(snapshot) or advice or ("listening, no words yet" if silent else "")
    ended = "ended early" if snapshot.state is State.FAILED else "ended"
    return f"{ended} · {snapshot.session_id}" if snapshot.session_id else ended


def status(snapshot: Snapshot, language: str | None, source: str = "") -> Status:
    """The facts of a session in which a language is recognised; `None` where it is detected.

    `source` is what is heard, where it is named nowhere else.
    """
    progress, state = snapshot.progress, snapshot.state.upper()
    tries = snapshot.state is State.RECONNECTING and snapshot.attempt
    return Status(
        state=f"{state} {snapshot.attempt}" if tries else state,
        seconds=progress.captured // SAMPLE_RATE,
        total=None if progress.total is None else round(progress.total / SAMPLE_RATE),
        language=language or "",
        server=snapshot.server,
        engine=snapshot.engine,
        lag=_coarse(progress.lag) if snapshot.state is State.LIVE else None,
        unsent=int(progress.unsent),
        reconnects=progress.reconnects,
        recording=snapshot.recording,
        source=source,
    )


def _coarse(lag: float | None) -> float | None:
    """In steps of half a second: every other figure would cost a repaint and tell no more."""
    return None if lag is None else round(lag * 2) / 2


def _kept(snapshot: Snapshot) -> str:
    """How much audio is not known to have become text: none of it is let go."""
    seconds = int((snapshot.progress.captured - snapshot.progress.confirmed) / SAMPLE_RATE)
    return f", {seconds}\N{NO-BREAK SPACE}s\N{NO-BREAK SPACE}kept" if seconds > 0 else ""


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def _behind(snapshot: Snapshot) -> str:
    seconds = int(max(snapshot.progress.unsent, snapshot.progress.lag or 0))
    return f"{seconds} s behind" if seconds > _BEHIND_SECONDS else ""
