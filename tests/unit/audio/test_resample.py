"""Blocks of any rate and size become one seamless sound at 16 000 Hz."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audio.sounds import pcm16, tone
from tui.audio.resample import Resampler

RATES = [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000]


def resampled(sound: np.ndarray, rate: int, cuts: list[int]) -> np.ndarray:
    resampler = Resampler()
    pcm = b"".join(resampler.feed(block, rate) for block in np.split(sound, sorted(cuts)))
    return np.frombuffer(pcm + resampler.flush(), dtype="<i2")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(RATES), st.lists(st.integers(0, 4_000), max_size=6))
def test_where_the_blocks_are_cut_makes_no_difference(rate: int, cuts: list[int]) -> None:
    sound = tone(4_000 / rate, rate, hertz=300)[0]
    whole, pieces = resampled(sound, rate, []), resampled(sound, rate, cuts)
    assert len(whole) == len(pieces) == pytest.approx(4_000 * 16_000 / rate, abs=1)
    assert np.abs(whole.astype(int) - pieces).max() <= 1


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_stays_where_it_was_and_as_loud(rate: int) -> None:
    heard = resampled(tone(1, rate, hertz=1_000)[0], rate, [])
    expected = np.frombuffer(pcm16(tone(1, hertz=1_000)), dtype="<i2")
    inner = slice(500, -500)
    assert np.abs(heard[inner].astype(int) - expected[inner]).max() < 50


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000])
def test_what_16_000_samples_cannot_hold_is_filtered_out(rate: int) -> None:
    heard = resampled(tone(1, rate, hertz=10_000)[0], rate, [])
    assert np.abs(heard[500:-500].astype(int)).max() < 30


def test_16_000_samples_pass_unchanged() -> None:
    pcm = np.arange(-32_768, 32_768, dtype=np.int32).astype("<i2").tobytes()
    sound = (np.frombuffer(pcm, "<i2") / 32_768).astype(np.float32)
    assert Resampler().feed(sound, 16_000) == pcm


def test_too_loud_clips_instead_of_wrapping_round() -> None:
    heard = resampled(np.full(4_410, 1.5, dtype=np.float32), 44_100, [])
    assert heard[200:-200].min() == 32_767


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(RATES), min_size=1, max_size=5))
def test_a_change_of_rate_loses_nothing(rates: list[int]) -> None:
    resampler = Resampler()
    pcm = b"".join(resampler.feed(tone(0.1, rate)[0], rate) for rate in rates)
    heard = len(pcm + resampler.flush()) // 2
    assert heard == pytest.approx(1_600 * len(rates), abs=len(rates))
