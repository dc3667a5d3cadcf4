"""The level meter: what it shows, and when it names a fault."""

import asyncio
import math
from collections.abc import Iterator
from itertools import pairwise
from time import monotonic

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.geometry import Region

from tests.app.still import until
from tui.audio.ballistics import Ballistics, Fault
from tui.audio.level import FULL_SCALE, SILENCE_DBFS, Level, measure
from tui.audio.source import CHUNK_SAMPLES
from tui.captions import SAMPLE_RATE
from tui.themes import theme_variable_defaults
from tui.widgets.meter import LevelMeter

SPEECH = Level(rms_dbfs=-24.0, peak_dbfs=-10.0, clipped=False)
ZERO = Level(SILENCE_DBFS, SILENCE_DBFS, clipped=False)
MURMUR = Level(rms_dbfs=-58.0, peak_dbfs=-45.0, clipped=False)
CLIPPED = Level(rms_dbfs=-6.0, peak_dbfs=0.0, clipped=True)


class MeterApp(App[None]):
    """A meter of a given size."""

    def __init__(self, meter: LevelMeter, width: int, height: int) -> None:
        super().__init__()
        self.meter = meter
        meter.styles.width, meter.styles.height = width, height

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme_variable_defaults()

    def compose(self) -> ComposeResult:
        yield self.meter


def rows(meter: LevelMeter) -> list[str]:
    """What will stand there once the meter has drawn."""
    meter._draw()
    return [meter.render_line(y).text for y in range(meter.size.height)]


def faults(levels: Iterator[tuple[float, Level]]) -> dict[float, Fault]:
    """What a meter says at each of these seconds."""
    told: dict[float, Fault] = {}
    ballistics: Ballistics | None = None
    for seconds, level in levels:
        at = round(seconds * SAMPLE_RATE)
        ballistics = ballistics or Ballistics(level, at)
        told[seconds] = ballistics.read(level, at).fault
    return told


def steady(level: Level, seconds: float, start: float = 0) -> Iterator[tuple[float, Level]]:
    """A level every tenth of a second."""
    return ((start + tenth / 10, level) for tenth in range(round(seconds * 10) + 1))


# Faults


def test_three_seconds_of_digital_zero_are_no_signal() -> None:
    told = faults(steady(ZERO, 4))
    assert told[2.9] is Fault.NONE
    assert told[3.0] is Fault.NO_SIGNAL


def test_minus_infinity_is_digital_zero() -> None:
    assert faults(steady(Level(-math.inf, -math.inf, clipped=False), 3))[3.0] is Fault.NO_SIGNAL


def test_any_sound_ends_no_signal() -> None:
    told = faults(iter([*steady(ZERO, 4), (4.1, MURMUR), (4.2, ZERO)]))
    assert told[4.1] is Fault.NONE
    assert told[4.2] is Fault.NONE


def test_a_murmur_is_too_quiet_only_after_longer_than_a_pause() -> None:
    told = faults(iter([*steady(SPEECH, 2), *steady(MURMUR, 9, start=2.1)]))
    assert told[9.9] is Fault.NONE
    assert told[10.1] is Fault.QUIET


def test_clipping_is_told_long_enough_to_be_read() -> None:
    told = faults(iter([(0.0, CLIPPED), *steady(SPEECH, 4, start=0.1)]))
    assert told[0.0] is Fault.CLIPPING
    assert told[2.9] is Fault.CLIPPING
    assert told[3.0] is Fault.NONE


def test_the_peak_is_held_and_then_falls() -> None:
    ballistics = Ballistics(SPEECH, 0)
    assert ballistics.read(CLIPPED, 1600).peak == 0
    assert ballistics.read(SPEECH, 1600 + SAMPLE_RATE).peak == 0
    assert ballistics.read(SPEECH, 1600 + 2 * SAMPLE_RATE).peak == -10


def test_the_figure_stands_long_enough_to_be_read() -> None:
    ballistics = Ballistics(SPEECH, 0)
    figures = [
        ballistics.read(Level(-30.0 + step, -10.0, clipped=False), step * 1600).figure
        for step in range(1, 11)
    ]
    assert len(set(figures)) == 3


def test_the_figure_is_the_energy_of_the_time_for_which_it_stands() -> None:
    ballistics, tenth = Ballistics(SPEECH, 0), SAMPLE_RATE // 10
    loud = [ballistics.read(SPEECH, step * tenth) for step in range(1, 5)]
    murmur = ballistics.read(MURMUR, 5 * tenth)
    assert murmur.figure == pytest.approx(-24 + 10 * math.log10(len(loud) / 5), abs=0.1)
    silent = [ballistics.read(ZERO, step * tenth) for step in range(6, 11)]
    assert silent[-1].figure == SILENCE_DBFS


# Rows


async def test_as_a_panel_bar_scale_and_words_have_rows_of_their_own() -> None:
    meter = LevelMeter()
    async with MeterApp(meter, 29, 3).run_test():
        meter.show(SPEECH, 0)
        assert rows(meter) == [
            "████████████████▊╌╌╌╌╌╌┃╌╌╌╌ ",
            "-60     -40      -20       0 ",
            " -24 dB                      ",
        ]
        meter.show(CLIPPED, 800)
        assert rows(meter)[0].endswith("┃!")
        assert rows(meter)[2] == " -24 dB clipping".ljust(29)


async def test_on_one_row_of_forty_cells_all_stands_side_by_side() -> None:
    meter = LevelMeter()
    async with MeterApp(meter, 40, 1).run_test():
        for tenth in range(32):
            meter.show(ZERO, tenth * SAMPLE_RATE // 10)
        assert rows(meter) == ["╌" * 19 + "  -inf dB no signal  "]


async def test_a_meter_without_block_characters_is_ascii() -> None:
    meter = LevelMeter(ascii_only=True)
    async with MeterApp(meter, 29, 3).run_test():
        meter.show(SPEECH, 0)
        assert rows(meter)[0] == "#" * 16 + "-------|---- "
        assert "".join(rows(meter)).isascii()


async def test_without_audio_the_meter_is_empty() -> None:
    meter = LevelMeter()
    async with MeterApp(meter, 29, 3).run_test():
        empty = rows(meter)
        assert "█" not in empty[0]
        assert empty[2].strip() == "-- dB"
        meter.show(CLIPPED, 0)
        meter.show(None, 800)
        assert rows(meter) == empty


async def test_a_device_that_is_gone_is_named_and_another_sound_starts_afresh() -> None:
    meter = LevelMeter()
    async with MeterApp(meter, 29, 3).run_test():
        meter.show(CLIPPED, 0)
        meter.show(None, 800, Fault.GONE)
        assert rows(meter)[0].count("╌") == 28
        assert rows(meter)[2].split() == ["--", "dB", "device", "gone"]
        meter.show(SPEECH, 1600)
        assert rows(meter)[2].split() == ["-24", "dB"]


@pytest.mark.parametrize("repaints", [15, 4])
async def test_repaints_are_bounded_and_the_last_level_is_drawn(
    monkeypatch: pytest.MonkeyPatch, repaints: int
) -> None:
    meter = LevelMeter(repaints=repaints)
    drawn: list[float] = []

    async with MeterApp(meter, 29, 3).run_test() as pilot:
        refresh = meter.refresh

        def record(*regions: Region) -> LevelMeter:
            drawn.append(monotonic())
            return refresh(*regions)

        monkeypatch.setattr(meter, "refresh", record)
        began = monotonic()
        for step in range(300):
            meter.show(Level(-50.0 + step % 40, -5.0, clipped=False), step * SAMPLE_RATE)
            await asyncio.sleep(0.002)
        lasted = monotonic() - began
        await until(pilot, lambda: not meter._waiting)
        assert 2 <= len(drawn) <= lasted * repaints + 2
        assert min(b - a for a, b in pairwise(drawn)) >= 0.5 / repaints
        assert "-31 dB" in meter.render_line(2).text


async def test_a_meter_reads_test_tones_to_half_a_decibel() -> None:
    meter = LevelMeter()
    async with MeterApp(meter, 40, 3).run_test():
        for rms in [-3.02, *range(-4, -61, -1), *(-7.3, -18.6, -33.5, -59.4)]:
            amplitude = math.sqrt(2) * FULL_SCALE * 10 ** (rms / 20)
            phase = 2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE
            tone = np.round(amplitude * np.sin(phase)).clip(-32768, 32767).astype("<i2").tobytes()
            meter.show(None, 0)
            for at in range(0, SAMPLE_RATE, CHUNK_SAMPLES):
                block = tone[2 * at : 2 * (at + CHUNK_SAMPLES)]
                meter.show(measure(block), at + CHUNK_SAMPLES)
            bar, _, words = rows(meter)
            figure = int(words.split()[0])
            assert abs(figure - rms) <= 0.51
            cell = 60 / len(bar[:-1])
            lit = sum("▏▎▍▌▋▊▉█".index(glyph) + 1 for glyph in bar if glyph in "▏▎▍▌▋▊▉█") / 8
            assert abs(-60 + lit * cell - rms) <= cell / 8


async def test_another_session_starts_afresh() -> None:
    meter = LevelMeter()
    async with MeterApp(meter, 29, 3).run_test():
        meter.show(CLIPPED, 60 * SAMPLE_RATE)
        meter.show(SPEECH, 800)
        assert "clipping" not in rows(meter)[2]


async def test_values_that_look_the_same_repaint_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = LevelMeter()
    repainted: list[int] = []
    refresh = meter.refresh

    def record(*regions: Region, **options: bool) -> LevelMeter:
        repainted.extend(row for region in regions for row in region.line_range)
        return refresh(*regions, **options)

    async with MeterApp(meter, 29, 3).run_test():
        meter.show(SPEECH, 0)
        monkeypatch.setattr(meter, "refresh", record)
        meter.show(Level(-24.05, -10.1, clipped=False), 800)
        meter._draw()
        assert repainted == []
        meter.show(Level(-20.0, -10.0, clipped=False), 1600)
        meter._draw()
        assert repainted == [0]


@pytest.mark.parametrize("size", [(1, 1), (12, 1), (18, 1), (40, 1), (28, 2), (2, 3), (80, 5)])
async def test_rows_fill_a_meter_of_any_size(size: tuple[int, int]) -> None:
    meter = LevelMeter()
    levels = st.floats(max_value=6, allow_nan=False)

    @given(levels, levels, st.booleans())
    def check(rms: float, peak: float, clipped: bool) -> None:
        meter.show(Level(rms, peak, clipped=clipped), 0)
        assert {meter.render_line(y).cell_length for y in range(size[1])} == {size[0]}

    async with MeterApp(meter, *size).run_test():
        check()
