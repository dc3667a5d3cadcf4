"""PCM without a header, as a person describes it."""

import re
from dataclasses import dataclass

FORM = "s16le:16000:1"
"""An example: sample format, samples a second, channels."""

_RATES = range(1_000, 384_001)
_CHANNELS = range(1, 9)
_FORMATS = ("u8", "s16le", "s16be", "s24le", "s32le", "f32le", "f64le")
"""FFmpeg's names, under which it has a demuxer for each."""
_TEXT = re.compile(r"([a-z]\w*):(\d{1,7}):(\d{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class RawFormat:
    """What headerless PCM is made of."""

    encoding: str
    """FFmpeg's name of the sample format, such as `s16le`."""
    rate: int
    """Samples a second, 1 000 to 384 000."""
    channels: int
    """1 to 8, interleaved; of several, none is taken to be a centre or a subwoofer."""

    @classmethod
    def parse(cls, text: str) -> "RawFormat":
        """Read `s16le:16000:1`; little-endian where none is named. Raises `ValueError`."""
        found = _TEXT.fullmatch(text.strip().lower())
        if not found:
            raise ValueError(f"{text!r} describes no PCM: write it like {FORM}")
        name, rate, channels = found[1], int(found[2]), int(found[3])
        encoding = name if name in _FORMATS else f"{name}le"
        if encoding not in _FORMATS:
            raise ValueError(f"{name} is none of the sample formats {', '.join(_FORMATS)}")
        if rate not in _RATES:
            raise ValueError(f"{rate} samples a second is not between 1000 and 384000")
        if channels not in _CHANNELS:
            raise ValueError(f"captty takes 1 to 8 channels, not {channels}")
        return cls(encoding, rate, channels)

    @property
    def options(self) -> dict[str, str]:
        """Options of FFmpeg's demuxer."""
        layout = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels}C")
        return {"sample_rate": str(self.rate), "ch_layout": layout}
