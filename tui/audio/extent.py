"""How far a file's sound goes: by its header, and by the packets that are really there."""

from fractions import Fraction

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream

_COUNTED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flac", "wv"}
"""Formats whose header tells how long the whole is, so that a cut file can be told from a short
one. Tools cut WAV and MP3 files without a new header, and every player takes them as they are."""
_GUESSED = {"aac"}
"""Formats that tell nothing; FFmpeg guesses from the first frames and is often wrong."""


class Extent:
    """What a container promises of one audio stream, against the packets read so far."""

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        start, length = container.start_time, container.duration
        base: Fraction | None = Fraction(1, av.time_base)
        if stream.duration is not None:
            start, length, base = stream.start_time or 0, stream.duration, stream.time_base
        name = container.format.name
        self.length = None if name in _GUESSED else _seconds(length, base)
        """Seconds of sound as far as the file tells, or `None`."""
        counted = name in _COUNTED and length is not None
        self._end = _seconds((start or 0) + (length or 0), base) if counted else None
        self._last: dict[int, Packet[Stream]] = {}

    def note(self, packet: "Packet[Stream]") -> None:
        """Take a packet of any stream of the file into account."""
        if packet.size:
            self._last[packet.stream_index] = packet

    @property
    def shortfall(self) -> float:
        """Seconds between the last packet's end and the end that the header promises."""
        ends = [end for packet in self._last.values() if (end := packet_end(packet)) is not None]
        return max(self._end - max(ends), 0.0) if ends and self._end is not None else 0.0


def packet_end(packet: "Packet[Stream]") -> float | None:
    """The time stamp behind a packet in seconds, where it has one."""
    stamp = packet.dts if packet.pts is None else packet.pts
    return None if stamp is None else _seconds(stamp + (packet.duration or 0), packet.time_base)


def _seconds(ticks: int | None, base: Fraction | None) -> float | None:
    return None if ticks is None or not base else float(ticks * base)
