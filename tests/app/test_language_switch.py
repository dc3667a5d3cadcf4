"""Switching the language by keys, and what is remembered of it."""

import os
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from tests.app.still import StillSession, still, until
from tui.app import CapttyApp
from tui.captions import Event, EventKind
from tui.captions.languages import AUTO, LANGUAGES
from tui.live.feed import State
from tui.screens.language import LanguageScreen
from tui.screens.recent import Recent
from tui.widgets.status_line import StatusLine
from tui.widgets.tail_line import TailLine
from tui.widgets.transcript import TranscriptView
from tui.widgets.wrap import cells

SIZES = [(40, 12), (80, 24), (200, 60)]


def dashboard(recent: Path | None = None) -> tuple[CapttyApp, list[StillSession]]:
    """A dashboard with an English session that stands still."""
    open_session, opened = still(State.LIVE)
    app = CapttyApp(open_session, source="talk.mp3", language="en", recent_languages=recent)
    return app, opened


async def live(pilot: Pilot[Any], app: CapttyApp) -> None:
    await until(pilot, lambda: app.caption_screen._snapshot.language == "en")


async def choosing(pilot: Pilot[Any], app: CapttyApp) -> OptionList:
    await pilot.press("l")
    await until(pilot, lambda: isinstance(app.screen, LanguageScreen))
    await pilot.pause()
    return app.screen.query_one(OptionList)


def listed(options: OptionList) -> list[str]:
    return [option.id or "" for option in options.options]


def screen_rows(app: CapttyApp) -> list[str]:
    return [strip.text for strip in app.screen._compositor.render_strips()]


def notice(app: CapttyApp) -> str:
    return app.caption_screen.query_one(TailLine).notice


async def test_two_keys_switch_to_the_language_before(tmp_path: Path) -> None:
    recent = tmp_path / "captty" / "languages"
    app, opened = dashboard(recent)
    async with app.run_test() as pilot:
        await live(pilot, app)
        await pilot.press("l", *"deut", "enter")
        await until(pilot, lambda: notice(app) == "switching to German …")
        opened[0].switched("de")
        await until(pilot, lambda: notice(app) == "")
        assert app.caption_screen.query_one(StatusLine).status.language == "de"
        assert app.caption_screen.query_one("#language", Input).value == "de"
        lines = [line.text for line in app.caption_screen.query_one(TranscriptView)._lines]
        assert "── language: German ──" in lines
        await pilot.press("l", "enter")
        await until(pilot, lambda: opened[0].asked == ["switch de", "switch en"])
        opened[0].switched("en")
        await until(pilot, lambda: recent.exists() and recent.read_text() == "en\nde\n")


async def test_recent_ones_first_then_auto_then_all_and_the_current_one_marked(
    tmp_path: Path,
) -> None:
    recent = tmp_path / "languages"
    recent.write_text("en\nhe\nde\n")
    app, _ = dashboard(recent)
    async with app.run_test() as pilot:
        await live(pilot, app)
        options = await choosing(pilot, app)
        assert listed(options)[:4] == ["he", "de", "auto", "en"]
        assert sorted(listed(options)) == sorted([*LANGUAGES, "auto"])
        assert options.highlighted == 0
        (marked,) = [option.id for option in options.options if "✓" in str(option.prompt)]
        assert marked == "en"


async def test_typing_filters_and_the_arrows_choose() -> None:
    app, opened = dashboard()
    async with app.run_test() as pilot:
        await live(pilot, app)
        options = await choosing(pilot, app)
        await pilot.press(*"ge")
        await until(pilot, lambda: listed(options)[:2] == ["de", "ka"])
        await pilot.press("down", "down", "up", "enter")
        await until(pilot, lambda: opened[0].asked == ["switch ka"])


async def test_detection_can_be_chosen_and_nonsense_chooses_nothing() -> None:
    app, opened = dashboard()
    async with app.run_test() as pilot:
        await live(pilot, app)
        options = await choosing(pilot, app)
        await pilot.press(*"klingon", "enter")
        assert not any(listed(options))
        assert isinstance(app.screen, LanguageScreen)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.caption_screen)
        assert not opened[0].asked
        await pilot.press("l", *"auto", "enter")
        await until(pilot, lambda: opened[0].asked == ["switch None"])
        await until(pilot, lambda: notice(app) == "switching to auto …")


async def test_the_language_in_use_is_not_switched_to() -> None:
    app, opened = dashboard()
    async with app.run_test() as pilot:
        await live(pilot, app)
        await pilot.press("l", "e", "n", "enter")
        await until(pilot, lambda: app.screen is app.caption_screen)
        assert not opened[0].asked
        assert notice(app) == ""


async def test_a_refusal_is_told_and_the_wait_is_over() -> None:
    app, opened = dashboard()
    async with app.run_test(size=(120, 24)) as pilot:
        await live(pilot, app)
        await pilot.press("l", *"deut", "enter")
        await until(pilot, lambda: notice(app).startswith("switching"))
        opened[0].feed.happened(Event(EventKind.ERROR, 0, "this engine knows English only"))
        await until(pilot, lambda: notice(app) == "")
        assert "error: this engine knows English only" in "\n".join(screen_rows(app))
        assert app.caption_screen.query_one(StatusLine).status.language == "en"
        assert app.caption_screen._recent.entries == ["en"]


async def test_without_a_session_the_next_one_gets_the_language() -> None:
    app = CapttyApp(still(State.LIVE)[0])
    async with app.run_test() as pilot:
        await pilot.press("escape", "l", *"deut", "enter")
        field = app.caption_screen.query_one("#language", Input)
        await until(pilot, lambda: field.value == "de")
        assert notice(app) == "next session: German"


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_every_row_keeps_to_its_row_and_captions_stay_in_view(size: tuple[int, int]) -> None:
    app, opened = dashboard()
    async with app.run_test(size=size) as pilot:
        await live(pilot, app)
        options = await choosing(pilot, app)
        seen = ""
        for _ in range(len(LANGUAGES) // (options.size.height - 1) + 2):
            rows = screen_rows(app)
            assert len(rows) == size[1]
            assert "LIVE" in rows[0]
            assert any("She has been writing" in row for row in rows)
            seen += "\n".join(rows)
            await pilot.press("pagedown")
            await pilot.pause()
        assert [name for name in LANGUAGES.values() if name not in seen] == []
        widest = [str(option.prompt) for option in options.options]
        assert max(map(cells, widest)) <= max(60, size[0])
        opened[0].revise()
        await until(pilot, lambda: any("the sea" in row for row in screen_rows(app)))


async def test_without_colour_the_chosen_row_still_stands_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, _ = dashboard()
    async with app.run_test() as pilot:
        await live(pilot, app)
        options = await choosing(pilot, app)
        looks = [
            {bool(piece.style and piece.style.underline) for piece in options.render_line(y)}
            for y in range(3)
        ]
        assert looks == [{True}, {False}, {False}]


async def test_what_is_pasted_into_the_filter_is_drawn_as_text() -> None:
    app, _ = dashboard()
    async with app.run_test() as pilot:
        await live(pilot, app)
        await choosing(pilot, app)
        field = app.screen.query_one(Input)
        field.value = "[b]x\x1b]0;t\x07\u202e[/]"
        await until(pilot, lambda: field.value == "[b]x]0;t[/]")
        await pilot.pause()
        assert "[b]x]0;t[/]" in "\n".join(screen_rows(app))


def test_recent_languages_come_back_newest_first_and_at_most_eight(tmp_path: Path) -> None:
    path = tmp_path / "new" / "languages"
    recent = Recent.languages(path)
    used = [*list(LANGUAGES)[:9], None]
    for language in used:
        recent.use(language or AUTO)
    _settle()
    kept = Recent.languages(path).entries
    assert kept == ["auto", *reversed(list(LANGUAGES)[2:9])]
    assert [file.name for file in path.parent.iterdir()] == ["languages"]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\n", b"de\nde\nklingon\nGerman\n\x1b[2J\nauto\n", b"x" * 10_000_000]
)
def test_a_damaged_file_of_recent_languages_costs_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "languages"
    path.write_bytes(content)
    assert Recent.languages(path).entries == (["de", "auto"] if b"de" in content else [])


def test_a_file_that_cannot_be_had_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "languages"
    path.mkdir()
    recent = Recent.languages(path)
    recent.use("de")
    _settle()
    assert recent.entries == ["de"]
    assert os.listdir(tmp_path) == ["languages"]


def _settle() -> None:
    """Wait for what is written on threads."""
    import threading

    for thread in threading.enumerate():
        if thread.name == "recent languages":
            thread.join()
