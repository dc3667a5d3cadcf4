"""What stands in the tail line: many would speak, one is to be read at a time."""

from time import monotonic

HINT = "type a sound, or press ↓, then enter"
PASTED = "it is in the Sound field: s stops this session, o and enter open it"
RECORDING = "recording: the sound is kept with the captions"
RECORDED = "recording has ended; what was recorded is kept"
_LEAVING = "waiting for the last words; ctrl+q again quits now"


class Notices:
    """Chooses between what captty has to say besides what the session tells."""

    def __init__(self) -> None:
        self.hint = HINT
        """What stands there while nothing runs, in place of how the last session ended: what can
        be done, or why there was no session."""
        self.switching = ""
        """The name of the language that is being switched to."""
        self.leaving = False
        """Whether the end waits for the last words."""
        self._announced = ""
        self._until = 0.0

    def announce(self, sentence: str, seconds: float) -> None:
        """Let a sentence stand for so long, whatever the session tells meanwhile."""
        self._announced, self._until = sentence, monotonic() + seconds

    def words(self, session: str, offered: str, *, runs: bool) -> str:
        """What is to be read now.

        `session` is what the session tells, `offered` what can be finished after its end.
        """
        if self.leaving:
            return _LEAVING
        if self._announced and monotonic() < self._until:
            return self._announced
        if runs:
            return f"switching to {self.switching} …" if self.switching else session
        if self.hint == HINT:
            return offered or HINT
        return self.hint or " · ".join(filter(None, (session, offered)))
