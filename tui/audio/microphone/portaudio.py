"""PortAudio, loaded where it is installed, and its input devices."""

import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

from tui.audio.microphone.messages import Device
from tui.audio.source import SourceError
from tui.captions import clean

PULSE = "ALSA:pulse"
"""The id of the device through which ALSA records from PulseAudio."""

NO_DEVICE = "there is no microphone: plug one in, or check that the sound system runs"

_INSTALL = {
    "debian": "sudo apt install libportaudio2",
    "fedora": "sudo dnf install portaudio",
    "arch": "sudo pacman -S portaudio",
    "suse": "sudo zypper install libportaudio2",
    "alpine": "sudo apk add portaudio",
    "macos": "brew install portaudio",
}
_CARD = re.compile(r" \(hw:\d+,\d+\)$")
"""Where ALSA put a device: another place each time it is plugged in."""


def load() -> Any:
    """The `sounddevice` module. Raises `SourceError` where PortAudio is missing or broken."""
    try:
        import sounddevice
    except OSError as error:
        raise SourceError(
            "captty hears microphones through PortAudio, which is not installed:"
            f" {_advice()}; files and addresses work without it"
        ) from error
    except Exception as error:
        raise SourceError(
            f"PortAudio does not start ({clean(str(error), 200)}): restart the sound system"
        ) from error
    return sounddevice


def inputs(sounddevice: Any) -> dict[int, Device]:
    """What PortAudio can record from, by its index, as it stood when PortAudio was initialised."""
    default = sounddevice.default.device[0]
    found = {}
    for index, info in enumerate(sounddevice.query_devices()):
        if info["max_input_channels"] > 0:
            api = sounddevice.query_hostapis(info["hostapi"])["name"]
            found[index] = Device(
                name=clean(info["name"], 200),
                host_api=clean(api, 50),
                default=index == default,
                monitor=False,
                id=f"{api}:{info['name']}",
            )
    return found


def index(sounddevice: Any, wanted: str) -> int | None:
    """The index of the device with that id; none where it is not there."""
    found = inputs(sounddevice)
    return next((index for index, device in found.items() if device.id == wanted), None)


def same_device(one: str, other: str) -> bool:
    """Whether two ids are of one device, which ALSA may have put at another place."""
    return _CARD.sub("", one) == _CARD.sub("", other)


def forbidden() -> bool:
    """Whether there is sound hardware that this user may not open (Linux)."""
    cards = list(Path("/dev/snd").glob("pcm*c"))
    return bool(cards) and not any(os.access(card, os.R_OK) for card in cards)


def _advice() -> str:
    """How to install it on this system."""
    kinds = ["macos"] if sys.platform == "darwin" else _distributions()
    command = next((_INSTALL[kind] for kind in kinds if kind in _INSTALL), "")
    if command:
        return f"try `{command}`"
    return "install the package libportaudio2 or portaudio of your system"


def _distributions() -> list[str]:
    """This Linux distribution, and those it is made from, the nearest first."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return []
    return [system["ID"], *system.get("ID_LIKE", "").split()]
