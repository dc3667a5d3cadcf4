"""The frames of a container's first audio stream, and an account of what was lost of them."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from threading import Lock

import av
import numpy as np
from av import AudioFrame, Packet
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard, Stream

from tui.audio.extent import Extent, packet_end
from tui.audio.timeline import Timeline
from tui.captions import SAMPLE_RATE

_UNBROKEN = {"flac", "ogg"}
"""Formats without pauses: a hole in one is damage, which FFmpeg passes over without a word."""
_STAMPED = _UNBROKEN | {"asf", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "mpeg", "mpegts"}
"""Formats in which time stamps are written; in others FFmpeg counts, or believes a header."""
_LONGEST_SILENCE = 60.0
"""Seconds; a longer hole is a pause or a jump of the clock that nobody wants to wait through."""
_ATTEMPTS = 1_000
"""How often to go on behind bytes that make no sense; FFmpeg skips up to 64 kB each time."""
_LARGEST_FRAME = 2**22
"""Samples of all channels in one frame; FLAC's are 2**19 at most."""
_LARGEST_PACKET = 2**16
"""Bytes of one packet of a lossy codec; the largest real ones are a tenth of that."""
_SIZEABLE = ("pcm_", "adpcm_", "alac", "wavpack")
"""Codecs whose packets may be large, since they decode to little more than they are."""
_INDEXED = {"flac", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "mpegts", "ogg"}
"""Formats in which a place is found by its time stamp, to the sample; in others FFmpeg guesses."""
_RUN_UP = 1.0
"""Seconds that are decoded before a place, until a decoder thrown into mid-stream is right."""
_FLAC_SYNCS = (b"\xff\xf8", b"\xff\xf9")


class Decoder:
    """Decodes packet by packet. One thread reads; any thread may close.

    Where sound is missing between two frames, silence takes its place, so that what comes behind
    keeps its time; of what is live, `take_hole` tells instead.
    """

    def __init__(self, container: InputContainer, *, live: bool = False) -> None:
        self._live = live
        self._missing = 0.0
        self._container = container
        self._stream: AudioStream = container.streams.audio[0]
        self._context = self._stream.codec_context
        self._context.options = {"max_samples": str(_LARGEST_FRAME)}
        self._format = container.format.name
        self._extent = Extent(container, self._stream)
        self._tick = float(self._stream.time_base or 0)
        self._leave_out_other_streams()
        self._packets = container.demux()
        self._timeline = Timeline(self._tick)
        self._frames: Iterator[AudioFrame] = self._decode()
        self._lock = Lock()
        self._damaged_until = 0.0
        self.lost = 0.0
        """Seconds of sound that were damaged and gave way to silence."""
        self.surplus = 0
        """Samples of the first frame behind `skip` that come before the place."""
        self.closed = False
        """Whether `close` was called: then nothing is known about the rest."""
        self.fault = ""
        """Why the file could not be read to its end, in FFmpeg's words; empty where it could."""

    @property
    def length(self) -> float | None:
        """Seconds of sound as far as the file tells beforehand."""
        return self._extent.length

    @property
    def reached(self) -> float:
        """The time stamp behind the last frame in seconds."""
        return self._timeline.position or 0.0

    @property
    def shortfall(self) -> float:
        """Seconds of sound that should have come behind the last that could be decoded."""
        damaged = self._damaged_until - (self._timeline.position or 0.0)
        return max(self._extent.shortfall, damaged, 0.0)

    def skip(self, seconds: float) -> None:
        """Let `frames` begin so many seconds behind the first sample; the last call counts.

        Where the format has no index, all that comes before is decoded.
        """
        first = next(self._frames, None)
        if first is None:
            return
        self._frames = chain([first], self._frames)
        if self._indexed and first.pts is not None:
            seconds = self._seek(first.pts * self._tick, seconds)
        self._drop(seconds)
        self.lost = 0.0

    def frames(self) -> Iterator[AudioFrame]:
        """Every frame that can be decoded, until the end, the first unreadable byte or `close`."""
        return self._frames

    def take_hole(self) -> float:
        """Seconds that are missing before the last frame of what is live; told once."""
        missing, self._missing = self._missing, 0.0
        return missing

    def _decode(self) -> Iterator[AudioFrame]:
        while (decoded := self._step()) is not None:
            for frame in decoded:
                hole = self._hole_before(frame)
                if self._live:
                    self._missing += hole
                elif hole:
                    yield from _silence(hole)
                yield frame

    @property
    def _indexed(self) -> bool:
        return self._format in _INDEXED or self._context.name.startswith("pcm_")

    def _seek(self, origin: float, seconds: float) -> float:
        """Go near a place; `origin` is the time stamp of the first sample.

        Returns the seconds from there to the place; where it cannot be found, all of them.
        """
        for target in (max(seconds - _RUN_UP, 0.0), 0.0):
            with self._lock, suppress(av.FFmpegError):
                if not self.closed:
                    self._container.seek(round((origin + target) * av.time_base))
                    self._start_over()
            found = next(self._frames, None)
            if found is not None:
                self._frames = chain([found], self._frames)
            if found is not None and found.pts is not None:
                left = origin + seconds - found.pts * self._tick
                if 0 <= left <= seconds + _RUN_UP:
                    return left
        return seconds

    def _start_over(self) -> None:
        """Take the packets from where the container stands now."""
        self._packets = self._container.demux()
        self._timeline = Timeline(self._tick)
        self._damaged_until = 0.0
        self._frames = self._decode()

    def _drop(self, seconds: float) -> None:
        """Leave out the next seconds of sound."""
        for frame in self._frames:
            left = round(seconds * frame.rate)
            if left < frame.samples:
                self.surplus = left
                self._frames = chain([frame], self._frames)
                return
            seconds -= frame.samples / max(frame.rate, 1)

    def close(self) -> None:
        """Let go of the file. Waits for the packet in hand: FFmpeg must not lose it underneath."""
        with self._lock:
            self.closed = True
            self._container.close()

    def _leave_out_other_streams(self) -> None:
        """Spare reading the pictures, unless only they show how far the file really goes."""
        if self._stream.duration is not None:
            for stream in self._container.streams:
                if stream is not self._stream:
                    stream.discard = Discard.all

    def _step(self) -> list[AudioFrame] | None:
        """The frames of the next packet, or `None` behind the last one."""
        with self._lock:
            packet = None if self.closed else self._next_packet()
            if packet is None:
                return None
            self._extent.note(packet)
            return self._decoded(packet) if packet.stream is self._stream else []

    def _next_packet(self) -> "Packet[Stream] | None":
        for _ in range(_ATTEMPTS):
            try:
                packet = next(self._packets, None)
            except av.FFmpegError as error:
                self.fault = error.strerror or type(error).__name__
                if not isinstance(error, av.error.InvalidDataError):
                    return None
                self._damaged_until = max(self._damaged_until, self._timeline.position or 0.0)
                self._packets = self._container.demux()
            except IndexError:
                # behind the last packet, PyAV trips over streams that turned up in mid-file
                return None
            else:
                if packet is not None and packet.size:
                    self.fault = ""
                return packet
        return None

    def _decoded(self, packet: "Packet[Stream]") -> list[AudioFrame]:
        try:
            if not self._overfull(packet):
                return [frame for frame in self._context.decode(packet) if frame.samples]
        except av.FFmpegError:
            pass
        self._damaged_until = packet_end(packet) or self._damaged_until
        return []

    def _overfull(self, packet: "Packet[Stream]") -> bool:
        """Whether a packet holds many frames: PyAV would decode all before it hands over one."""
        if self._context.name != "flac":
            return packet.size > _LARGEST_PACKET and not self._context.name.startswith(_SIZEABLE)
        if self._format == "flac":
            return False
        data = bytes(packet)
        return sum(map(data.count, _FLAC_SYNCS)) > 8 + packet.size // 2**14

    def _hole_before(self, frame: AudioFrame) -> float:
        """Seconds of silence that belong in front of a frame; counts those that were sound."""
        position = self._timeline.position or 0.0
        hole = self._timeline.follow(frame)
        if not hole or self._format not in _STAMPED:
            return 0.0
        if self._format in _UNBROKEN or self._damaged_until >= position:
            self.lost += hole
        return hole if hole <= _LONGEST_SILENCE else 0.0


def _silence(seconds: float) -> Iterator[AudioFrame]:
    """Frames without sound, a second at a time."""
    left = round(seconds * SAMPLE_RATE)
    while left > 0:
        zeros = np.zeros((1, min(left, SAMPLE_RATE)), dtype=np.int16)
        frame = AudioFrame.from_ndarray(zeros, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        left -= frame.samples
        yield frame
