"""Live sound is never late for long, and files behind a pipe do not rush by."""

from hypothesis import given
from hypothesis import strategies as st

from tui.audio.source import SourceInfo
from tui.live.pace import BURST_SECONDS, Pace, pace_of

MIC = SourceInfo("mic", "m", live=True, waits=False)
PIPE = SourceInfo("stdin", "p", live=True)
FILE = SourceInfo("file", "f")
BLOCK = 0.05


class Clock:
    """Hears a source whose sound is there at certain times, and keeps the time."""

    def __init__(self, info: SourceInfo) -> None:
        self.pace: Pace = pace_of(info)
        self.now = 100.0
        self.heard = 0.0

    def hear(self, seconds: float, since: float | None = None) -> None:
        """So much sound: all there at once, or made in real time from `since` on."""
        for number in range(1, round(seconds / BLOCK) + 1):
            if since is not None:
                self.now = max(self.now, since + number * BLOCK)
            self.now += max(0.0, self.pace.wait(BLOCK, self.now))
            self.heard += BLOCK


@given(st.floats(0, 7.5), st.lists(st.floats(0, 100), max_size=5))
def test_a_recorder_behind_a_pipe_is_never_late_after_a_stall(
    waiting: float, stalls: list[float]
) -> None:
    clock = Clock(PIPE)
    begun = clock.now - waiting
    clock.hear(waiting + 20, begun)
    for stall in stalls:
        clock.now += stall
        clock.hear(stall + 20, begun + clock.heard)
        assert clock.now - begun - clock.heard < 2 * BLOCK


@given(st.floats(0, 100))
def test_a_microphone_is_never_late_after_a_stall(stall: float) -> None:
    clock = Clock(MIC)
    begun = clock.now
    clock.hear(30, begun)
    clock.now += stall
    clock.hear(stall + 5, begun + clock.heard)
    assert clock.now - begun - clock.heard < 2 * BLOCK


def test_a_pause_of_a_live_pipe_is_made_up_for() -> None:
    clock = Clock(PIPE)
    begun = clock.now
    clock.hear(20, begun)
    clock.now += 40
    clock.pace.restart()
    clock.hear(60, begun + clock.heard)
    assert clock.now - begun - clock.heard < 2 * BLOCK


def test_a_file_behind_a_pipe_comes_in_real_time_but_for_a_burst() -> None:
    clock = Clock(PIPE)
    begun = clock.now
    clock.hear(120)
    assert clock.heard - (clock.now - begun) <= BURST_SECONDS + 2 * BLOCK
    clock.now += 3600
    clock.pace.restart()
    resumed, heard = clock.now, clock.heard
    clock.hear(60)
    assert clock.heard - heard - (clock.now - resumed) < 2 * BLOCK


def test_a_file_comes_in_real_time_whatever_held_it_up() -> None:
    clock = Clock(FILE)
    clock.hear(5)
    clock.now += 1000
    since = clock.now
    clock.hear(10)
    assert clock.now - since + 2 * BLOCK >= 10 - BLOCK - 1e-6
