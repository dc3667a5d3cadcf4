"""Sound from a media file."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from av import AudioFrame
from av.container import InputContainer

from tui.audio.container import CODECS, open_container
from tui.audio.decoder import Decoder
from tui.audio.downmix import mono
from tui.audio.resample import Resampler
from tui.audio.source import CHUNK_SAMPLES, SourceError, SourceInfo
from tui.captions import SAMPLE_RATE, clean

LONGEST = 24 * 3600
"""Seconds of one file that are listened to: a few kilobytes can hold years of silence."""

_MOST_CHANNELS = 8
"""As many as 7.1 surround has."""
_RATES = range(1_000, 384_001)
"""Samples a second of what is meant for ears."""
_BLOCK = 8_192
"""Samples of a channel that are mixed together, at least: numpy's overhead is per block."""
_PIECE = 65_536
"""Samples that are resampled together, at most."""
_TOLERATED = 0.5
"""Seconds that may be missing without a word: players pass over a damaged last packet, too."""


class MediaFile:
    """A `Source`: the first audio stream of a sound or video file, decoded while it is read.

    One thread reads `chunks`, once; `close` may come from any thread and ends them.
    """

    def __init__(self, info: SourceInfo, decoder: Decoder) -> None:
        self._info = info
        self._decoder = decoder
        self._blocks = _blocks(decoder.frames())
        self._heard = 0
        self._fault = ""

    @classmethod
    def open(cls, path: Path, *, kind: str = "file") -> "MediaFile":
        """Open a file and find the beginning of its sound; `kind` is for `info`.

        Nothing but the file itself is read. Raises `SourceError` where there is no sound to have.
        """
        name = clean(path.name or str(path))
        container = open_container(path, name)
        try:
            _refuse_unreadable(container, name)
            decoder = Decoder(container)
            media = cls(SourceInfo(kind, name, _samples(decoder.length)), decoder)
            media._begin()
        except BaseException:
            container.close()
            raise
        return media

    @property
    def info(self) -> SourceInfo:
        """What the file is called, and how long it is as far as it tells."""
        return self._info

    def chunks(self) -> Iterator[bytes]:
        """PCM16 little-endian mono at 16 000 Hz: `CHUNK_SAMPLES` samples each, fewer in the last.

        Raises `SourceError` behind the last good sample where the file breaks off, has lost more
        than half a second to damage, or goes on for more than `LONGEST` seconds.
        """
        yield from _chunked(self._pcm())
        if fault := self._fault or self._loss():
            raise SourceError(fault)

    def close(self) -> None:
        """Let go of the file."""
        self._decoder.close()

    def _begin(self) -> None:
        """Decode the first block, so that a file without sound is refused when it is opened."""
        first = next(self._blocks, None)
        if first is None:
            raise SourceError(
                f"{self._info.name} has no sound that can be decoded, it seems cut off or damaged:"
                " try a whole copy"
            )
        if fault := self._unfit(first[0]):
            raise SourceError(fault)
        self._blocks = chain([first], self._blocks)

    def _pcm(self) -> Iterator[bytes]:
        resampler = Resampler()
        for block in self._blocks:
            self._fault = self._unfit(block[0]) or self._too_long()
            if self._fault:
                break
            sound = mono(block)
            for start in range(0, len(sound), _PIECE):
                pcm = resampler.feed(sound[start : start + _PIECE], block[0].rate)
                self._heard += len(pcm) // 2
                yield pcm
        yield resampler.flush()

    def _unfit(self, frame: AudioFrame) -> str:
        """Why a frame is no sound for captions; empty where it is."""
        channels = frame.layout.nb_channels
        if not 1 <= channels <= _MOST_CHANNELS:
            return (
                f"{self._info.name} has {channels} channels, and captty mixes up to"
                f" {_MOST_CHANNELS}: make a copy with fewer"
            )
        if frame.rate not in _RATES:
            return (
                f"{self._info.name} claims {frame.rate} samples a second, which no sound for ears"
                " has: convert it to 16 000"
            )
        return ""

    def _too_long(self) -> str:
        if self._heard < LONGEST * SAMPLE_RATE:
            return ""
        return (
            f"{self._info.name} is longer than {LONGEST // 3600} hours, where captty stops:"
            " cut it into parts"
        )

    def _loss(self) -> str:
        """What is to be said of a file that should have held more; empty where nothing is."""
        decoder, name = self._decoder, self._info.name
        if decoder.closed:
            return ""
        if decoder.fault or decoder.shortfall > _TOLERATED:
            return f"{name} breaks off at {self._reached()}: get the whole file to hear the rest"
        if decoder.lost > _TOLERATED:
            return (
                f"{name} is damaged, {decoder.lost:.1f} s inside it cannot be decoded and were left"
                " silent: try another copy"
            )
        return ""

    def _reached(self) -> str:
        """How far into the file the sound went."""
        reached, length, why = _clock(self._heard / SAMPLE_RATE), self._decoder.length, ""
        if self._decoder.fault:
            why = f" ({self._decoder.fault})"
        return f"{reached}{why}" if length is None else f"{reached} of {_clock(length)}{why}"


def _refuse_unreadable(container: InputContainer, name: str) -> None:
    streams = container.streams.audio
    if not streams:
        raise SourceError(f"{name} has no sound in it, only pictures or text: choose another file")
    context = streams[0].codec_context
    if context is None or context.name not in CODECS:
        codec = f" ({clean(context.name)})" if context is not None else ""
        raise SourceError(
            f"{name} holds its sound in a form{codec} that captty does not decode:"
            " convert it to WAV, FLAC or MP3"
        )


def _samples(seconds: float | None) -> int | None:
    """A length at 16 000 Hz; none where a header claims what captty would not listen to."""
    return None if seconds is None or not 0 < seconds <= LONGEST else round(seconds * SAMPLE_RATE)


def _blocks(frames: Iterator[AudioFrame]) -> Iterator[list[AudioFrame]]:
    """Frames that can be mixed together: of one rate, format and number of channels."""
    block: list[AudioFrame] = []
    shape, size = None, 0
    for frame in frames:
        new = (frame.rate, frame.format.name, frame.layout.nb_channels)
        if block and (new != shape or size >= _BLOCK):
            yield block
            block, size = [], 0
        block.append(frame)
        shape, size = new, size + frame.samples
    if block:
        yield block


def _chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, cut into chunks of `CHUNK_SAMPLES` samples and a rest."""
    length = CHUNK_SAMPLES * 2
    held = b""
    for piece in pieces:
        held += piece
        whole = len(held) - len(held) % length
        yield from (held[at : at + length] for at in range(0, whole, length))
        held = held[whole:]
    if held:
        yield held


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
