"""A helper process that lists the devices to record from: `python -m tui.audio.microphone.listing`.

Its messages are one `Found`, or `Failed`.
"""

from typing import Any

from tui.audio.microphone import portaudio, pulse
from tui.audio.microphone.child import Parent
from tui.audio.microphone.messages import Device, Failed, Found
from tui.audio.source import SourceError

_PLUMBING = frozenset(
    [
        *("a52", "dmix", "dsnoop", "jack", "lavrate", "null", "oss", "pipewire", "pulse"),
        *("samplerate", "speex", "speexrate", "sysdefault", "upmix", "usbstream", "vdownmix"),
    ]
)
"""Devices that ALSA makes of others, and that are no choice for people."""


def devices(sounddevice: Any) -> list[Device]:
    """What can be recorded now: the default first, then other microphones, then monitors.

    Where PulseAudio or PipeWire shares the hardware, the default is theirs.
    """
    found = list(portaudio.inputs(sounddevice).values())
    shared = pulse.sources() if any(device.id == portaudio.PULSE for device in found) else None
    found = [device for device in found if not _is_plumbing(device)]
    if shared is not None:
        found = shared + [_other(device) for device in found if device.name != "default"]
    return sorted(found, key=lambda device: (not device.default, device.monitor))


def _is_plumbing(device: Device) -> bool:
    return device.host_api == "ALSA" and device.name in _PLUMBING


def _other(device: Device) -> Device:
    """The same device, which is not the default one."""
    return Device(device.name, device.host_api, False, device.monitor, device.id)


def main() -> None:
    """Tell the devices there are."""
    parent = Parent()
    try:
        parent.tell(Found(tuple(devices(portaudio.load()))))
    except SourceError as error:
        parent.tell(Failed(str(error)))


if __name__ == "__main__":
    main()
