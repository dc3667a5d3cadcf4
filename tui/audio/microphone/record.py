"""A helper process that records one device: `python -m tui.audio.microphone.record [ID]`.

Its messages are `Opened`, then `Sound`, and `Failed` when there will be no more. Without an id it
records the system's default device, with `DEFAULT_MICROPHONE` in its place no monitor.
"""

import sys
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from tui.audio.microphone import portaudio, pulse
from tui.audio.microphone.child import Parent, leave
from tui.audio.microphone.listing import devices
from tui.audio.microphone.messages import (
    DEFAULT_MICROPHONE,
    Device,
    Ended,
    Failed,
    Message,
    Opened,
    Sound,
)
from tui.audio.source import CHUNK_SAMPLES, SourceError
from tui.captions import SAMPLE_RATE, clean

FIRST_SOUND_SECONDS = 5.0
"""How long a device may take to begin: monitors take up to 3 s."""
SILENT_SECONDS = 1.2
"""After which a device that hands over nothing is taken for dead."""

_LATENCY = 0.3
"""Seconds that the sound system may gather, so that a busy machine loses nothing."""
_LOOK_SECONDS = 0.2
_MOST_BLOCKS = 30 * SAMPLE_RATE // CHUNK_SAMPLES
"""Kept while captty takes nothing, because it is stopped; then the device is let go."""


class Recording:
    """One device, being recorded."""

    def __init__(self, sounddevice: Any, device: Device) -> None:
        """Raises `SourceError` where the device cannot be opened."""
        self._sounddevice = sounddevice
        self._device = device
        self._blocks: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
        self._rate = SAMPLE_RATE
        self._full = False
        self._stream = self._opened()

    def run(self, tell: Callable[[Message], None]) -> str:
        """Hand over the sound until there is no more; returns why."""
        tell(Opened(self._device))
        convert = _Converter(self._rate)
        patience, waited = FIRST_SOUND_SECONDS, 0.0
        while True:
            try:
                taken, block = self._blocks.get(timeout=_LOOK_SECONDS)
            except Empty:
                waited += _LOOK_SECONDS  # by no clock: this process may have been stopped itself
                if end := self._end(waited >= patience):
                    return end
                continue
            patience, waited = SILENT_SECONDS, 0.0
            for pcm in convert.feed(block):
                tell(Sound(taken, pcm))

    def _opened(self) -> Any:
        way = self._device.id
        if way.startswith(pulse.PREFIX):
            pulse.select(self._device)
            way = portaudio.PULSE
        index = portaudio.index(self._sounddevice, way)
        if index is None:
            raise SourceError(f"{self._device.name} is not there any more: choose another device")
        return self._open(index)

    def _open(self, index: int) -> Any:
        """The stream at 16 000 Hz, else at the rate that the device likes."""
        try:
            return self._stream_at(index, SAMPLE_RATE)
        except self._sounddevice.PortAudioError:
            self._rate = int(self._sounddevice.query_devices(index)["default_samplerate"])
        try:
            return self._stream_at(index, self._rate)
        except self._sounddevice.PortAudioError as error:
            raise SourceError(_why_not(self._device, error)) from error

    def _stream_at(self, index: int, rate: int) -> Any:
        stream = self._sounddevice.RawInputStream(
            samplerate=rate,
            blocksize=CHUNK_SAMPLES * rate // SAMPLE_RATE,
            device=index,
            channels=1,
            dtype="int16",
            latency=_LATENCY,
            callback=self._take,
        )
        stream.start()
        return stream

    def _take(self, block: Any, _frames: int, _time: object, _status: object) -> None:
        if self._blocks.qsize() > _MOST_BLOCKS:
            self._full = True
            raise self._sounddevice.CallbackStop
        self._blocks.put((time.monotonic(), bytes(block)))

    def _end(self, silent: bool) -> str:
        """Why there will be no more sound; empty while there may be."""
        if self._full:
            return "was let go of while captty was stopped"
        if not self._stream.active:
            return "is gone, unplugged or switched off"
        return "hands over no sound, it or the sound system is stuck" if silent else ""


class _Converter:
    """Blocks of any rate made into whole chunks at 16 000 Hz."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._resampler: Any = None
        self._held = b""

    def feed(self, block: bytes) -> list[bytes]:
        """The chunks that are whole now."""
        self._held += block if self._rate == SAMPLE_RATE else self._resampled(block)
        size = CHUNK_SAMPLES * 2
        whole = len(self._held) - len(self._held) % size
        chunks = [self._held[at : at + size] for at in range(0, whole, size)]
        self._held = self._held[whole:]
        return chunks

    def _resampled(self, block: bytes) -> bytes:
        import numpy as np

        from tui.audio.resample import Resampler

        if self._resampler is None:
            self._resampler = Resampler()
        mono = np.frombuffer(block, np.int16).astype(np.float32) / 32_768
        pcm: bytes = self._resampler.feed(mono, self._rate)
        return pcm


def choose(found: list[Device], wanted: str) -> Device:
    """The device with an id, or the default one. Raises `SourceError` where there is none."""
    if wanted == DEFAULT_MICROPHONE:
        found, wanted = [device for device in found if not device.monitor], ""
    for device in found:
        if not wanted or portaudio.same_device(device.id, wanted):
            return device
    if wanted:
        raise SourceError("the device is not there any more: plug it in or choose another one")
    raise SourceError(_none())


def _none() -> str:
    if portaudio.forbidden():
        return (
            "captty may not open the sound devices of this machine:"
            " add yourself to the group audio and log in again"
        )
    return portaudio.NO_DEVICE


def _why_not(device: Device, error: Exception) -> str:
    if "unavailable" in str(error).lower():
        return f"{device.name} is in use by another program: close that or choose another device"
    hint = "try another device"
    if sys.platform == "darwin":
        hint = "allow it in System Settings, Privacy & Security, Microphone, or " + hint
    return f"{device.name} cannot be opened ({clean(str(error), 200)}): {hint}"


def main() -> None:
    """Record the device whose id is the argument."""
    parent = Parent()
    try:
        sounddevice = portaudio.load()
        device = choose(devices(sounddevice), "".join(sys.argv[1:]))
        parent.tell(Ended(Recording(sounddevice, device).run(parent.tell)))
    except SourceError as error:
        parent.tell(Failed(str(error)))
    leave()


if __name__ == "__main__":
    main()
