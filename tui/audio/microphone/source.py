"""Sound from a microphone, or from what the computer plays."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

from tui.audio.microphone.clock import SoundClock
from tui.audio.microphone.devices import ANSWER_SECONDS, choose_device, find_devices, no_answer
from tui.audio.microphone.messages import (
    DEFAULT_MICROPHONE,
    Device,
    Ended,
    Failed,
    Message,
    Opened,
    Sound,
    Standing,
)
from tui.audio.microphone.process import SoundProcess, poll
from tui.audio.source import Fact, SourceError, SourceInfo, Switched, Trouble

_FIRST_SOUND_SECONDS = 5.5
_SILENT_SECONDS = 1.6
"""Both a little more than the recording process itself allows: it knows better why."""
_RETRY_SECONDS = 1.5
_TICK_SECONDS = 1.0
_LOOK_SECONDS = 0.2

_GONE = "the microphone gave no sound"
_CHANGED = "the system changed the microphone"


class Microphone:
    """A `Source`: one device, or whichever is the system's default.

    Where the device is unplugged or stuck, silence stands in until it is back. One thread reads
    `chunks`, once; `close` may come from any thread and ends them.
    """

    def __init__(
        self, wanted: str, recorder: SoundProcess, device: Device, waiting: list[Message]
    ) -> None:
        """A device that is being recorded: `wanted` is its id, or empty for the default.

        `waiting` is what the recorder has said already, behind `Opened`.
        """
        now = time.monotonic()
        self._wanted = wanted
        self._info = SourceInfo("mic", device.name, live=True, waits=False)
        self._recorder: SoundProcess | None = recorder
        self._watch: SoundProcess | None = None
        self._watched = False
        """Whether the watch has told anything, so that there is something to watch."""
        self._device, self._default = device, ""
        self._took(device)
        self._waiting = waiting
        self._clock = SoundClock(now)
        self._deadline = now + _FIRST_SOUND_SECONDS
        self._started, self._interrupted = now, False
        self._trouble = False
        self._cause = _GONE
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._alarm, self._ear = socket.socketpair()

    @classmethod
    def open(cls, device: str = "") -> "Microphone":
        """Record the device of that name, or id, or the default one where it is empty.

        Takes up to 10 s where the sound system is slow. Raises `SourceError` where PortAudio is
        missing, the device is missing or refused, or the sound system does not answer.
        """
        wanted = choose_device(find_devices(), device).id if device else ""
        recorder = SoundProcess("record", wanted)
        try:
            match recorder.next(ANSWER_SECONDS):
                case [Opened(opened), *waiting]:
                    return cls(wanted, recorder, opened, waiting)
                case [Failed(sentence), *_]:
                    raise SourceError(sentence)
            raise no_answer(recorder)
        except BaseException:
            recorder.end()
            raise

    @property
    def info(self) -> SourceInfo:
        """What the device was called when it was opened."""
        return self._info

    def chunks(self) -> Iterator[bytes | Fact]:
        """PCM16 little-endian mono at 16 000 Hz, `CHUNK_SAMPLES` samples each, and facts.

        Goes on until `close`.
        """
        while (items := self._step()) is not None:
            yield from items

    def close(self) -> None:
        """Let go of the device, from any thread; may be called twice."""
        self._closed.set()
        with suppress(OSError):
            self._alarm.send(b"!")
        with self._lock:
            self._end_helpers()
            self._alarm.close()
            self._ear.close()

    def _step(self) -> list[bytes | Fact] | None:
        """Wait for what happens next, and tell it; `None` when closed."""
        with self._lock:
            if self._closed.is_set():
                return None
            items: list[bytes | Fact] = []
            ready = self._ready()
            messages, self._waiting = self._waiting, []
            for helper in (self._recorder, self._watch):
                messages += helper.read(ready) if helper else ()
            for message in messages:
                items += self._heard(message)
            return items + self._looked(time.monotonic(), bool(messages))

    def _ready(self) -> set[int]:
        """The file descriptors that have something to say."""
        helpers = [helper for helper in (self._recorder, self._watch) if helper]
        descriptors = set[int]().union(*(helper.waiting_on for helper in helpers))
        return poll({self._ear.fileno(), *descriptors}, 0 if self._waiting else _LOOK_SECONDS)

    def _heard(self, message: Message) -> list[bytes | Fact]:
        match message:
            case Sound(taken, pcm):
                self._deadline = time.monotonic() + _SILENT_SECONDS
                missed = self._clock.sound(len(pcm) // 2, taken, self._cause)
                return [*missed, *self._ended_trouble(), pcm]
            case Opened(device):
                return self._reopened(device)
            case Failed(sentence):
                return self._lost(sentence)
            case Ended(why):
                return self._lost(f"{self._device.name} {why}")
            case Standing(devices, recorded) if self._recorder:
                self._watched = True
                return self._looked_around({one.id: one for one in devices}, recorded)
        return []

    def _looked(self, now: float, heard: bool) -> list[bytes | Fact]:
        """What the passing of time brings."""
        items: list[bytes | Fact] = []
        if self._recorder and (self._recorder.ended or (not heard and now > self._deadline)):
            items += self._lost(f"{self._device.name} gives no sound any more")
        if self._watch and self._watch.ended and self._watched:
            self._watch.end()
            self._watch = self._watching()
        if self._recorder is None and now >= self._started + _RETRY_SECONDS:
            self._try_again(now)
        if self._interrupted:
            items += self._clock.missed(now, self._cause, least=_TICK_SECONDS)
        return items

    def _looked_around(self, devices: dict[str, Device], recorded: str) -> list[bytes | Fact]:
        """The device may have gone, another be the default one, or the stream be moved."""
        here, moved = self._device.id in devices, recorded in devices
        moved = moved and recorded != self._device.id
        other = None if self._wanted else devices.get(recorded if moved else self._changed(devices))
        if other and (here or self._device.monitor or not other.monitor):
            self._device = other
            if not moved:
                self._interrupt(_CHANGED)
            return [Switched(other.name)]
        if not here:
            return self._lost(f"{self._device.name} is gone, unplugged or switched off")
        if moved:
            self._interrupt(_CHANGED)
        return []

    def _changed(self, devices: dict[str, Device]) -> str:
        """The id of the default device where another is it now; else empty."""
        default = next((one.id for one in devices.values() if one.default), "")
        changed = default if self._default not in ("", default) else ""
        self._default = default or self._default
        return changed if changed != self._device.id else ""

    def _reopened(self, device: Device) -> list[bytes | Fact]:
        self._deadline = time.monotonic() + _FIRST_SOUND_SECONDS
        switched = not self._wanted and device.id != self._device.id
        self._took(device)
        return [Switched(device.name)] if switched else []

    def _took(self, device: Device) -> None:
        """The recorder records that device."""
        self._device = device
        self._default = device.id if device.default else ""
        self._watch = self._watching()

    def _lost(self, why: str) -> list[bytes | Fact]:
        """No sound comes any more; it is tried again, at once the first time."""
        self._interrupt(_GONE)
        return self._began_trouble(why)

    def _interrupt(self, cause: str) -> None:
        self._end_helpers()
        if not self._interrupted:
            self._interrupted, self._cause = True, cause
        self._clock.interrupt()

    def _try_again(self, now: float) -> None:
        self._started, self._deadline = now, now + ANSWER_SECONDS
        with suppress(SourceError):
            self._recorder = SoundProcess("record", self._wanted or self._default_again())

    def _default_again(self) -> str:
        """What to record in place of the default device that went: no monitor for a microphone."""
        return "" if self._device.monitor else DEFAULT_MICROPHONE

    def _began_trouble(self, why: str) -> list[bytes | Fact]:
        if self._trouble:
            return []
        self._trouble = True
        return [Trouble(f"{why}: captty goes on as soon as it is back")]

    def _ended_trouble(self) -> list[bytes | Fact]:
        self._interrupted = False
        if not self._trouble:
            return []
        self._trouble = False
        return [Trouble("")]

    def _end_helpers(self) -> None:
        for helper in (self._recorder, self._watch):
            if helper:
                helper.end()
        self._recorder = self._watch = None

    def _watching(self) -> SoundProcess | None:
        self._watched = False
        with suppress(SourceError):
            if self._recorder:
                return SoundProcess("watch", self._device.id, str(self._recorder.pid))
        return None
