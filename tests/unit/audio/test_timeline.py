"""The file's own clock finds holes, and is not led astray by jitter or a new clock."""

import av
import pytest

from tui.audio.timeline import Timeline

LENGTH = 1_000


def frame(pts: int | None) -> av.AudioFrame:
    """A second of sound whose time stamp counts milliseconds."""
    made = av.AudioFrame(format="s16", layout="mono", samples=LENGTH)
    made.sample_rate, made.pts = LENGTH, pts
    return made


def gaps(*stamps: int | None) -> list[float]:
    timeline = Timeline(1 / 1_000)
    return [round(timeline.follow(frame(pts)), 3) for pts in stamps]


def test_sound_that_follows_on_has_no_gaps() -> None:
    assert gaps(5_000, 6_000, 7_000) == [0, 0, 0]


def test_a_hole_is_as_long_as_the_stamps_say() -> None:
    assert gaps(0, 4_000, 5_000) == [0, 3, 0]


def test_jitter_is_none_and_does_not_add_up() -> None:
    assert gaps(0, 1_200, 2_000, 3_200, 4_000) == [0] * 5


def test_small_gaps_that_add_up_are_found() -> None:
    assert sum(gaps(*range(0, 20_000, 1_100))) == pytest.approx(1.7, abs=0.3)


def test_a_clock_that_starts_again_is_followed() -> None:
    assert gaps(50_000, 51_000, 0, 1_000, 4_000) == [0, 0, 0, 0, 2]


def test_frames_without_a_stamp_follow_on() -> None:
    assert gaps(None, None, 2_000, None, 6_000) == [0, 0, 0, 0, 2]
