"""Mixing to one channel loses no voice, clips nothing and survives any number."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.sounds import Sound, tone
from tui.audio.downmix import mono

VOICE = tone(0.1)[0]
QUIET = np.zeros_like(VOICE)


def frame(channels: list[Sound], layout: str, form: str = "flt") -> av.AudioFrame:
    kinds = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}
    sound = np.array(channels, dtype=np.float64)
    kind = np.dtype(kinds[form.removesuffix("p")])
    if kind.kind == "u":
        sound = sound * 127 + 128
    elif kind.kind == "i":
        sound = sound * np.iinfo(kind).max
    if not form.endswith("p"):
        sound = sound.T.reshape(1, -1)
    return av.AudioFrame.from_ndarray(
        np.ascontiguousarray(sound.astype(kind)), format=form, layout=layout
    )


def likeness(sound: Sound, other: Sound) -> float:
    """Correlation: 1 where the two are the same but for loudness."""
    return float(np.corrcoef(sound, other)[0, 1])


@pytest.mark.parametrize(
    "form", ["u8", "u8p", "s16", "s16p", "s32", "s32p", "flt", "fltp", "dbl", "dblp"]
)
def test_every_sample_format_is_the_same_sound(form: str) -> None:
    mixed = mono([frame([VOICE, QUIET], "stereo", form)] * 2)
    assert mixed == pytest.approx(np.concatenate([VOICE, VOICE]) / 2, abs=0.01)


def test_stereo_is_the_mean_of_both() -> None:
    other = tone(0.1, hertz=1_000)[0]
    assert mono([frame([VOICE, other], "stereo")]) == pytest.approx((VOICE + other) / 2, abs=1e-6)


@pytest.mark.parametrize("layout", ["stereo", "quad", "5.1", "7.1"])
def test_the_loudest_sound_on_all_channels_does_not_clip(layout: str) -> None:
    loud = np.ones_like(VOICE)
    count = av.AudioLayout(layout).nb_channels
    assert np.abs(mono([frame([loud] * count, layout)])).max() <= 1.000_001


def test_a_microphone_wired_the_wrong_way_round_does_not_silence_the_other() -> None:
    mixed = mono([frame([VOICE, -VOICE * 0.95], "stereo")])
    assert likeness(mixed, VOICE) > 0.99
    assert np.abs(mixed).max() == pytest.approx(0.5, abs=0.01)


def test_a_voice_on_any_speaker_of_surround_sound_is_heard() -> None:
    names = [channel.name for channel in av.AudioLayout("7.1").channels]
    for number in (number for number, name in enumerate(names) if name != "LFE"):
        channels = [QUIET] * len(names)
        channels[number] = VOICE
        mixed = mono([frame(channels, "7.1")])
        assert likeness(mixed, VOICE) > 0.99, names[number]
        assert np.abs(mixed).max() > 0.5 / 10, names[number]


def test_the_subwoofer_does_not_drown_the_centre() -> None:
    rumble = tone(0.1, hertz=50, amplitude=1)[0]
    mixed = mono([frame([QUIET, QUIET, VOICE, rumble, QUIET, QUIET], "5.1")])
    assert likeness(mixed, VOICE) > 0.99


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30])
def test_numbers_that_are_no_sound_spoil_only_themselves(layout: str, wrong: float) -> None:
    spoiled = VOICE.copy()
    spoiled[100] = wrong
    channels = [spoiled, VOICE][: av.AudioLayout(layout).nb_channels]
    mixed = mono([frame(channels, layout)])
    assert np.abs(mixed).max() <= 1
    assert likeness(np.delete(mixed, 100), np.delete(VOICE, 100)) > 0.99


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=2), st.floats(0, 6.3))
def test_two_channels_are_never_both_lost(gains: list[float], phase: float) -> None:
    times = np.arange(8_000) / 16_000
    left = (gains[0] * np.sin(2 * np.pi * 200 * times)).astype(np.float32)
    right = (gains[1] * np.sin(2 * np.pi * 200 * times + phase)).astype(np.float32)
    mixed = mono([frame([left, right], "stereo")])
    loudest = max(np.dot(left, left), np.dot(right, right))
    assert np.dot(mixed, mixed) >= 0.01 * loudest
