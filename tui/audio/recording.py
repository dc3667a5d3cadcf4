"""A session's audio, kept to be listened to: Ogg Opus files that a crash leaves playable."""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, groupby, islice
from pathlib import Path

import av
import numpy as np
from av import AudioFrame
from av.audio.stream import AudioStream

from tui.audio.container import open_container
from tui.audio.decoder import Decoder
from tui.audio.downmix import mono
from tui.audio.resample import Resampler
from tui.audio.source import SourceError
from tui.captions import SAMPLE_RATE, clean

ENCODER = "libopus"
"""FFmpeg's name of it."""
BIT_RATE = 32_000
"""Bits a second: pocketsphinx hears no more wrong than in the original; 16 MB an hour."""
PAGE_SECONDS = 0.24
"""Of a page of Ogg. The newest one waits in memory for the next: a crash costs two of them."""
MOST_WAITING = 10 * 60 * SAMPLE_RATE * 2
"""Bytes that wait for a disk which takes nothing, until it is given up: ten minutes."""

_APPLICATION = "lowdelay"
"""Opus then keeps to one of its codecs; FFmpeg's decoder drops 10 ms where it goes over to the
other one."""
_PIECE = 2 * SAMPLE_RATE
"""Bytes encoded together, at most: one second."""
_PREROLL = SAMPLE_RATE
"""Samples decoded before those that are wanted: Opus needs 80 ms of them (RFC 7845, 4.6)."""
_FRAMES_AT_ONCE = 50
_STUCK = "the disk has taken nothing for ten minutes"
_ADVICE = ": free some space or check the disk, then record again"


def read_recording(path: Path, start: int = 0) -> Iterator[bytes]:
    """The PCM16 mono of a recording from its sample `start` on, piece by piece.

    None behind its end; damaged sound is silence. Raises `SourceError` where it is no recording.
    """
    name = clean(path.name)
    with open_container(path, name) as container:
        if not container.streams.audio:
            raise SourceError(f"{name} has no sound in it: it is no recording")
        container.seek(max(0, start - _PREROLL) * 1_000_000 // SAMPLE_RATE)
        frames = Decoder(container).frames()
        for first in islice(frames, 1):
            reached = (first.pts or 0) * SAMPLE_RATE // first.rate
            yield from _behind(2 * (start - reached), _pcm(chain([first], frames)))


def _pcm(frames: Iterator[AudioFrame]) -> Iterator[bytes]:
    resampler = Resampler()
    for rate, alike in groupby(frames, key=lambda frame: frame.rate):  # silence has another one
        while block := list(islice(alike, _FRAMES_AT_ONCE)):
            yield resampler.feed(mono(block), rate)
    yield resampler.flush()


def _behind(skipped: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces without so many first bytes; with silence before them where it is negative."""
    missing = max(0, -skipped)
    yield from (bytes(min(_PIECE, missing - at)) for at in range(0, missing, _PIECE))
    for piece in pieces:
        yield piece[max(0, skipped) :]
        skipped -= len(piece)


class Recording:
    """Writes a session's audio into `folder`, one file for each time it is switched on.

    A file's name is the absolute index of its first sample. No method waits for the disk but
    `close`; where the disk fails, the recording stops and `trouble` tells why.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is written, or made, until there is sound to keep."""
        self._folder = folder
        self._file: _RecordingThread | None = None
        self._ending: list[_RecordingThread] = []

    @property
    def active(self) -> bool:
        """Whether samples that are appended now are kept."""
        return self._file is not None and not self._file.trouble

    @property
    def trouble(self) -> str:
        """One sentence where the newest file could not be written on; empty while all is well."""
        newest = self._file or (self._ending[-1] if self._ending else None)
        return newest.trouble if newest else ""

    @property
    def behind(self) -> int:
        """Samples that were appended and are not encoded yet."""
        files = [*self._ending, *([self._file] if self._file else [])]
        return sum(file.behind for file in files if not file.trouble) // 2

    def start(self, at: int) -> None:
        """Begin a new file with the sample of absolute index `at`; ends the one before."""
        self.stop()
        self._file = _RecordingThread(self._folder, at)

    def append(self, pcm: bytes) -> None:
        """Keep whole PCM16 mono samples at 16 000 Hz behind the last; ignored unless active."""
        if self._file and self.active:
            self._file.append(pcm)

    def stop(self) -> None:
        """End the file; what was appended is still written."""
        if self._file:
            self._file.end()
            self._ending = [file for file in self._ending if file.is_alive()] + [self._file]
            self._file = None

    def close(self, timeout: float) -> None:
        """End the file and wait until all are whole, for at most `timeout` seconds."""
        self.stop()
        deadline = time.monotonic() + timeout
        for file in self._ending:
            file.join(max(0.0, deadline - time.monotonic()))


class _RecordingThread(threading.Thread):
    """Encodes and writes one file."""

    def __init__(self, folder: Path, at: int) -> None:
        super().__init__(name="recording", daemon=True)
        self.trouble = ""
        """One sentence, where the rest is not kept."""
        self.behind = 0
        """Bytes that wait to be encoded."""
        self._path = folder / f"{at:012d}.opus"
        self._waiting = bytearray()
        self._ended = False
        self._news = threading.Condition()
        self.start()

    def append(self, pcm: bytes) -> None:
        """Let it be written; where too much is waiting already, nothing is any more."""
        with self._news:
            if self.behind > MOST_WAITING:
                self._give_up(_STUCK, _ADVICE)
            else:
                self._waiting += pcm
                self.behind += len(pcm)
                self._news.notify()

    def end(self) -> None:
        """Write what is waiting and no more."""
        with self._news:
            self._ended = True
            self._news.notify()

    def run(self) -> None:
        """Write until the end, or an error."""
        try:
            with OpusFile(self._path) as file:
                while waiting := self._take():
                    for start in range(0, len(waiting), _PIECE):
                        file.append(piece := waiting[start : start + _PIECE])
                        with self._news:
                            self.behind -= len(piece)
        except OSError as error:
            self._give_up(error.strerror or str(error), _ADVICE)
        except Exception as error:
            self._give_up(f"its sound cannot be encoded: {type(error).__name__}", "")

    def _take(self) -> bytes:
        """What is waiting, once there is something; empty at the end."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._ended)
            waiting, self._waiting = self._waiting, bytearray()
        return bytes(waiting)

    def _give_up(self, why: str, advice: str) -> None:
        with self._news:
            self.trouble = f"the recording has stopped ({why}), captions go on{advice}"
            self._waiting = bytearray()
            self._ended = True


class OpusFile:
    """A new Ogg Opus file of mono sound at 16 000 Hz, written page by page."""

    def __init__(self, path: Path) -> None:
        """The file is made with its first page. Raises `ValueError` where PyAV has no encoder."""
        self._pages = _Pages(path)
        options = {"page_duration": str(round(PAGE_SECONDS * 1e6)), "flush_packets": "1"}
        self._container = av.open(self._pages, "w", format="ogg", options=options)
        stream = self._container.add_stream(ENCODER, rate=SAMPLE_RATE, layout="mono")
        assert isinstance(stream, AudioStream)
        stream.codec_context.options = {"application": _APPLICATION}
        self._stream = stream
        self._samples = 0
        self._stream.bit_rate = BIT_RATE
        self._container.start_encoding()
        self._pages.head_is_whole = True

    def append(self, pcm: bytes) -> None:
        """Encode whole PCM16 samples. Raises `OSError`; the file then ends with its last page."""
        samples = np.frombuffer(pcm, "<i2").reshape(1, -1)
        frame = AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        frame.pts = self._samples  # without it, pages count the encoder's delay twice
        self._samples += frame.samples
        self._container.mux(self._stream.encode(frame))
        self._pages.check()

    def close(self) -> None:
        """Write the rest. Raises `OSError`."""
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        finally:
            self._pages.close()
        self._pages.check()

    def __enter__(self) -> "OpusFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Pages:
    """What FFmpeg writes to: a file of this user alone, in which every write is whole or is not."""

    def __init__(self, path: Path) -> None:
        self.head_is_whole = False
        """Whether the next write is a page of sound."""
        self._path = path
        self._head = b""
        self._fd = -1
        self._size = 0
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write all of it or nothing; an error is for `check`, as FFmpeg would hide it."""
        if not self.head_is_whole:
            self._head += data
        elif self._error is None:
            try:
                self._write(self._head + data)
                self._head = b""
            except OSError as error:
                self._error = error
                self._cut()
        return len(data)

    def check(self) -> None:
        """Raises the `OSError` behind which nothing is written any more, if there was one."""
        if self._error:
            raise self._error

    def close(self) -> None:
        """Let what was written reach the disk."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that syncs nothing
                self._error = error
        finally:
            os.close(fd)

    def _write(self, data: bytes) -> None:
        if self._fd < 0:
            self._fd = _new_private(self._path)
        rest = memoryview(data)
        while rest:
            written = os.write(self._fd, rest)
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            rest = rest[written:]
        self._size += len(data)

    def _cut(self) -> None:
        """Take away the part of a page that was written, and the file if it has no other."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
                if not self._size:
                    self._path.unlink()


def _new_private(path: Path) -> int:
    """A descriptor of a new file, in a folder that is made if need be. Raises `OSError`."""
    with contextlib.suppress(FileExistsError):
        path.parent.mkdir(0o700)
        path.parent.chmod(0o700)  # whatever the umask took away
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with contextlib.suppress(OSError):  # some file systems know no modes
        os.fchmod(fd, 0o600)
    return fd
