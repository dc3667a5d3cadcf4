"""A microphone is heard, and what happens to it is noticed in time: with a real PulseAudio."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.pulse import PulseServer, needs_pulse, pulse
from tests.unit.audio.sounds import pcm16, tone, wav
from tui.audio.level import measure
from tui.audio.media import MediaFile
from tui.audio.microphone.source import Microphone
from tui.audio.source import Fact, Missed, SourceError, Switched, Trouble
from tui.captions import SAMPLE_RATE

__all__ = ["pulse"]

CLIPS = Path(__file__).parents[4] / "shared" / "speech" / "clips"
CLIP = CLIPS / "LJ001-0002.wav"
NAME = "Monitor of Virtual speech"
PATIENCE = 20.0

pytestmark = needs_pulse


class Ear:
    """What a microphone tells, with the time at which it did."""

    def __init__(self, microphone: Microphone) -> None:
        self.microphone = microphone
        self.items: list[tuple[float, bytes | Fact]] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def facts(self) -> list[Fact]:
        return [item for _, item in self.items if not isinstance(item, bytes)]

    @property
    def pcm(self) -> bytes:
        return b"".join(item for _, item in self.items if isinstance(item, bytes))

    def until(self, what: Callable[[bytes | Fact], bool], since: int = 0) -> float:
        """Wait for an item behind the first `since`; returns when it came."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for came, item in self.items[since:]:
                if what(item):
                    return came
            time.sleep(0.01)
        raise AssertionError(f"did not come; facts: {self.facts}")

    def ended(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _listen(self) -> None:
        for item in self.microphone.chunks():
            self.items.append((time.monotonic(), item))


@contextmanager
def listening(device: str = "") -> Iterator[Ear]:
    """A microphone that gives sound."""
    microphone = Microphone.open(device)
    try:
        ear = Ear(microphone)
        ear.until(sound)
        yield ear
    finally:
        microphone.close()


def sound(item: bytes | Fact) -> bool:
    return isinstance(item, bytes)


def loud(item: bytes | Fact) -> bool:
    return isinstance(item, bytes) and measure(item).rms_dbfs > -30


def trouble(item: bytes | Fact) -> bool:
    return isinstance(item, Trouble) and bool(item.sentence)


def relief(item: bytes | Fact) -> bool:
    return item == Trouble("")


def helpers() -> list[psutil.Process]:
    """The microphone processes of this one."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any("tui.audio.microphone" in word for word in process.cmdline()):
                found.append(process)
    return found


def recorder() -> psutil.Process:
    """The one that records."""
    return next(one for one in helpers() if any(".record" in word for word in one.cmdline()))


def test_what_is_played_arrives_whole_and_as_loud_as_it_was(
    pulse: PulseServer, tmp_path: Path
) -> None:
    pcm = b"".join(MediaFile.open(CLIP).chunks()) if CLIP.exists() else pcm16(tone(1.5))
    path = wav(tmp_path / "played.wav", bytes(SAMPLE_RATE) + pcm + bytes(SAMPLE_RATE))
    played = np.frombuffer(pcm, "<i2").astype(float)

    with listening() as ear:
        assert ear.microphone.info.name == NAME
        assert pulse.play(path).wait(PATIENCE) == 0
        rest = len(ear.items) + 20
        ear.until(lambda _: len(ear.items) > rest)
        heard = np.frombuffer(ear.pcm, "<i2").astype(float)

    assert heard.size > played.size
    length = heard.size + played.size
    matches = np.fft.irfft(np.fft.rfft(heard, length) * np.fft.rfft(played, length).conj(), length)
    start = int(matches[: heard.size - played.size + 1].argmax())
    match = heard[start : start + played.size]
    gain = float(match @ played / (played @ played))
    assert match @ played / np.sqrt((match @ match) * (played @ played)) > 0.99
    assert abs(20 * np.log10(gain)) < 0.5
    assert ear.facts == []


def test_unplugged_it_is_said_and_it_goes_on_when_plugged_in_again(pulse: PulseServer) -> None:
    pulse.load_sink("other", "Another one")  # to which PulseAudio would move the recording
    with listening("virtual") as ear:
        unplugged = time.monotonic()
        pulse.unload_sink()
        assert ear.until(trouble) - unplugged < 2
        ear.until(lambda item: isinstance(item, Missed))
        before = len(ear.items)
        pulse.load_sink()
        ear.until(sound, before)
        back = ear.until(relief)

    said = [fact for fact in ear.facts if isinstance(fact, Trouble | Switched)]
    assert said == [
        Trouble(f"{NAME} is gone, unplugged or switched off: captty goes on as soon as it is back"),
        Trouble(""),
    ]
    missed = [fact for fact in ear.facts if isinstance(fact, Missed)]
    assert {fact.cause for fact in missed} == {"the microphone gave no sound"}
    assert max(fact.samples for fact in missed) < 2 * SAMPLE_RATE
    total = sum(fact.samples for fact in missed) / SAMPLE_RATE
    assert total == pytest.approx(back - unplugged, abs=0.5)


def test_a_frozen_server_is_said_survived_and_does_not_hold_up_the_end(pulse: PulseServer) -> None:
    with listening() as ear:
        frozen = time.monotonic()
        pulse.freeze()
        assert ear.until(trouble) - frozen < 2
        pulse.thaw()
        ear.until(relief)
        before = len(ear.items)
        ear.until(sound, before)
        pulse.freeze()
        ear.until(trouble, before)

        closing = time.monotonic()
        ear.microphone.close()
        assert time.monotonic() - closing < 0.3
        assert ear.ended(0.3)
        assert helpers() == []


def test_the_default_is_followed_and_a_chosen_device_is_kept(
    pulse: PulseServer, tmp_path: Path
) -> None:
    pulse.load_sink("second", "Second")
    pulse.set_default_source("virt.monitor")
    pulse.play(wav(tmp_path / "tone.wav", pcm16(tone(30))), "second")

    with listening("Virtual") as chosen, listening() as ear:
        switched = time.monotonic()
        pulse.set_default_source("second.monitor")
        said = ear.until(lambda item: item == Switched("Monitor of Second"))
        assert said - switched < 2
        ear.until(loud)

        count = len(chosen.items)
        chosen.until(lambda _: len(chosen.items) > count + 30)

    assert not any(isinstance(fact, Trouble) for fact in ear.facts)
    assert {type(fact) for fact in chosen.facts} <= {Missed}
    assert not any(loud(item) for _, item in chosen.items[count:])


def test_an_unplugged_microphone_is_not_replaced_by_what_the_computer_plays(
    pulse: PulseServer,
) -> None:
    plug = ("load-module", "module-remap-source", "source_name=mic", "master=virt.monitor")
    module = pulse.pactl(*plug)
    pulse.set_default_source("mic")

    with listening() as ear:
        assert not ear.microphone.info.name.startswith("Monitor of")
        unplugged = time.monotonic()
        pulse.pactl("unload-module", module.strip())
        assert ear.until(trouble) - unplugged < 2
        ear.until(lambda item: isinstance(item, Missed))
        pulse.pactl(*plug)
        ear.until(relief)

    assert not any(isinstance(fact, Switched) for fact in ear.facts)


def test_a_killed_recorder_is_started_again(pulse: PulseServer) -> None:
    with listening() as ear:
        before = len(ear.items)
        killed = time.monotonic()
        recorder().kill()
        assert ear.until(trouble) - killed < 2
        ear.until(relief)
        ear.until(sound, before)

    assert helpers() == []


def test_no_device_at_all_is_a_sentence(pulse: PulseServer) -> None:
    pulse.unload_sink()

    with pytest.raises(SourceError, match="there is no microphone: plug one in"):
        Microphone.open()
    assert helpers() == []


def test_without_a_sound_server_it_is_a_sentence(pulse: PulseServer) -> None:
    pulse.stop()

    with pytest.raises(SourceError, match="there is no microphone"):
        Microphone.open()


def test_a_server_that_hangs_is_a_sentence(
    pulse: PulseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.audio.microphone.source.ANSWER_SECONDS", 1.0)
    pulse.freeze()

    with pytest.raises(SourceError, match="does not answer"):
        Microphone.open()
    assert helpers() == []


def test_close_may_come_twice_and_before_anything_was_read(pulse: PulseServer) -> None:
    microphone = Microphone.open()
    microphone.close()
    microphone.close()

    assert list(microphone.chunks()) == []
    assert helpers() == []


def test_a_monitor_that_takes_seconds_to_begin_is_no_trouble(pulse: PulseServer) -> None:
    pulse.pactl("load-module", "module-null-sink", "sink_name=slow")

    with listening("Null Output") as ear:
        assert ear.facts == []


def test_most_of_a_second_without_a_breath_loses_nothing(pulse: PulseServer) -> None:
    with listening() as ear:
        process = recorder()
        process.suspend()
        time.sleep(0.9)  # the length of the stall, and less than a dead recorder is given
        process.resume()
        before = len(ear.items)
        ear.until(lambda _: len(ear.items) > before + 50)
        (began, _), (came, _) = ear.items[0], ear.items[-1]

    assert ear.facts == []
    assert len(ear.pcm) / 2 / SAMPLE_RATE > came - began - 0.3


def test_a_stream_that_the_user_moves_elsewhere_is_followed(pulse: PulseServer) -> None:
    pulse.load_sink("second", "Second")
    pulse.set_default_source("virt.monitor")

    with listening() as ear:
        stream = pulse.pactl("list", "short", "source-outputs").split()[0]
        pulse.pactl("move-source-output", stream, "second.monitor")
        ear.until(lambda item: item == Switched("Monitor of Second"))
        before = len(ear.items)
        ear.until(sound, before)

    assert ear.facts == [Switched("Monitor of Second")]
