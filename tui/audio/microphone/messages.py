"""What the helper processes tell captty: length-prefixed msgpack over their standard output."""

import struct
from collections.abc import Iterator

import msgspec

DEFAULT_MICROPHONE = "microphone"
"""In place of an id: the default device, but never a monitor."""

_LENGTH = struct.Struct("<I")


class Device(msgspec.Struct, tag=True, frozen=True):
    """Something that sound can be recorded from."""

    name: str
    """Clean text, as the system shows it to people."""
    host_api: str
    """The sound system that offers it, such as `PulseAudio`, `ALSA` or `Core Audio`; clean."""
    default: bool
    """Whether the system takes it where nothing else is chosen."""
    monitor: bool
    """Whether it is what the computer plays, and no microphone."""
    id: str
    """Finds the device again after it was unplugged; as the system gives it, not clean."""


class Found(msgspec.Struct, tag=True, frozen=True):
    """All the devices there are now."""

    devices: tuple[Device, ...]


class Opened(msgspec.Struct, tag=True, frozen=True):
    """The device is being recorded."""

    device: Device


class Sound(msgspec.Struct, tag=True, frozen=True):
    """Recorded sound."""

    taken: float
    """When the device handed it over, in seconds of `time.monotonic`, which processes share."""
    pcm: bytes
    """PCM16 mono at 16 000 Hz."""


class Failed(msgspec.Struct, tag=True, frozen=True):
    """The helper can do no more, and ends."""

    sentence: str
    """Clean: what and why, and what to try."""


class Ended(msgspec.Struct, tag=True, frozen=True):
    """There is no more sound from a device that was being recorded, and the helper ends."""

    why: str
    """Clean, to be said behind the device's name."""


class Standing(msgspec.Struct, tag=True, frozen=True):
    """Which devices there are from now on, and what is made of them."""

    devices: tuple[Device, ...]
    recorded: str
    """The id of the one that the recorder's sound comes from: sound servers move streams about.
    Empty where that cannot be known."""


Message = Found | Opened | Sound | Failed | Ended | Standing

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)


def packed(message: Message) -> bytes:
    """A message as it travels, with its length in front."""
    payload = _encoder.encode(message)
    return _LENGTH.pack(len(payload)) + payload


class Unpacker:
    """Messages out of pieces of any size."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, piece: bytes) -> Iterator[Message]:
        """The messages that are whole now. Raises `msgspec.MsgspecError` where one is none."""
        self._held += piece
        while len(self._held) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._held)[0]
            if len(self._held) < end:
                return
            payload = bytes(self._held[_LENGTH.size : end])
            del self._held[:end]
            yield _decoder.decode(payload)
