"""What comes from one web address, and how FFmpeg reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tui.audio.web.address import WebError

_MOST_UNKNOWN = 2**26
"""Bytes in which no sound is found before it counts as none; FFmpeg keeps pictures among them."""


class Stretch(Protocol):
    """Bytes as FFmpeg reads them."""

    def read(self, size: int) -> bytes:
        """Blocks until there are some; none at the end. Raises `WebError`."""
        ...


@runtime_checkable
class Seekable(Protocol):
    """Bytes that can perhaps be had from any place."""

    def seekable(self) -> bool:
        """Whether they can."""
        ...

    def seek(self, offset: int, whence: int) -> int:
        """As files have it."""
        ...

    def tell(self) -> int:
        """As files have it."""
        ...


@dataclass(frozen=True, slots=True)
class Lost:
    """Sound between two stretches that could not be had."""

    seconds: float
    """As the server counts it."""


class Flow(Protocol):
    """What comes from one address."""

    @property
    def name(self) -> str:
        """Clean text, as far as it is known."""
        ...

    @property
    def fault(self) -> str:
        """Why nothing comes at the moment; empty where all is well."""
        ...

    @property
    def lull(self) -> float:
        """Seconds without sound that are nothing to speak of."""
        ...

    @property
    def format(self) -> str | None:
        """FFmpeg's name of the form of the sound, where it need not find out."""
        ...

    @property
    def reserve(self) -> float:
        """Seconds of the past that the server still gives, so that they are not lost yet."""
        ...

    def stretches(self) -> Iterator[Stretch | Lost]:
        """Each is decoded on its own; the one before is over when the next is asked for."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Body:
    """A stretch for FFmpeg, which would lose what it holds where reading raised."""

    def __init__(self, stretch: Stretch, name: str) -> None:
        """Errors call what is read `name`, which is clean."""
        self._stretch, self._name = stretch, name
        self._unknown: float = _MOST_UNKNOWN
        self.error: WebError | None = None
        """Why the end came early."""

    def recognised(self) -> None:
        """The sound was found: from now on any number of bytes may be read."""
        self._unknown = float("inf")

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end, and behind an error."""
        try:
            data = b"" if self.error else self._stretch.read(size)
        except WebError as error:
            self.error = error
            return b""
        self._unknown -= len(data)
        if self._unknown >= 0:
            return data
        self.error = WebError(
            f"{self._name} has no sound in its first {_MOST_UNKNOWN // 2**20} MiB: try another"
            " address",
            final=True,
        )
        return b""

    def seekable(self) -> bool:
        """Whether `seek` and `tell` may be called."""
        return isinstance(self._stretch, Seekable) and self._stretch.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        """As files have it."""
        assert isinstance(self._stretch, Seekable)
        return self._stretch.seek(offset, whence)

    def tell(self) -> int:
        """As files have it."""
        assert isinstance(self._stretch, Seekable)
        return self._stretch.tell()
