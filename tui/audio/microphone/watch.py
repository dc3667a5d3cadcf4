"""A helper process that tells when devices come and go.

`python -m tui.audio.microphone.watch ID PID`, of the device that is being recorded and the process
that does it. Its messages are `Standing`, at the beginning and after each change; where nothing can
be watched, it ends.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from tui.audio.microphone import portaudio, pulse
from tui.audio.microphone.child import Parent, leave
from tui.audio.microphone.messages import Standing
from tui.audio.source import SourceError

_SECONDS = 1.0


def watch_portaudio(tell: Callable[[Standing], None]) -> None:
    """PortAudio's list stands still until it is initialised again, which costs a stream its life:
    this process has none."""
    sounddevice = portaudio.load()
    told = None
    while True:
        if (standing := _standing(sounddevice)) != told:
            tell(standing)
            told = standing
        time.sleep(_SECONDS)
        sounddevice._terminate()
        sounddevice._initialize()


def _standing(sounddevice: Any) -> Standing:
    return Standing(tuple(portaudio.inputs(sounddevice).values()), recorded="")


def main() -> None:
    """Watch the sound system that the device in the argument belongs to."""
    parent, (device, recorder) = Parent(), sys.argv[1:]
    if device.startswith(pulse.PREFIX):
        pulse.watch(int(recorder), parent.tell)
    elif sys.platform == "darwin":
        try:
            watch_portaudio(parent.tell)
        except SourceError:
            leave()
    leave()


if __name__ == "__main__":
    main()
