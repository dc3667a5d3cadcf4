"""Lost sound is found and measured by the clock; late sound and slow crystals are no loss."""

from hypothesis import given
from hypothesis import strategies as st

from tui.audio.microphone.clock import MOST_MISSED, SoundClock
from tui.audio.microphone.losses import Losses
from tui.audio.source import CHUNK_SAMPLES, Missed
from tui.captions import SAMPLE_RATE

BLOCK = CHUNK_SAMPLES / SAMPLE_RATE
DRIFTS = st.floats(-200e-6, 200e-6)
"""Of crystals."""


def found(losses: Losses, stamps: list[float]) -> int:
    return sum(losses.feed(CHUNK_SAMPLES, stamp) for stamp in stamps)


@given(drift=DRIFTS, jitter=st.lists(st.floats(0, 0.4), min_size=1, max_size=50))
def test_a_day_of_late_blocks_and_a_slow_crystal_loses_nothing(
    drift: float, jitter: list[float]
) -> None:
    losses = Losses()
    step = 97  # blocks at once, so that hours take no time
    lost = sum(
        losses.feed(
            step * CHUNK_SAMPLES,
            number * step * BLOCK * (1 + drift) + jitter[number % len(jitter)],
        )
        for number in range(18_000)
    )

    assert lost == 0


@given(drift=DRIFTS, stall=st.floats(0, 20), after=st.integers(1, 400))
def test_a_stall_whose_sound_comes_later_in_one_burst_loses_nothing(
    drift: float, stall: float, after: int
) -> None:
    stamps = [number * BLOCK * (1 + drift) for number in range(after + 1_000)]
    late = stamps[after] + stall
    stamps = [max(stamp, late) if number >= after else stamp for number, stamp in enumerate(stamps)]

    assert found(Losses(), stamps) == 0


@given(
    drift=DRIFTS,
    holes=st.lists(st.tuples(st.floats(0.6, 30), st.integers(60, 400)), min_size=1, max_size=5),
)
def test_what_is_lost_is_told_once_and_to_the_tenth_of_a_second(
    drift: float, holes: list[tuple[float, int]]
) -> None:
    stamps, now = [], 0.0
    for hole, blocks in [(0.0, 200), *holes]:
        now += hole
        for _ in range(blocks):
            now += BLOCK * (1 + drift)
            stamps.append(now)

    lost = found(Losses(), stamps) / SAMPLE_RATE

    assert abs(lost - sum(hole for hole, _ in holes)) < 0.1 * len(holes)


@given(ratio=st.floats(0.2, 0.9))
def test_a_device_that_drops_a_share_of_its_sound_for_a_minute_keeps_the_time(
    ratio: float,
) -> None:
    losses = Losses()
    stamps = [number * BLOCK / ratio for number in range(round(60 * ratio / BLOCK))]

    lost = found(losses, stamps) / SAMPLE_RATE

    assert abs(lost - 60 * (1 - ratio)) < 2.5


@given(
    opened=st.floats(0, 1e6), wait=st.floats(0, 5), gone=st.floats(0.1, 59), ticks=st.integers(0, 9)
)
def test_the_time_goes_on_while_the_device_is_gone(
    opened: float, wait: float, gone: float, ticks: int
) -> None:
    clock = SoundClock(opened)
    assert clock.sound(CHUNK_SAMPLES, opened + wait, "gone") == []
    clock.interrupt()
    missed = 0
    for tick in range(ticks):
        now = opened + wait + gone * (tick + 1) / (ticks + 1)
        missed += sum(item.samples for item in clock.missed(now, "gone"))
    back = clock.sound(CHUNK_SAMPLES, opened + wait + gone + BLOCK, "gone")
    missed += sum(item.samples for item in back)

    assert abs(missed - gone * SAMPLE_RATE) <= ticks + 2


def test_an_hour_without_sound_is_a_minute_of_silence_and_a_word() -> None:
    clock = SoundClock(0.0)
    clock.sound(CHUNK_SAMPLES, 1.0, "gone")
    clock.interrupt()

    missed = clock.missed(3_601.0, "the microphone was gone")

    assert missed == [Missed(MOST_MISSED, "the microphone was gone, 59 min longer than shown here")]
    assert clock.missed(3_601.0, "gone") == []


def test_a_device_that_never_gave_a_sound_is_missed_from_the_beginning() -> None:
    clock = SoundClock(10.0)
    clock.interrupt()

    assert clock.missed(15.5, "gone") == [Missed(round(5.5 * SAMPLE_RATE), "gone")]
