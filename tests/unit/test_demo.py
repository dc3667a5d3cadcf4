"""The recording that every installation brings along."""

import av
import numpy as np
import pytest

from tui import demo
from tui.captions import clean


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Its samples, -1 to 1, at the rate at which Opus decodes."""
    with av.open(str(demo.recording())) as container:
        stream = container.streams.audio[0]
        assert stream.channels == 1
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)])


def test_it_is_small_enough_to_ship_and_long_enough_to_see_something(sound: np.ndarray) -> None:
    assert demo.recording().stat().st_size < 300_000
    assert 30 < len(sound) / 48_000 < 60


def test_its_level_is_that_of_a_good_microphone(sound: np.ndarray) -> None:
    rms = 20 * np.log10(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    assert -24 < rms < -16
    assert 20 * np.log10(np.abs(sound).max()) < -3


def test_its_pauses_are_quiet_but_no_dead_microphone(sound: np.ndarray) -> None:
    tenths = sound[: len(sound) // 4_800 * 4_800].reshape(-1, 4_800)
    levels = np.sqrt(np.mean(np.square(tenths, dtype=np.float64), axis=1))
    assert (levels < 10 ** (-50 / 20)).sum() > 20
    assert levels.min() > 0


def test_its_text_stands_beside_it_in_plain_words() -> None:
    sentences = demo.text().splitlines()
    assert len(sentences) > 5
    assert all(clean(sentence) == sentence and sentence.endswith(".") for sentence in sentences)
    assert 60 < len(demo.text().split()) < 200
