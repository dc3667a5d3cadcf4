"""Devices that this machine does not have: they refuse a rate, are busy, or are plugged in late."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.unit.audio.sounds import pcm16, tone
from tui.audio.level import measure
from tui.audio.microphone import portaudio, watch
from tui.audio.microphone.messages import Device, Message, Opened, Sound, Standing
from tui.audio.microphone.record import Recording, choose
from tui.audio.source import CHUNK_SAMPLES, SourceError
from tui.captions import SAMPLE_RATE

USB = Device("USB (hw:1,0)", "ALSA", True, False, "ALSA:USB (hw:1,0)")


class PortAudio:
    """A stand-in for the module `sounddevice`: one device, which plays what it is given."""

    class PortAudioError(Exception):
        pass

    class CallbackStop(Exception):
        pass

    class default:
        device = (0, -1)

    def __init__(self, sound: bytes = b"", rate: int = SAMPLE_RATE, refusal: str = "") -> None:
        self._sound, self._rate, self._refusal = sound, rate, refusal
        self.active = True
        self.devices = [USB]

    def query_devices(self, index: int | None = None) -> Any:
        infos = [
            {
                "name": device.name,
                "hostapi": 0,
                "max_input_channels": 2,
                "default_samplerate": float(self._rate),
            }
            for device in self.devices
        ]
        return infos if index is None else infos[index]

    def query_hostapis(self, _index: int) -> dict[str, str]:
        return {"name": "ALSA"}

    def RawInputStream(
        self, *, samplerate: int, blocksize: int, callback: Callable[..., None], **_: object
    ) -> "PortAudio":
        if self._refusal or samplerate != self._rate:
            raise self.PortAudioError(self._refusal or "Invalid sample rate [PaErrorCode -9997]")
        self._blocksize, self._callback = blocksize, callback
        return self

    def start(self) -> None:
        size = 2 * self._blocksize
        for at in range(0, len(self._sound), size):
            try:
                self._callback(self._sound[at : at + size], self._blocksize, None, None)
            except self.CallbackStop:
                break
        self.active = False


def recorded(sounddevice: PortAudio) -> tuple[list[Message], str]:
    messages: list[Message] = []
    why = Recording(sounddevice, USB).run(messages.append)
    return messages, why


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_device_of_any_rate_gives_the_same_sound_in_whole_chunks(rate: int) -> None:
    messages, why = recorded(PortAudio(pcm16(tone(3, rate)), rate))

    assert messages[0] == Opened(USB)
    chunks = [message.pcm for message in messages if isinstance(message, Sound)]
    assert {len(chunk) for chunk in chunks} == {2 * CHUNK_SAMPLES}
    assert len(b"".join(chunks)) / 2 / SAMPLE_RATE == pytest.approx(3, abs=0.1)
    middle = b"".join(chunks)[SAMPLE_RATE : 3 * SAMPLE_RATE]
    assert measure(middle).rms_dbfs == pytest.approx(-9.03, abs=0.1)
    assert np.abs(np.fft.rfft(np.frombuffer(middle, "<i2"))).argmax() == 440
    assert why == "is gone, unplugged or switched off"


def test_a_device_is_let_go_when_captty_takes_nothing_for_long() -> None:
    messages, why = recorded(PortAudio(bytes(2 * 60 * SAMPLE_RATE)))

    kept = len(messages) * CHUNK_SAMPLES / SAMPLE_RATE
    assert 29 < kept < 32
    assert why == "was let go of while captty was stopped"


def test_a_device_in_use_says_so() -> None:
    with pytest.raises(SourceError, match="in use by another program"):
        Recording(PortAudio(refusal="Device unavailable [PaErrorCode -9985]"), USB)


def test_a_refusal_keeps_the_words_of_the_system_clean() -> None:
    with pytest.raises(SourceError, match=r"cannot be opened \(no \[2Jway\): try another device"):
        Recording(PortAudio(refusal="no \x1b[2Jway"), USB)


def test_a_device_is_found_again_in_another_socket() -> None:
    moved = Device("USB (hw:2,0)", "ALSA", False, False, "ALSA:USB (hw:2,0)")
    other = Device("Webcam (hw:1,0)", "ALSA", True, False, "ALSA:Webcam (hw:1,0)")

    assert choose([other, moved], USB.id) == moved
    with pytest.raises(SourceError, match="not there any more"):
        choose([other], USB.id)


def test_where_no_server_tells_of_devices_portaudio_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sounddevice, told = PortAudio(), list[Message]()

    def begin_again() -> None:
        sounddevice.devices = sounddevice.devices[:-1] if len(told) > 1 else [USB, USB]

    def tell(message: Message) -> None:
        told.append(message)
        if len(told) == 3:
            raise EOFError

    monkeypatch.setattr(sounddevice, "_initialize", begin_again, raising=False)
    monkeypatch.setattr(sounddevice, "_terminate", lambda: None, raising=False)
    monkeypatch.setattr(portaudio, "load", lambda: sounddevice)
    monkeypatch.setattr(watch, "_SECONDS", 0.0)
    with pytest.raises(EOFError):
        watch.watch_portaudio(tell)

    counts = [len(message.devices) for message in told if isinstance(message, Standing)]
    assert counts == [1, 2, 1]
