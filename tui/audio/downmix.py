"""Many channels made into one without losing a voice."""

from collections.abc import Sequence

import numpy as np
from av import AudioFrame, AudioLayout
from numpy.typing import NDArray

from tui.audio.resample import Mono

_FORMATS: dict[str, tuple[str, float]] = {
    "u8": ("u1", 2**7),
    "s16": ("i2", 2**15),
    "s32": ("i4", 2**31),
    "s64": ("i8", 2**63),
    "flt": ("f4", 1),
    "dbl": ("f8", 1),
}
"""FFmpeg's sample formats, without the `p` of planar ones: numpy's type and full scale."""

_WEIGHTS = {"FC": 1.0, "FL": 0.7071, "FR": 0.7071, "LFE": 0.0, "LFE2": 0.0}
"""ITU-R BS.775, table 2, format 1/0: speech sits in the centre, the subwoofer has none."""
_SURROUND = 0.5

_CANCELLED = 0.05
"""Power of a mix over that of its channels, below which they are taken to cancel each other out:
13 dB less than channels that have nothing in common."""


def mono(frames: Sequence[AudioFrame]) -> Mono:
    """Frames of one format and layout as a single channel.

    The mean of the channels, weighted by where they stand, so that it never clips. Where they
    cancel each other out (one of two microphones wired the wrong way round), the loudest of them
    is taken alone.
    """
    with np.errstate(all="ignore"):
        channels = _channels(frames)
        if len(channels) == 1:
            return channels[0]
        return _mixed(channels, _weights(frames[0].layout))


def _mixed(channels: list[Mono], weights: list[float]) -> Mono:
    mix = channels[0] * np.float32(weights[0])
    for channel, weight in zip(channels[1:], weights[1:], strict=True):
        mix += channel * np.float32(weight)
    powers = [
        weight**2 * _power(channel) for channel, weight in zip(channels, weights, strict=True)
    ]
    if _power(mix) < _CANCELLED * sum(powers):
        return channels[powers.index(max(powers))]
    return mix


def _weights(layout: AudioLayout) -> list[float]:
    weights = [_WEIGHTS.get(channel.name, _SURROUND) for channel in layout.channels]
    total = sum(weights) or 1.0
    return [weight / total for weight in weights]


def _channels(frames: Sequence[AudioFrame]) -> list[Mono]:
    form, count = frames[0].format, frames[0].layout.nb_channels
    kind, full_scale = _FORMATS[form.name.removesuffix("p")]
    if form.is_planar:
        raw = [_plane(frames, number, kind, 1) for number in range(count)]
    else:
        raw = list(_plane(frames, 0, kind, count).reshape(-1, count).T)
    return [_scaled(channel, full_scale) for channel in raw]


def _plane(frames: Sequence[AudioFrame], number: int, kind: str, width: int) -> NDArray[np.number]:
    # PyAV's own to_ndarray reads beyond the planes of an eight-channel frame
    return np.concatenate(
        [
            np.frombuffer(memoryview(frame.planes[number]), kind, frame.samples * width)
            for frame in frames
        ]
    )


def _scaled(channel: NDArray[np.number], full_scale: float) -> Mono:
    scaled = channel.astype(np.float32, copy=False)
    if full_scale != 1:
        scaled = scaled * np.float32(1 / full_scale)
    if channel.dtype.kind == "u":
        scaled -= 1
    elif channel.dtype.kind == "f" and not np.isfinite(_power(scaled)):
        # one NaN would silence the resampler's filter for good
        scaled = np.clip(np.nan_to_num(scaled, nan=0, posinf=1, neginf=-1), -1, 1)
    return scaled


def _power(channel: Mono) -> float:
    return float(np.dot(channel, channel))
