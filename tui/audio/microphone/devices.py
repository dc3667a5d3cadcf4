"""The microphones and monitors there are, and the choice among them."""

from tui.audio.microphone.messages import Device, Failed, Found
from tui.audio.microphone.portaudio import NO_DEVICE
from tui.audio.microphone.process import SoundProcess
from tui.audio.source import SourceError
from tui.captions import clean

ANSWER_SECONDS = 5.0
"""How long the sound system may take to answer."""
_MOST_NAMED = 10

__all__ = ["ANSWER_SECONDS", "Device", "choose_device", "find_devices", "no_answer"]


def find_devices(timeout: float = ANSWER_SECONDS) -> list[Device]:
    """What can be recorded now: the default first, then other microphones, then monitors.

    Waits up to `timeout` seconds. Raises `SourceError` where the sound system does not answer,
    or PortAudio is missing.
    """
    helper = SoundProcess("listing")
    try:
        match helper.next(timeout):
            case [Found(devices), *_]:
                return list(devices)
            case [Failed(sentence), *_]:
                raise SourceError(sentence)
        raise no_answer(helper)
    finally:
        helper.end()


def no_answer(helper: SoundProcess) -> SourceError:
    """What to raise where a helper process has said nothing."""
    if helper.ended:
        return SourceError(
            "the sound system of this machine made captty's microphone process fail:"
            " captty's log says more"
        )
    return SourceError(
        "the sound system of this machine does not answer: restart it, for instance with"
        " `systemctl --user restart pipewire pipewire-pulse` or `pulseaudio -k`"
    )


def choose_device(devices: list[Device], name: str) -> Device:
    """The device a person means: by its exact name, its id, or a part of its name.

    Raises `SourceError` where none or several fit.
    """
    folded = name.casefold()
    for fits in (
        [device for device in devices if device.name == name],
        [device for device in devices if device.id == name],
        [device for device in devices if folded in device.name.casefold()],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise SourceError(f"{clean(name, 100)} could be several devices: {_ids(fits)}")
    if not devices:
        raise SourceError(NO_DEVICE)
    raise SourceError(f"there is no device {clean(name, 100)}, but these: {_names(devices)}")


def _names(devices: list[Device]) -> str:
    more = ", …" if len(devices) > _MOST_NAMED else ""
    return ", ".join(device.name for device in devices[:_MOST_NAMED]) + more


def _ids(devices: list[Device]) -> str:
    """Names, each with the id that tells it from the others."""
    named = [f"{device.name} ({clean(device.id, 100)})" for device in devices[:_MOST_NAMED]]
    return ", ".join(named) + (", …" if len(devices) > _MOST_NAMED else "")
