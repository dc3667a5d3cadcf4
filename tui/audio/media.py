"""Sound from a media file."""

from collections.abc import Iterator
from pathlib import Path

from tui.audio.container import open_container
from tui.audio.source import SourceInfo
from tui.audio.track import Track
from tui.captions import clean


class MediaFile:
    """A `Source`: the first audio stream of a sound or video file, decoded while it is read.

    One thread reads `chunks`, once; `close` may come from any thread and ends them.
    """

    def __init__(self, info: SourceInfo, track: Track) -> None:
        self._info = info
        self._track = track

    @classmethod
    def open(cls, path: Path, *, kind: str = "file", start: float = 0.0) -> "MediaFile":
        """Open a file and find its sound at `start` seconds; `kind` is for `info`.

        Nothing but the file itself is read. Raises `SourceError` where there is no sound to have.
        """
        name = clean(path.name or str(path))
        track = Track(open_container(path, name), name, start)
        return cls(SourceInfo(kind, name, track.samples), track)

    @property
    def info(self) -> SourceInfo:
        """What the file is called, and how long it is from the start on as far as it tells."""
        return self._info

    def chunks(self) -> Iterator[bytes]:
        """As in `Track.chunks`, with silence where something is missing."""
        return (chunk for chunk in self._track.chunks() if isinstance(chunk, bytes))

    def close(self) -> None:
        """Let go of the file."""
        self._track.close()
