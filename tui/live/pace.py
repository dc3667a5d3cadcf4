"""How fast the sound of a source is taken: files as they would sound, live sound as it comes."""

from typing import Protocol

from tui.audio.source import SourceInfo

LATE_SECONDS = 2.0
"""A block of a file that is later than this is not made up for by a burst."""
BURST_SECONDS = 10.0
"""How far live sound may run ahead of the clock at first: what pipes and stations had waiting is
late already, but whole files behind a pipe are not to rush by."""
_JUDGED_SECONDS = 5.0
_FULL_SECONDS = 8.0
"""After so many seconds a file behind a pipe is so far ahead, as far as it is let; a recorder is
not."""


class Pace(Protocol):
    """Tells when a block of sound is due. Times are seconds of one monotonic clock."""

    def wait(self, seconds: float, now: float) -> float:
        """How long from now on the next block, which lasts so many seconds, is to wait."""
        ...

    def restart(self) -> None:
        """The next block comes after a pause."""
        ...


class FilePace:
    """Real time; what was held up is not made up for, as nothing was missed meanwhile."""

    def __init__(self) -> None:
        self._due = 0.0

    def wait(self, seconds: float, now: float) -> float:
        """As in `Pace`."""
        if now - self._due > LATE_SECONDS:
            self._due = now
        self._due += seconds
        return self._due - now

    def restart(self) -> None:
        """As in `Pace`."""
        self._due = 0.0


class StreamPace:
    """Real time and a burst at first; what was held up comes at once, however much it is."""

    def __init__(self) -> None:
        self._due: float | None = None

    def wait(self, seconds: float, now: float) -> float:
        """As in `Pace`."""
        if self._due is None:
            self._due = now - BURST_SECONDS
        self._due += seconds
        return self._due - now

    def restart(self) -> None:
        """As in `Pace`."""
        self._due = None


class PipePace:
    """Takes a pipe for a recorder, or for a file, by how it uses its burst.

    A recorder's sound comes at once from then on, also what a pause or a stalled link held up; a
    file's comes in real time.
    """

    def __init__(self) -> None:
        self._file = FilePace()
        self._began: float | None = None
        self._given = 0.0
        self._is_file: bool | None = None

    def wait(self, seconds: float, now: float) -> float:
        """As in `Pace`."""
        self._began = now if self._began is None else self._began
        self._given += seconds
        ahead = self._given - (now - self._began)
        if self._is_file is None and now - self._began > _JUDGED_SECONDS:
            self._is_file = ahead > _FULL_SECONDS
        if self._is_file is None:
            return ahead - BURST_SECONDS
        return self._file.wait(seconds, now) if self._is_file else 0.0

    def restart(self) -> None:
        """As in `Pace`."""
        self._began, self._given = None, 0.0
        self._file.restart()


def pace_of(info: SourceInfo) -> Pace:
    """The pace at which a source is to be heard."""
    if not info.live:
        return FilePace()
    return PipePace() if info.waits else StreamPace()
