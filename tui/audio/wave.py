"""WAV as it comes: FFmpeg holds back its first seconds, to look for S/PDIF and DTS in them."""

import struct

from tui.audio.container import Stream
from tui.audio.raw import RawFormat

_LONGEST_HEADER = 65_536
"""Bytes before the sound; what is longer is left to FFmpeg."""
_ENDLESS = 0x7FF0_0000
"""A length from here on means that it was not known when the header was written; so does 0."""
_ENCODINGS = {
    (1, 8): "u8",
    (1, 16): "s16le",
    (1, 24): "s24le",
    (1, 32): "s32le",
    (3, 32): "f32le",
    (3, 64): "f64le",
}
"""By format tag and bits a sample."""
_EXTENSIBLE = 0xFFFE


class Remainder:
    """A stream from which something has been read already."""

    def __init__(self, stream: Stream, held: bytes, left: int | None = None) -> None:
        """`held` is put back before it; behind that, `left` bytes follow at most."""
        self._stream = stream
        self._held = held
        self._left = left

    @property
    def head(self) -> bytes:
        """The first bytes of the stream."""
        return self._stream.head

    def read(self, size: int, /) -> bytes:
        """As in `Stream`."""
        if self._held:
            data, self._held = self._held[:size], self._held[size:]
            return data
        if self._left is None:
            return self._stream.read(size)
        data = self._stream.read(min(size, self._left)) if self._left else b""
        self._left -= len(data)
        return data


def unwrap(stream: Stream) -> tuple[Stream, RawFormat | None]:
    """The PCM in a stream that is a WAV file of one or two channels; another stream as it was."""
    header = _Header(stream)
    raw, length = header.pcm()
    return Remainder(stream, b"" if raw else header.read, length), raw


class _Header:
    """What has been read of a stream so far."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.read = b""
        """All bytes of it."""

    def pcm(self) -> tuple[RawFormat | None, int | None]:
        """What stands behind the header, if it is PCM, and how many bytes if that is known."""
        raw = None
        if not (self._take(12).startswith(b"RIFF") and self.read.endswith(b"WAVE")):
            return None, None
        while len(chunk := self._take(8)) == 8:
            name, size = struct.unpack("<4sI", chunk)
            if name == b"data":
                return raw, size if raw and 0 < size < _ENDLESS else None
            if len(self.read) + size > _LONGEST_HEADER:
                break
            body = self._take(size + size % 2)
            raw = _format(body) if name == b"fmt " else raw
        return None, None

    def _take(self, size: int) -> bytes:
        """The next bytes; fewer where the stream ends."""
        taken = b""
        while len(taken) < size and (data := self._stream.read(size - len(taken))):
            taken += data
        self.read += taken
        return taken


def _format(body: bytes) -> RawFormat | None:
    """The PCM that a `fmt ` chunk describes, if it is plain enough."""
    if len(body) < 16:
        return None
    tag, channels, rate, _, width, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)
    encoding = _ENCODINGS.get((tag, bits))
    if encoding is None or channels not in (1, 2) or width != channels * bits // 8:
        return None
    try:
        return RawFormat.parse(f"{encoding}:{rate}:{channels}")
    except ValueError:
        return None
