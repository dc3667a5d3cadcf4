"""A cut falls into a pause, and always into the sound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.audio.silence import quietest

WINDOW = 1_600
SECOND = 16_000


def pcm(samples: np.ndarray) -> bytes:
    return samples.round().astype("<i2").tobytes()


@pytest.mark.parametrize("pause", [0.2, 0.73, 1.1])
def test_a_pause_is_found_in_speech_over_noise(pause: float) -> None:
    chance = np.random.default_rng(7)
    at, length = round(pause * SECOND), SECOND // 5
    loudness = np.full(SECOND * 3 // 2, 3_000.0)
    loudness[at : at + length] = 60.0
    cut = quietest(pcm(chance.normal(size=len(loudness)) * loudness))
    assert at + WINDOW // 2 <= cut <= at + length - WINDOW // 2


@pytest.mark.parametrize("value", [0, 1, -5, 32_767, -32_768])
def test_where_all_is_equal_the_last_place_is_taken(value: int) -> None:
    cut = quietest(pcm(np.full(SECOND, value)))
    assert SECOND - WINDOW <= cut <= SECOND - WINDOW // 2


@given(st.integers(0, WINDOW - 1))
def test_what_is_too_short_is_cut_at_its_end(samples: int) -> None:
    assert quietest(bytes(2 * samples)) == samples


@given(st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=8), st.integers(0, 9_000))
def test_the_cut_lies_in_the_sound(levels: list[int], length: int) -> None:
    sound = np.resize(np.repeat(levels, 400), length)
    cut = quietest(pcm(sound))
    assert 0 <= cut <= length
    if length >= WINDOW:
        assert WINDOW // 2 <= cut <= length - WINDOW // 2
