"""Where decoded sound stands on its file's own clock."""

from av import AudioFrame

_JITTER = 0.25
"""Seconds by which time stamps may run ahead of the sound: WMA's do by a frame."""
_OVERLAP = 1.0
"""Seconds by which they may lag: more is another clock, as where Ogg files were put together."""


class Timeline:
    """Follows the time stamps of frames, and finds the holes between them."""

    def __init__(self, tick: float) -> None:
        self._tick = tick
        """Seconds in a unit of the time stamps."""
        self.position: float | None = None
        """The time stamp behind the last frame in seconds; `None` before the first."""

    def follow(self, frame: AudioFrame) -> float:
        """Take the next frame into account.

        Returns the seconds between the last frame and this one that hold no sound, 0 where it
        follows on. Within the jitter of time stamps, the sound itself is the clock.
        """
        start = self.position if frame.pts is None else frame.pts * self._tick
        gap = 0.0
        if start is not None and self.position is not None:
            gap = start - self.position
        if self.position is None or not -_OVERLAP <= gap <= _JITTER:
            self.position = start or 0.0
        self.position += frame.samples / max(frame.rate, 1)
        return gap if gap > _JITTER else 0.0
