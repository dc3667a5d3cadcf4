"""Sounds and the files that hold them, honest and hostile ones."""

import struct
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
"""Channels by samples; full scale is -1 to 1."""


def tone(seconds: float, rate: int = 16_000, hertz: float = 440, amplitude: float = 0.5) -> Sound:
    """One channel with a sine."""
    times = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hertz * times))[np.newaxis].astype(np.float32)


def pcm16(sound: Sound) -> bytes:
    """Interleaved PCM16."""
    return np.clip(np.rint(sound.T * 32_768), -32_768, 32_767).astype("<i2").tobytes()


def encode(path: Path, sound: Sound, codec: str, rate: int = 16_000, layout: str = "mono") -> Path:
    """The sound in the container that the name calls for."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = 96_000
        stream.codec_context.options = {"strict": "experimental"}  # for the Vorbis encoder
        for start in range(0, sound.shape[1], 4_096):
            block = sound[:, start : start + 4_096]
            samples = np.frombuffer(pcm16(block), "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def wav(
    path: Path,
    data: bytes,
    *,
    form: int = 1,
    channels: int = 1,
    rate: int = 16_000,
    bits: int = 16,
    claimed: int | None = None,
) -> Path:
    """A WAV file with any header over any data; `claimed` bytes are what the header says."""
    width = (channels * bits // 8) & 0xFFFF
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 0xFFFFFFFF if claimed else len(data) + 36, b"WAVE", b"fmt ", 16, form),
        *(channels, rate, (rate * width) & 0xFFFFFFFF, width, bits, b"data"),
        len(data) if claimed is None else claimed,
    )
    path.write_bytes(head + data)
    return path


def silent_flac(path: Path, samples: int, rate: int, channels: int) -> Path:
    """Silence as the smallest FLAC there is: some 20 bytes for 65 535 samples."""
    block = 65_535
    format_bits = rate << 44 | (channels - 1) << 41 | 15 << 36 | samples
    info = struct.pack(">HH6x8s16x", block, block, format_bits.to_bytes(8, "big"))
    frames = (flac_frame(number, channels) for number in range(samples // block))
    path.write_bytes(b"fLaC\x80\0\0\x22" + info + b"".join(frames))
    return path


def flac_frame(number: int, channels: int) -> bytes:
    """A FLAC frame of 65 535 silent samples of 16 bits."""
    head = struct.pack(">HBB", 0xFFF8, 0x70, (channels - 1) << 4 | 0x08)
    head += chr(number).encode("utf-8", "surrogatepass") + b"\xff\xfe"
    frame = head + bytes([_crc(head, 8, 0x07)]) + bytes(3 * channels)
    return frame + _crc(frame, 16, 0x8005).to_bytes(2, "big")


def _crc(data: bytes, width: int, polynomial: int) -> int:
    value, top, mask = 0, 1 << (width - 1), (1 << width) - 1
    for byte in data:
        value ^= byte << (width - 8)
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value & top else 0)) & mask
    return value
