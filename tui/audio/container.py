"""Media files, opened so that none leads anywhere but to itself."""

import os
import stat
from pathlib import Path
from typing import Protocol

import av
from av.container import InputContainer

from tui.audio.raw import FORM, RawFormat
from tui.audio.source import SourceError

av.logging.set_level(None)  # FFmpeg would write to the terminal, across the captions

FORMATS = (
    "aac ac3 aiff amr asf au avi caf eac3 flac flv matroska mov mp3 mpeg mpegts ogg w64 wav wv"
)
"""FFmpeg's names of the containers that are read. No playlist is among them: HLS, DASH and concat
scripts open other files and hosts, whatever the file that holds them is called."""

_CODECS = (
    "aac aac_latm ac3 adpcm_ima_qt adpcm_ima_wav adpcm_ms adpcm_swf adpcm_yamaha alac amrnb amrwb"
    " dca eac3 flac g722 g726 gsm gsm_ms libopencore_amrnb libopencore_amrwb libopus mlp mp1"
    " mp1float mp2 mp2float mp3 mp3float nellymoser opus speex truehd vorbis wavpack wmalossless"
    " wmapro wmav1 wmav2 wmavoice"
)
CODECS = {*_CODECS.split(), *(name for name in av.codecs_available if name.startswith("pcm_"))}
"""FFmpeg's names of the decoders that may run. No video decoder ever does, not even to find out
what is in a file."""

OPTIONS = {
    "format_whitelist": FORMATS.replace(" ", ","),
    "codec_whitelist": ",".join(sorted(CODECS)),
    "protocol_whitelist": "file",
}
"""Of `av.open`, for whatever is read."""
_PIPED = {**OPTIONS, "protocol_whitelist": "none", "analyzeduration": "100000"}
"""As little as FFmpeg needs to know the sound: what it looks at is late already."""
_PIPE_BUFFER = 4_096
"""Bytes that are asked for at a time."""
_PLAYLISTS = (b"#extm3u", b"ffconcat", b"[playlist]", b"<asx", b"<smil", b"<mpd", b"<?xml")
_PLAYLIST_NAMES = {".m3u", ".m3u8", ".pls", ".asx", ".mpd", ".smil", ".ffconcat"}


def open_container(path: Path, name: str) -> InputContainer:
    """The container of a regular file that FFmpeg recognises as sound or video.

    Raises `SourceError`, in which the file is called `name`.
    """
    head = _head(path, name)
    try:
        # without the prefix a name such as "http:x" or "concat:x" is an address
        address = f"file:{os.fspath(path)}"
        return av.open(address, mode="r", options=OPTIONS, metadata_errors="replace")
    except av.FFmpegError as error:
        raise SourceError(_refusal(path, name, head)) from error


class Stream(Protocol):
    """Bytes that come when they come."""

    @property
    def head(self) -> bytes:
        """The first bytes that were read."""
        ...

    def read(self, size: int, /) -> bytes:
        """Up to so many bytes, as soon as there are some; empty at the end."""
        ...


def open_stream(stream: Stream, name: str, raw: RawFormat | None = None) -> InputContainer:
    """The container of sound or video that is read once, front to back; or the PCM that it is.

    Raises `SourceError`, in which the stream is called `name`.
    """
    form, options = (raw.encoding, raw.options) if raw else (None, {})
    allowed = {"format_whitelist": form} if form else {}
    try:
        return av.open(
            stream,
            mode="r",
            format=form,
            options={**_PIPED, **options, **allowed},
            metadata_errors="replace",
            buffer_size=_PIPE_BUFFER,
        )
    except av.FFmpegError:
        raise SourceError(_stream_refusal(name, stream.head)) from None


def _head(path: Path, name: str) -> bytes:
    """The first bytes of a regular file that is not empty."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise SourceError(f"{name} is a folder: name one sound file in it")
        if not stat.S_ISREG(kind):
            raise SourceError(
                f"{name} is a device or a pipe, which may never end: save its sound to a file first"
            )
        with path.open("rb") as file:
            head = file.read(1024)
    except FileNotFoundError as error:
        raise SourceError(f"{name} is not there: check its name and folder") from error
    except PermissionError as error:
        raise SourceError(
            f"{name} is closed to you by its permissions: change them or ask for a copy"
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"{name} cannot be opened ({reason}): try a copy of it") from error
    if not head:
        raise SourceError(f"{name} is empty: choose a file that has sound in it")
    return head


def _refusal(path: Path, name: str, head: bytes) -> str:
    if _is_playlist(head) or path.suffix.lower() in _PLAYLIST_NAMES:
        return (
            f"{name} is a playlist and has no sound of its own, and captty opens nothing that a"
            " file points to: open the sound file itself"
        )
    return (
        f"{name} is no sound or video that captty can read, or a part of it is missing:"
        " try a whole copy of it, or convert it to WAV, FLAC or MP3"
    )


def _stream_refusal(name: str, head: bytes) -> str:
    if _is_playlist(head):
        return (
            f"{name} is a playlist and has no sound of its own, and captty opens nothing that it"
            " points to: pipe the sound itself"
        )
    if head[4:8] == b"ftyp":
        return index_behind(name)
    return (
        f"{name} is no sound or video that captty can read: if it is PCM without a header,"
        f" describe it, as in --raw {FORM}"
    )


def index_behind(name: str) -> str:
    """The sentence about an MP4 that cannot be read front to back."""
    return (
        f"{name} is an MP4 that has its index at the end, or was cut off: give captty the file"
        " itself, or make it with the index in front (ffmpeg: -movflags +faststart)"
    )


def _is_playlist(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PLAYLISTS)
