"""Themes: wrong files are told of and harm nothing; captty's own can be read in any state."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color as RichColor
from textual.app import App, ComposeResult
from textual.css.stylesheet import Stylesheet
from textual.geometry import Region
from textual.pilot import Pilot
from textual.selection import SELECT_ALL
from textual.theme import BUILTIN_THEMES, Theme
from textual.widgets import Input

from tests.app.still import still, until
from tui.app import CapttyApp
from tui.audio.level import SILENCE_DBFS, Level
from tui.captions import SAMPLE_RATE, Event, EventKind, Segment, SegmentKey
from tui.captions.diff import Span
from tui.live.feed import State
from tui.themes import load_themes, packaged_themes, theme_variable_defaults
from tui.widgets.live_text import LiveText
from tui.widgets.meter import LevelMeter
from tui.widgets.transcript import TranscriptView

OWN = ["captty-dark", "captty-light"]
SOURCES = Path(__file__).parents[2] / "tui"
READABLE = 4.5
"""WCAG 2.2, 1.4.3: contrast of text."""
VISIBLE = 3.0
"""WCAG 2.2, 1.4.11: contrast of marks that carry a meaning."""


# Files


def write(folder: Path, name: str, text: str | bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


GOOD = 'name = "sea"\nprimary = "#1e90ff"\n'


def test_captty_brings_a_dark_and_a_light_theme() -> None:
    themes, failed = load_themes([packaged_themes()])
    assert failed == []
    assert {theme.name: theme.dark for theme in themes} == {OWN[0]: True, OWN[1]: False}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = ", "not valid TOML"),
        (b"\xff\xfe", "not UTF-8"),
        ('primary = "red"', "has no name"),
        ('name = "sea"', "has no primary"),
        (GOOD + 'accent = "notacolor"', "accent is no colour (notacolor)"),
        (GOOD + "accent = 7", "accent cannot be 7"),
        (GOOD + 'dark = "yes"', "dark cannot be 'yes'"),
        (GOOD + 'caption-time = "red"', "belong under [variables]"),
        (GOOD + "luminosity_spread = nan", "luminosity_spread"),
        ('name = "my sea"\nprimary = "red"', "letters, digits"),
        (GOOD + '[variables]\ncaption-time = "rde"', "caption-time is no colour (rde)"),
        (GOOD + "[variables]\ncaption-time = 3", "caption-time cannot be 3"),
        (GOOD + '[variables]\ncaption-tmie = "red"', "no variable caption-tmie"),
        (GOOD + '[variables]\nlink-style = "loud"', "link-style cannot be 'loud'"),
    ],
)
def test_a_file_that_is_wrong_is_told_of_and_the_others_load(
    tmp_path: Path, text: str | bytes, reason: str
) -> None:
    write(tmp_path, "bad.toml", text)
    write(tmp_path, "good.toml", GOOD)
    themes, failed = load_themes([tmp_path])
    assert [theme.name for theme in themes] == ["sea"]
    assert len(failed) == 1
    assert "bad.toml" in failed[0]
    assert reason in failed[0]


def test_a_folder_or_a_directory_in_place_of_a_file_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    themes, failed = load_themes([tmp_path / "missing", tmp_path])
    assert themes == []
    assert "folder.toml" in failed[0]


def test_a_later_folder_overrides_themes_of_the_same_name(tmp_path: Path) -> None:
    write(tmp_path / "own", "dark.toml", 'name = "captty-dark"\nprimary = "#010203"\n')
    themes, _ = load_themes([packaged_themes(), tmp_path / "own"])
    assert {theme.name: theme.primary for theme in themes}["captty-dark"] == "#010203"
    assert len(themes) == 2


def test_escape_sequences_in_a_file_never_reach_the_sentence(tmp_path: Path) -> None:
    write(tmp_path, "bad\x1b[31m.toml", 'name = "a"\nprimary = "\\u001b]0;x\\u0007"\n')
    _, (sentence,) = load_themes([tmp_path])
    assert sentence.isprintable()


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_file_raises(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    folder = tmp_path_factory.mktemp("themes")
    write(folder, "any.toml", GOOD.encode() + text)
    themes, failed = load_themes([folder])
    assert len(themes) + len(failed) == 1


USABLE = ["red", "#123", "hsl(10,50%,50%)", "ansi_blue", "auto 50%", "red 20%", "initial", "bold"]
UNUSABLE = ["nocolour", "", "#12", "$primary", "red; color: blue", "{", "auto auto", "50%"]
COLOURS = st.sampled_from(USABLE + UNUSABLE)


@given(
    st.dictionaries(st.sampled_from(["background", "foreground", "accent", "panel"]), COLOURS),
    st.dictionaries(st.sampled_from([*theme_variable_defaults(), "link-style", "text"]), COLOURS),
    st.booleans(),
    st.floats(width=32),
)
def test_every_theme_that_loads_can_be_used(
    tmp_path_factory: pytest.TempPathFactory,
    colours: dict[str, str],
    variables: dict[str, str],
    dark: bool,
    spread: float,
) -> None:
    lines = [f'{key} = "{value}"' for key, value in colours.items()]
    lines += [f"dark = {str(dark).lower()}", f"luminosity_spread = {spread}", "[variables]"]
    lines += [f'{key} = "{value}"' for key, value in variables.items()]
    folder = tmp_path_factory.mktemp("themes")
    write(folder, "any.toml", GOOD + "\n".join(lines))
    for theme in load_themes([folder])[0]:
        sheet(theme).parse()


def sheet(theme: Theme) -> Stylesheet:
    """A style sheet that uses every variable of a theme."""
    generated = theme.to_color_system().generate()
    variables = theme_variable_defaults() | generated | theme.variables
    styles = Stylesheet(variables=variables)
    for name in variables:
        rule = "text-style" if "-style" in name else "color"
        if name != "link-background":
            styles.add_source(f".x {{ {rule}: ${name}; }}", read_from=(name, ""))
    return styles


# Contrast


def luminance(colour: RichColor) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    assert colour.triplet is not None
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in colour.triplet.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: RichColor, other: RichColor) -> float:
    """The contrast ratio as WCAG 2.2 defines it, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def faint(app: App[Any], region: Region | None = None) -> Iterator[str]:
    """Text on the screen, or in a region of it, that is hard to read."""
    region = region or app.screen.region
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        x = 0
        for piece in strip:
            if region.contains(x, y) and (reason := hard_to_read(piece.text, piece.style)):
                yield f"{piece.text.strip()!r}: {reason}"
            x += piece.cell_length


def hard_to_read(text: str, style: Any) -> str:
    needed = READABLE if any(map(str.isalnum, text)) else VISIBLE
    if needed == VISIBLE and not set(text) & set("~›█┃!"):
        return ""
    if style.dim:
        return "dim"
    ratio = contrast(style.color, style.bgcolor)
    return f"{ratio:.2f} < {needed}" if ratio < needed else ""


class StatesApp(App[None]):
    """Every state of captions and meter at once."""

    def __init__(self, theme: str) -> None:
        super().__init__()
        for own in load_themes([packaged_themes()])[0]:
            self.register_theme(own)
        self.theme = theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme_variable_defaults()

    def compose(self) -> ComposeResult:
        yield TranscriptView()
        yield LiveText()
        for _ in range(3):
            yield LevelMeter()

    def fill(self) -> None:
        view, live = self.query_one(TranscriptView), self.query_one(LiveText)
        view.put(Segment(SegmentKey(0, 1), "settled", 0, 1, settled=True))
        view.put(Segment(SegmentKey(0, 2), "revised", 1, 2, settled=True), [Span(0, 7)])
        view.put_event(Event(EventKind.BROKEN, 3, "gone"))
        key = SegmentKey(0, 3)
        live.put(
            [Segment(key, "open and revised", 4, 5), Segment(SegmentKey(0, 4), "open", 5, 6)],
            {key: [Span(9, 16)]},
        )
        levels = (SILENCE_DBFS, False), (-50.0, False), (-4.0, True)
        for meter, (rms, clipped) in zip(self.query(LevelMeter), levels, strict=True):
            for second in range(12):
                level = Level(rms, rms, clipped=clipped)
                meter.show(level, second * SAMPLE_RATE)
            meter._draw()


@pytest.mark.parametrize("theme", [*OWN, *(name for name in BUILTIN_THEMES if "ansi" not in name)])
async def test_every_state_of_captions_and_meter_can_be_read(theme: str) -> None:
    app = StatesApp(theme)
    async with app.run_test(size=(60, 24)) as pilot:
        app.fill()
        await pilot.pause()
        words = " ".join(strip.text for strip in app.screen._compositor.render_strips())
        for word in ("settled", "~ revised", "~ open", "› open", "no signal", "quiet", "clipping"):
            assert word in words
        assert list(faint(app)) == []


@pytest.mark.parametrize("theme", OWN)
async def test_selected_text_can_be_read(theme: str) -> None:
    app = StatesApp(theme)
    async with app.run_test(size=(60, 24)) as pilot:
        app.fill()
        plain = app.query_one(TranscriptView).render_line(0)
        panes = app.query_one(TranscriptView), app.query_one(LiveText)
        app.screen.selections = dict.fromkeys(panes, SELECT_ALL)
        await pilot.pause()
        assert app.query_one(TranscriptView).render_line(0) != plain or not plain.text.strip()
        assert list(faint(app)) == []


@pytest.mark.parametrize("size", [(80, 24), (40, 12)], ids=str)
@pytest.mark.parametrize("theme", OWN)
async def test_the_dashboard_can_be_read_wherever_the_focus_is(
    theme: str, size: tuple[int, int]
) -> None:
    app = CapttyApp(still(State.LIVE)[0], theme=theme)
    async with app.run_test(size=size, notifications=True) as pilot:
        app.notify("A theme was left out.", severity="warning")
        for _ in range(8):
            await pilot.pause()
            assert list(faint(app)) == []
            await pilot.press("tab")
        app.query_one(Input).value = "talk.mp3"
        app.query_one(Input).focus()
        await pilot.pause()
        assert list(faint(app)) == []


@pytest.mark.parametrize("theme", OWN)
async def test_help_palette_and_languages_can_be_read(theme: str) -> None:
    app = CapttyApp(still(State.LIVE)[0], theme=theme)
    async with app.run_test(size=(80, 24)) as pilot:
        app.caption_screen.action_help()
        await pilot.pause()
        assert list(faint(app, app.screen.query_one("#help").region)) == []
        await pilot.press("escape", "ctrl+p")
        await shown(pilot, "CommandList")
        assert list(faint(app, app.screen.query_one("CommandList").region)) == []
        assert list(faint(app, app.screen.query_one("CommandInput").region)) == []
        await pilot.press("escape", "escape", "l")
        await shown(pilot, "#language-list")
        assert list(faint(app, app.screen.query_one("#languages").region)) == []


async def shown(pilot: Pilot[Any], selector: str) -> None:
    """Wait until a widget takes room on the screen."""
    await until(pilot, lambda: bool(pilot.app.screen.query(selector)))
    await until(pilot, lambda: pilot.app.screen.query_one(selector).size.height > 0)
    await pilot.pause()


# Colours for text come from variables that were checked


def styles() -> Iterator[tuple[str, str]]:
    for path in [
        *SOURCES.rglob("*.tcss"),
        *SOURCES.glob("widgets/*.py"),
        *SOURCES.glob("screens/*.py"),
    ]:
        yield path.name, path.read_text(encoding="utf-8")


FAINT_RULE = re.compile(
    r"(?<![-\w])color:\s*\$(?:warning|accent|success|error|primary|secondary|text-muted)(?![-\w])"
    r"|text-style:[^;]*\bdim\b|(?<![-\w])opacity:(?!\s*(?:100%|1\.0|1;))"
)


def test_no_style_gives_text_a_colour_that_cannot_be_read_in_every_theme() -> None:
    assert FAINT_RULE.search("x { color: $warning; }")
    assert FAINT_RULE.search("x { text-style: bold dim; }")
    assert not FAINT_RULE.search("x { background: $primary; color: $primary-text; }")
    found = {name: match.group() for name, text in styles() if (match := FAINT_RULE.search(text))}
    assert found == {}
