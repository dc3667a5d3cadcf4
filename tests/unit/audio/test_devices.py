"""People find their microphone by the name they know it by."""

import pytest

from tests.pulse import PulseServer, needs_pulse, pulse
from tui.audio.microphone.devices import Device, choose_device, find_devices
from tui.audio.source import SourceError

__all__ = ["pulse"]

BUILT_IN = Device("Built-in Audio", "PulseAudio", True, False, "pulse:alsa_input.pci")
HEADSET = Device("Jabra Headset", "PulseAudio", False, False, "pulse:alsa_input.usb-1")
OTHER_HEADSET = Device("Jabra Headset", "PulseAudio", False, False, "pulse:alsa_input.usb-2")
SPEAKERS = Device("Monitor of Built-in Audio", "PulseAudio", False, True, "pulse:pci.monitor")
DEVICES = [BUILT_IN, HEADSET, SPEAKERS]


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("Built-in Audio", BUILT_IN),  # also a part of the monitor's name
        ("Monitor of Built-in Audio", SPEAKERS),
        ("pulse:alsa_input.usb-1", HEADSET),
        ("jabra", HEADSET),
        ("monitor", SPEAKERS),
    ],
)
def test_a_device_is_known_by_name_by_id_or_by_a_part_of_its_name(
    name: str, device: Device
) -> None:
    assert choose_device(DEVICES, name) == device


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(SourceError, match="Built-in Audio, Jabra Headset, Monitor of Built-in"):
        choose_device(DEVICES, "Webcam\x1b[2J")


def test_twins_are_told_apart_by_their_ids() -> None:
    with pytest.raises(SourceError, match=r"usb-1\), Jabra Headset \(pulse:alsa_input\.usb-2"):
        choose_device([*DEVICES, OTHER_HEADSET], "Jabra Headset")


def test_without_any_device_the_sentence_says_what_to_do() -> None:
    with pytest.raises(SourceError, match="plug one in"):
        choose_device([], "anything")


@needs_pulse
def test_the_list_is_for_people_the_default_first_and_monitors_last(pulse: PulseServer) -> None:
    pulse.load_sink("second", "Speakers of the hall")
    pulse.pactl("load-module", "module-remap-source", "source_name=mic", "master=virt.monitor")
    pulse.set_default_source("second.monitor")

    devices = find_devices()

    assert [device.id for device in devices] == [
        "pulse:second.monitor",
        "pulse:mic",
        "pulse:virt.monitor",
    ]
    assert [device.default for device in devices] == [True, False, False]
    assert [device.monitor for device in devices] == [True, False, True]
    assert devices[2].name == "Monitor of Virtual speech"
    assert {device.host_api for device in devices} == {"PulseAudio"}


@needs_pulse
def test_a_sound_server_that_hangs_costs_the_wait_and_no_more(pulse: PulseServer) -> None:
    pulse.freeze()

    with pytest.raises(SourceError, match="does not answer"):
        find_devices(timeout=1.0)
