"""Sound from standard input, heard as it comes."""

import math
import os
import select
import stat
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Semaphore, Thread
from time import monotonic

from tui.audio.container import open_stream
from tui.audio.raw import RawFormat
from tui.audio.source import Fact, Missed, SourceError, SourceInfo, Trouble
from tui.audio.track import Track
from tui.audio.wave import unwrap

NAME = "standard input"

_CHUNKS_AHEAD = 20
"""A second: so much is decoded before it is asked for."""
_PATIENCE_SECONDS = 5.0
"""For so long nobody wonders why no sound comes."""
_HEAD_BYTES = 1_024
_MOST_UNKNOWN = 2**26
"""Bytes in which no sound is found before it counts as none; pictures may stand before it."""


class PipeSource:
    """A `Source`: whatever a pipe brings, in a container or as raw PCM.

    One thread reads `chunks`, once; `close` may come from any thread and ends them.
    """

    def __init__(self, pipe: "_Pipe", raw: RawFormat | None) -> None:
        self._pipe = pipe
        self._raw = raw
        self._ready: SimpleQueue[bytes | Missed | BaseException | None] = SimpleQueue()
        self._room = Semaphore(_CHUNKS_AHEAD)
        self._thread = Thread(target=self._run, name="pipe", daemon=True)
        self._starting = Lock()

    @classmethod
    def open(cls, fd: int, raw: RawFormat | None) -> "PipeSource":
        """Listen to a descriptor, which is closed in the end; nothing is read before `chunks` is.

        Raises `SourceError` where no sound can come from it.
        """
        try:
            folder = stat.S_ISDIR(os.fstat(fd).st_mode)
        except OSError:
            raise SourceError(f"there is no {NAME}: pipe sound into captty") from None
        if folder:
            raise SourceError(f"{NAME} is a folder: give one sound file in it")
        if os.isatty(fd):
            raise SourceError(
                f"{NAME} is the keyboard: pipe sound into it, for example"
                " ffmpeg -nostdin -i talk.mp4 -f wav - | captty -"
            )
        return cls(_Pipe(fd), raw)

    @property
    def info(self) -> SourceInfo:
        """That it is a pipe; what is in it shows when it comes."""
        return SourceInfo("stdin", NAME, live=True)

    def chunks(self) -> Iterator[bytes | Fact]:
        """As in `Source`; tells when nothing has come for 5 s, and when it comes again."""
        with self._starting:
            self._thread.start()
        for item in self._items():
            if isinstance(item, BaseException):
                raise item
            if item is None:
                return
            if isinstance(item, bytes | Missed):
                self._room.release()
            yield item

    def close(self) -> None:
        """Read no further, and let the other end of the pipe know."""
        with self._starting:
            self._pipe.close()
            self._room.release()
            if self._thread.ident is None:
                self._pipe.dispose()

    def _items(self) -> Iterator[bytes | Fact | BaseException | None]:
        """What the thread has decoded, and what is to be said while there is nothing."""
        while True:
            try:
                yield self._ready.get(timeout=_PATIENCE_SECONDS)
            except Empty:
                what = "nothing" if self._pipe.starved >= _PATIENCE_SECONDS / 2 else "no sound"
                yield Trouble(f"{NAME} gives {what} now: captions go on as soon as it does")
                item = self._ready.get()
                yield Trouble("")
                yield item

    def _run(self) -> None:
        """Decode on a thread of its own: nobody else hangs where FFmpeg waits for bytes."""
        end: BaseException | None = None
        try:
            self._decode()
        except SourceError as error:
            empty = SourceError(f"{NAME} is empty: no sound came before it ended")
            end = error if self._pipe.head else empty
        except BaseException as error:
            end = error
        finally:
            self._pipe.dispose()
        self._ready.put(None if self._pipe.closed else self._pipe.fault or end)

    def _decode(self) -> None:
        stream, raw = (self._pipe, self._raw) if self._raw else unwrap(self._pipe)
        track = Track(open_stream(stream, NAME, raw), NAME, live=True)
        self._pipe.recognise()
        try:
            for chunk in track.chunks():
                self._room.acquire()
                if self._pipe.closed:
                    return
                self._ready.put(chunk)
        finally:
            track.close()


class _Pipe:
    """The reading end of a pipe, in the shape that PyAV reads from."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._wake, self._waker = os.pipe()
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        self._disposing = Lock()
        self._disposed = False
        self._since: float | None = None
        self._unknown: float = _MOST_UNKNOWN
        self.head = b""
        """The first bytes that were read."""
        self.closed = False
        """Whether nobody listens any more."""
        self.fault: SourceError | None = None
        """Why it could not be read further, where that was not its end."""

    @property
    def starved(self) -> float:
        """Seconds for which a read has been waiting."""
        since = self._since
        return 0.0 if since is None else monotonic() - since

    def recognise(self) -> None:
        """Sound was found in it: let it go on for as long as it likes."""
        self._unknown = math.inf

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes, as soon as there are some; empty at the end and after `close`."""
        self._since = monotonic()
        try:
            while not self.closed and self._unknown > 0:
                self._poll.poll()
                with suppress(BlockingIOError):
                    return self._read(size)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self.fault = SourceError(f"{NAME} cannot be read any further ({reason}): start again")
        finally:
            self._since = None
        return b""

    def _read(self, size: int) -> bytes:
        data = b"" if self.closed else os.read(self._fd, size)
        self._unknown -= len(data)
        if len(self.head) < _HEAD_BYTES:
            self.head += data[: _HEAD_BYTES - len(self.head)]
        return data

    def close(self) -> None:
        """Wake a read that waits, and have it end."""
        self.closed = True
        with self._disposing:
            if not self._disposed:
                os.write(self._waker, b"\0")

    def dispose(self) -> None:
        """Close the descriptors; nobody may read any more."""
        with self._disposing:
            if not self._disposed:
                self._disposed = True
                for fd in (self._fd, self._wake, self._waker):
                    with suppress(OSError):
                        os.close(fd)
