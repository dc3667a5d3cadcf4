"""The frames of a container's first audio stream, and an account of what was lost of them."""

from collections.abc import Iterator
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
_FLAC_SYNCS = (b"\xff\xf8", b"\xff\xf9")


class Decoder:
    """Decodes packet by packet. One thread reads; any thread may close.

    Where sound is missing between two frames, silence takes its place, so that what comes behind
    keeps its time.
    """

    def __init__(self, container: InputContainer) -> None:
        self._container = container
        self._stream: AudioStream = container.streams.audio[0]
        self._context = self._stream.codec_context
        self._context.options = {"max_samples": str(_LARGEST_FRAME)}
        self._format = container.format.name
        self._extent = Extent(container, self._stream)
        self._timeline = Timeline(float(self._stream.time_base or 0))
        self._leave_out_other_streams()
        self._packets = container.demux()
        self._lock = Lock()
        self._damaged_until = 0.0
        self.lost = 0.0
        """Seconds of sound that were damaged and gave way to silence."""
        self.closed = False
        """Whether `close` was called: then nothing is known about the rest."""
        self.fault = ""
        """Why the file could not be read to its end, in FFmpeg's words; empty where it could."""

    @property
    def length(self) -> float | None:
        """Seconds of sound as far as the file tells beforehand."""
        return self._extent.length

    @property
    def shortfall(self) -> float:
        """Seconds of sound that should have come behind the last that could be decoded."""
        damaged = self._damaged_until - (self._timeline.position or 0.0)
        return max(self._extent.shortfall, damaged, 0.0)

    def frames(self) -> Iterator[AudioFrame]:
        """Every frame that can be decoded, until the end, the first unreadable byte or `close`."""
        while (decoded := self._step()) is not None:
            for frame in decoded:
                if hole := self._hole_before(frame):
                    yield from _silence(hole)
                yield frame

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
