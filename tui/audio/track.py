"""The sound of a media container, decoded while it is read."""

from collections.abc import Iterator
from itertools import chain

from av import AudioFrame
from av.container import InputContainer

from tui.audio.container import CODECS, index_behind
from tui.audio.decoder import Decoder
from tui.audio.downmix import mono
from tui.audio.position import clock
from tui.audio.resample import Resampler
from tui.audio.source import CHUNK_SAMPLES, Missed, SourceError
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


class Track:
    """The first audio stream of a container. One thread reads; any thread may close."""

    def __init__(
        self, container: InputContainer, name: str, start: float = 0.0, *, live: bool = False
    ) -> None:
        """Find the sound at `start` seconds; errors call the container `name`, which is clean.

        What is live is handed on at once, frame by frame, and may go on for ever. Takes the
        container over. Raises `SourceError` where there is no sound to have.
        """
        self._container = container
        self._name = name
        self._start = start
        self._live = live
        self._heard = 0
        self._fault = ""
        try:
            _refuse_unreadable(container, name)
            self._decoder = Decoder(container, live=live)
            if start:
                self._decoder.skip(start)
            self._blocks = _blocks(self._decoder.frames(), 1 if live else _BLOCK)
            self._begin()
        except BaseException:
            container.close()
            raise

    @property
    def samples(self) -> int | None:
        """The length from the start on at 16 000 Hz, as far as the container tells beforehand.

        None where a header claims what captty would not listen to.
        """
        seconds = self._decoder.length
        if seconds is None or not 0 < seconds - self._start <= LONGEST:
            return None
        return round((seconds - self._start) * SAMPLE_RATE)

    def chunks(self) -> Iterator[bytes | Missed]:
        """PCM16 little-endian mono at 16 000 Hz: `CHUNK_SAMPLES` samples each, fewer in the last.

        What is live tells of holes, before which there are fewer, too. Raises `SourceError` behind
        the last good sample where the sound breaks off, a file has lost more than half a second to
        damage, or goes on for more than `LONGEST` seconds.
        """
        yield from _chunked(self._pcm())
        if fault := self._fault or self._loss():
            raise SourceError(fault)

    def close(self) -> None:
        """Let go of the container. Waits for a read that is under way."""
        self._decoder.close()

    def _begin(self) -> None:
        """Decode the first block, so that a file without sound is refused when it is opened."""
        first = next(self._blocks, None)
        if fault := self._nothing() if first is None else self._unfit(first[0]):
            raise SourceError(fault)
        self._blocks = chain([first] if first else [], self._blocks)

    def _nothing(self) -> str:
        """Why there is no first block."""
        length = self._decoder.length or self._decoder.reached
        if self._start and length:
            return (
                f"{self._name} is {clock(length)} long and has no sound at {clock(self._start)}:"
                " choose an earlier start"
            )
        if self._live and "mp4" in self._container.format.name:
            return index_behind(self._name)
        return (
            f"{self._name} has no sound that can be decoded, it seems cut off or damaged:"
            " try a whole copy"
        )

    def _pcm(self) -> Iterator[bytes | Missed]:
        resampler, surplus = Resampler(), self._decoder.surplus
        for block in self._blocks:
            self._fault = self._unfit(block[0]) or self._too_long()
            if self._fault:
                break
            if hole := round(self._decoder.take_hole() * SAMPLE_RATE):
                yield Missed(hole, f"{self._name} was damaged")
            sound = mono(block)[surplus:]
            surplus = 0
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
                f"{self._name} has {channels} channels, and captty mixes up to"
                f" {_MOST_CHANNELS}: make a copy with fewer"
            )
        if frame.rate not in _RATES:
            return (
                f"{self._name} claims {frame.rate} samples a second, which no sound for ears"
                " has: convert it to 16 000"
            )
        return ""

    def _too_long(self) -> str:
        if self._live or self._heard < LONGEST * SAMPLE_RATE:
            return ""
        return (
            f"{self._name} is longer than {LONGEST // 3600} hours, where captty stops:"
            " cut it into parts"
        )

    def _loss(self) -> str:
        """What is to be said of a file that should have held more; empty where nothing is."""
        decoder, name = self._decoder, self._name
        if decoder.closed:
            return ""
        if decoder.fault or decoder.shortfall > _TOLERATED:
            return f"{name} breaks off at {self._reached()}: get the whole file to hear the rest"
        if decoder.lost > _TOLERATED and not self._live:
            return (
                f"{name} is damaged, {decoder.lost:.1f} s inside it cannot be decoded and were left"
                " silent: try another copy"
            )
        return ""

    def _reached(self) -> str:
        """How far into the file the sound went."""
        reached, length = clock(self._start + self._heard / SAMPLE_RATE), self._decoder.length
        why = f" ({self._decoder.fault})" if self._decoder.fault else ""
        return f"{reached}{why}" if length is None else f"{reached} of {clock(length)}{why}"


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


def _blocks(frames: Iterator[AudioFrame], least: int) -> Iterator[list[AudioFrame]]:
    """Frames that can be mixed together, of one rate, format and number of channels.

    Each block has `least` samples of a channel or more, fewer before a change and in the last.
    """
    block: list[AudioFrame] = []
    shape, size = None, 0
    for frame in frames:
        new = (frame.rate, frame.format.name, frame.layout.nb_channels)
        if block and new != shape:
            yield block
            block, size = [], 0
        block.append(frame)
        shape, size = new, size + frame.samples
        if size >= least:
            yield block
            block, size = [], 0
    if block:
        yield block


def _chunked(pieces: Iterator[bytes | Missed]) -> Iterator[bytes | Missed]:
    """The same bytes, cut into chunks of `CHUNK_SAMPLES` samples and a rest."""
    length = CHUNK_SAMPLES * 2
    held = b""
    for piece in pieces:
        if isinstance(piece, Missed):
            yield from filter(None, (held, piece))
            held = b""
            continue
        held += piece
        whole = len(held) - len(held) % length
        yield from (held[at : at + length] for at in range(0, whole, length))
        held = held[whole:]
    if held:
        yield held
