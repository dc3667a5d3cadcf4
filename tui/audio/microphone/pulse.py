"""The sources of PulseAudio, or of PipeWire in its place, which PortAudio does not list."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tui.audio.microphone.messages import Device, Standing
from tui.captions import clean

PREFIX = "pulse:"
"""What the ids of its devices begin with."""

_PLACEHOLDER = "auto_null.monitor"
"""What the server offers where there is no device at all: silence."""


class _NoServerError(Exception):
    """There is no server, or nothing to ask it with, or it has gone."""


def sources() -> list[Device] | None:
    """The server's sources; `None` where there is no server or no library to ask it."""
    with suppress(_NoServerError), _server() as pulse:
        return _sources(pulse)
    return None


def watch(recorder: int, tell: Callable[[Standing], None]) -> None:
    """Tell which sources there are, now and after each change; returns when the server is gone.

    `recorder` is the process whose recording is looked after.
    """
    with suppress(_NoServerError), _server() as pulse:
        _watch(pulse, recorder, tell)


def select(device: Device) -> None:
    """Let what this process records through the server come from one of its sources."""
    os.environ["PULSE_SOURCE"] = device.id.removeprefix(PREFIX)


def _watch(pulse: Any, recorder: int, tell: Callable[[Standing], None]) -> None:
    from pulsectl import PulseLoopStop

    stale = True

    def changed(_: object) -> None:
        nonlocal stale
        stale = True
        raise PulseLoopStop

    pulse.event_mask_set("server", "source", "source_output")
    pulse.event_callback_set(changed)
    while True:
        while stale:
            stale = False
            standing = Standing(tuple(_sources(pulse)), _recorded(pulse, recorder))
        tell(standing)
        pulse.event_listen()


def _recorded(pulse: Any, recorder: int) -> str:
    """The id of the source that a process records from; empty where it is not found."""
    for stream in pulse.source_output_list():
        if stream.proplist.get("application.process.id") == str(recorder):
            names = [one.name for one in pulse.source_list() if one.index == stream.source]
            return PREFIX + names[0] if names else ""
    return ""


@contextmanager
def _server() -> Iterator[Any]:
    try:
        import pulsectl
    except (ImportError, OSError) as error:
        raise _NoServerError from error
    try:
        with pulsectl.Pulse("captty", connect=False) as pulse:
            pulse.connect()
            yield pulse
    except (pulsectl.PulseError, pulsectl.PulseDisconnected) as error:
        raise _NoServerError from error


def _sources(pulse: Any) -> list[Device]:
    default = pulse.server_info().default_source_name
    return [
        Device(
            name=clean(source.description or source.name, 200),
            host_api="PulseAudio",
            default=source.name == default,
            monitor=source.monitor_of_sink_name is not None,
            id=PREFIX + source.name,
        )
        for source in pulse.source_list()
        if source.name != _PLACEHOLDER
    ]
