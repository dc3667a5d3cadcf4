"""Levels read what a sound engineer expects them to read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.audio.sounds import pcm16, tone
from tui.audio.level import SILENCE_DBFS, measure

amplitudes = st.floats(0.01, 0.99)


@given(amplitudes, st.floats(100, 7_000), st.sampled_from([800, 1_600, 16_000]))
def test_a_sine_reads_three_decibels_below_its_peak(
    amplitude: float, hertz: float, samples: int
) -> None:
    level = measure(pcm16(tone(samples / 16_000, hertz=hertz, amplitude=amplitude)))
    expected = 20 * np.log10(amplitude)
    assert level.rms_dbfs == pytest.approx(expected - 3.01, abs=0.5)
    rounding = 0.02  # half a step of PCM16 at an amplitude of 0.01
    assert expected - 2 <= level.peak_dbfs <= expected + rounding


@given(amplitudes, st.floats(0.05, 1))
def test_scaling_the_amplitude_moves_the_level_by_as_many_decibels(
    amplitude: float, factor: float
) -> None:
    loud = measure(pcm16(tone(0.1, amplitude=amplitude)))
    soft = measure(pcm16(tone(0.1, amplitude=amplitude * factor)))
    moved = 20 * np.log10(factor)
    assert soft.rms_dbfs - loud.rms_dbfs == pytest.approx(moved, abs=0.5)
    assert soft.peak_dbfs - loud.peak_dbfs == pytest.approx(moved, abs=0.5)


@given(st.lists(st.integers(-32_768, 32_767), max_size=400))
def test_any_samples_have_a_finite_level(samples: list[int]) -> None:
    level = measure(np.array(samples, dtype="<i2").tobytes())
    assert SILENCE_DBFS <= level.rms_dbfs <= level.peak_dbfs + 1e-9 <= 1e-9


def test_full_scale() -> None:
    assert measure(pcm16(tone(1, amplitude=1))).rms_dbfs == pytest.approx(-3.01, abs=0.01)
    square = np.tile(np.array([-32_768] * 4 + [32_767] * 4, dtype="<i2"), 100).tobytes()
    assert measure(square).rms_dbfs == pytest.approx(0, abs=0.01)
    assert measure(square).peak_dbfs == 0


@pytest.mark.parametrize("pcm", [b"", bytes(2), bytes(1_600)])
def test_silence_reads_the_floor(pcm: bytes) -> None:
    level = measure(pcm)
    assert (level.rms_dbfs, level.peak_dbfs, level.clipped) == (SILENCE_DBFS, SILENCE_DBFS, False)


def test_a_single_step_is_not_silence() -> None:
    assert measure(b"\1\0" + bytes(1_598)).rms_dbfs > SILENCE_DBFS


@pytest.mark.parametrize(
    ("samples", "clipped"),
    [
        ([32_767] * 2, False),
        ([32_767] * 3, True),
        ([-32_768] * 3, True),
        ([-32_767] * 3, True),
        ([32_767, 32_766, 32_767, 32_766, 32_767], False),
        ([32_766] * 50, False),
    ],
)
def test_three_samples_in_a_row_at_full_scale_are_clipping(
    samples: list[int], clipped: bool
) -> None:
    assert measure(np.array([0, *samples, 0], dtype="<i2").tobytes()).clipped is clipped


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of element size"):
        measure(b"\1\2\3")
