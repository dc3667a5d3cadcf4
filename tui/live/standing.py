"""How a session stands, in one word, of several facts that change on their own."""

from tui.live.feed import Feed, State


class Standing:
    """Tells the feed the state that matters most to a reader."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._began = False
        self._paused = False
        self._finishing = False
        self._soundless = False
        self._offline = ""
        self._attempt = 0
        self._tell()

    @property
    def paused(self) -> bool:
        """Whether the user has paused the source."""
        return self._paused

    @property
    def began(self) -> bool:
        """Whether there ever was a connection, or the session goes on without."""
        return self._began

    def begin(self) -> None:
        """The session goes on, though there never was a connection."""
        self._began = True
        self._tell()

    def online(self) -> None:
        """There is a connection."""
        self._began, self._offline, self._attempt = True, "", 0
        self._tell()

    def offline(self, reason: str, attempt: int) -> None:
        """There is none; `attempt` counts the tries to have one, from 1."""
        self._offline, self._attempt = reason, attempt
        self._tell()

    def pause(self, paused: bool) -> None:
        """The source is paused, or goes on."""
        self._paused = paused
        self._tell()

    def soundless(self, soundless: bool) -> None:
        """The source gives nothing, or gives sound again."""
        self._soundless = soundless
        self._tell()

    def finish(self) -> None:
        """There is no more audio."""
        self._finishing = True
        self._tell()

    def _tell(self) -> None:
        self._feed.state(self._state, self._offline, self._attempt)

    @property
    def _state(self) -> State:
        if not self._began:
            return State.STARTING
        if self._finishing:
            return State.FINISHING
        if self._paused:
            return State.PAUSED
        if self._offline:
            return State.RECONNECTING
        return State.NO_SOUND if self._soundless else State.LIVE
