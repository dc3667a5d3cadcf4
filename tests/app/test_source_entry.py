"""The one entry for every sound, by Pilot."""

import shlex
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from tests.app.still import still, until
from tests.app.test_sounds import BUILT_IN, HEADSET, SPEAKERS, Mic
from tui.app import CapttyApp
from tui.audio.source import SourceError
from tui.captions import CapttyError
from tui.live.feed import State
from tui.live.session import LiveSession
from tui.screens.captions import CaptionScreen
from tui.screens.recent import Recent
from tui.widgets.source_entry import SourceEntry
from tui.widgets.tail_line import TailLine
from tui.widgets.transcript import TranscriptView

SIZES = [(40, 12), (80, 24), (200, 60)]


class Desk:
    """A dashboard, and what it was asked to open."""

    def __init__(self, **options: Any) -> None:
        open_session, self.opened = still(State.LIVE)
        self.asked: list[tuple[str, str | None, float]] = []

        def open_(source: str, language: str | None, start: float, wake: Any) -> LiveSession:
            self.asked.append((source, language, start))
            if source == "wrong":
                raise SourceError("there is no file wrong")
            return open_session(source, language, start, wake)

        self.app = CapttyApp(open_, **options)

    @property
    def field(self) -> Input:
        return self.app.caption_screen.query_one("#source", Input)

    @property
    def offers(self) -> OptionList:
        return self.app.caption_screen.query_one("#offers", OptionList)

    def rows(self) -> list[str]:
        return [strip.text for strip in self.app.caption_screen._compositor.render_strips()]

    def notice(self) -> str:
        return self.app.caption_screen.query_one(TailLine).notice

    def offered(self) -> str:
        return "\n".join(str(option.prompt) for option in self.offers.options)


@asynccontextmanager
async def desk(
    size: tuple[int, int] = (80, 24), **options: Any
) -> AsyncIterator[tuple[Desk, Pilot[Any]]]:
    made = Desk(**options)
    async with made.app.run_test(size=size) as pilot:
        yield made, pilot


def devices() -> list[Mic]:
    return [SPEAKERS, HEADSET, BUILT_IN]


@pytest.fixture
def talks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "talks" / "evening"
    folder.mkdir(parents=True)
    for name in ("first part.mp3", "first question.mp3", "second.wav"):
        (folder / name).touch()
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_microphone_is_chosen_with_arrow_and_enter(size: tuple[int, int]) -> None:
    async with desk(size, find_devices=devices) as (d, pilot):
        await until(pilot, lambda: "USB Headset" in d.offered())
        await pilot.pause()
        assert any("mic      Built-in Audio" in row for row in d.rows())
        assert any("monitor  Monitor of" in row for row in d.rows())
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: bool(d.asked))
        assert d.asked == [("mic:USB Headset", None, 0.0)]
        await until(pilot, lambda: not d.offers.display)


async def test_the_default_microphone_is_one_arrow_away() -> None:
    async with desk(find_devices=devices) as (d, pilot):
        await pilot.press("down", "enter")
        await until(pilot, lambda: d.asked == [("mic", None, 0.0)])


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_path_is_completed_step_by_step(talks: Path, size: tuple[int, int]) -> None:
    async with desk(size) as (d, pilot):
        await pilot.press(*"tal")
        await until(pilot, lambda: "talks/" in d.offered())
        await pilot.press("tab")
        await until(pilot, lambda: "evening/" in d.offered())
        await pilot.press("down", "enter")
        await until(pilot, lambda: "second.wav" in d.offered())
        assert d.field.value == "talks/evening/"
        assert not d.asked
        await pilot.press("f", "tab")
        await until(pilot, lambda: d.field.value == "talks/evening/first ")
        await pilot.press("q")
        await until(pilot, lambda: "part" not in d.offered())
        assert any("first question.mp3" in row for row in d.rows())
        await pilot.press("tab", "enter")
        await until(pilot, lambda: d.asked == [("talks/evening/first question.mp3", None, 0.0)])


async def test_tab_moves_on_where_nothing_is_to_be_completed() -> None:
    async with desk() as (d, pilot):
        await pilot.press(*"demo", "tab")
        await until(pilot, lambda: getattr(d.app.focused, "id", "") == "language")
        assert not d.offers.display


async def test_up_from_the_first_offer_is_back_in_the_field() -> None:
    async with desk(find_devices=devices) as (d, pilot):
        await pilot.press("down", "up", *"demo", "enter")
        await until(pilot, lambda: d.asked == [("demo", None, 0.0)])


async def test_an_offer_can_be_clicked() -> None:
    async with desk(find_devices=devices) as (d, pilot):
        await until(pilot, lambda: "USB Headset" in d.offered())
        await pilot.pause()
        await pilot.click("#offers", offset=(12, 1))
        await until(pilot, lambda: d.asked == [("mic:USB Headset", None, 0.0)])


@pytest.mark.parametrize("left", [1, 3])
async def test_the_offer_that_was_clicked_is_taken_though_the_list_is_another_one(
    left: int,
) -> None:
    there = [SPEAKERS, HEADSET, BUILT_IN]
    async with desk(find_devices=lambda: list(there)) as (d, pilot):
        await until(pilot, lambda: "USB Headset" in d.offered())
        d.offers.highlighted = 1
        d.offers.action_select()
        there[:] = [BUILT_IN, SPEAKERS, Mic("Room", "ALSA"), HEADSET][:left]
        d.app.caption_screen._sounds._devices = there
        d.app.caption_screen.query_one(SourceEntry)._show_offers()
        await until(pilot, lambda: d.asked == [("mic:USB Headset", None, 0.0)])


async def test_no_wide_character_of_an_offer_is_lost_over_the_edges_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"zz {'a' * indent}日本{'語' * 9} song.mp3" for indent in range(9)]
    for name in names:
        (tmp_path / name).touch()
    async with desk() as (d, pilot):
        await pilot.press("z", "z")
        await until(pilot, lambda: names[-1] in d.offered())
        await pilot.pause()
        drawn = "\n".join(d.rows()).replace(" ", "")
        for name in names:
            assert name.replace(" ", "") in drawn


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_the_end_of_a_long_name_is_in_view(size: tuple[int, int]) -> None:
    source = "/home/someone/recordings/of/a/long/evening/talk.wav"
    async with desk(size, source=source) as (d, pilot):
        await until(pilot, lambda: bool(d.opened))
        if size[0] > 72:
            await until(pilot, lambda: any("talk.wav" in row for row in d.rows()))
        await pilot.press("o")
        await until(pilot, lambda: any("talk.wav" in row for row in d.rows()))


async def test_a_file_begins_where_the_field_says() -> None:
    async with desk() as (d, pilot):
        await pilot.press(*"talk.mp3", "tab", "tab", *"12:61", "enter")
        await until(pilot, lambda: "12:30" in d.notice())
        assert not d.asked
        await pilot.press(*["backspace"] * 2, *"30", "enter")
        await until(pilot, lambda: d.asked == [("talk.mp3", None, 750.0)])
        start = d.app.caption_screen.query_one("#start-at", Input)
        await until(pilot, lambda: start.value == "")


async def test_a_hostile_name_opens_as_it_is_and_is_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a\x1b]0;title\x07\u202e[bold]b"
    (tmp_path / name).mkdir()
    (tmp_path / name / "c.wav").touch()
    monkeypatch.chdir(tmp_path)
    async with desk() as (d, pilot):
        await pilot.press("a")
        await until(pilot, lambda: "folder" in d.offered())
        await pilot.press("down", "enter")
        await until(pilot, lambda: "c.wav" in d.offered())
        await pilot.press("c", "tab", "enter")
        await until(pilot, lambda: d.asked == [(f"{name}/c.wav", None, 0.0)])
        assert not any(ord(c) < 0x20 or c == "\u202e" for c in "".join(d.rows()))


async def test_a_dropped_file_is_opened_by_its_real_name(tmp_path: Path) -> None:
    path = str(tmp_path / "it's my\x1b[2J talk.mp3")
    async with desk() as (d, pilot):
        await pilot.press(*"old")
        d.field.post_message(Paste(f"{shlex.quote(path)} /another.mp3 "))
        await until(pilot, lambda: "2 files were dropped" in d.notice())
        assert d.field.value == path.replace("\x1b", "")
        await pilot.press("enter")
        await until(pilot, lambda: d.asked == [(path, None, 0.0)])


async def test_how_many_files_were_dropped_is_told_until_the_field_changes() -> None:
    async with desk() as (d, pilot):
        d.field.post_message(Paste("/one.mp3 /another.mp3"))
        await until(pilot, lambda: "2 files were dropped" in d.notice())
        await pilot.press("x")
        await until(pilot, lambda: "dropped" not in d.notice(), 2)


@pytest.mark.parametrize("state", [None, State.ENDED, State.FAILED])
@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("'/talks/my talk.mp3' ", "/talks/my talk.mp3"),
        ("https://me:secret@x.org/a?key\n", "https://me:secret@x.org/a?key"),
    ],
)
async def test_what_is_pasted_on_the_captions_can_be_started_by_enter(
    state: State | None, text: str, source: str
) -> None:
    async with desk(source="demo" if state else None) as (d, pilot):
        if state:
            await until(pilot, lambda: d.app.caption_screen.session is not None)
            d.opened[0].feed.state(state)
            await until(pilot, lambda: d.app.caption_screen._state is state)
        await pilot.press("escape")
        assert d.app.caption_screen.query_one(TranscriptView).has_focus
        d.app.post_message(Paste(text))
        await until(pilot, lambda: d.field.has_focus and bool(d.field.value))
        assert "secret" not in "".join(d.rows())
        await pilot.press("enter")
        await until(pilot, lambda: bool(d.asked) and d.asked[-1] == (source, None, 0.0))


async def test_what_is_pasted_while_a_session_runs_is_kept_for_later() -> None:
    async with desk(source="demo") as (d, pilot):
        await until(pilot, lambda: d.app.caption_screen._state is State.LIVE)
        d.app.post_message(Paste("/talks/next.mp3"))
        await until(pilot, lambda: "s stops this session" in d.notice())
        assert d.app.caption_screen.query_one(TranscriptView).has_focus
        d.opened[0].feed.state(State.ENDED)
        await until(pilot, lambda: d.app.caption_screen._state is State.ENDED)
        await pilot.press("o", "enter")
        await until(pilot, lambda: d.asked[-1] == ("/talks/next.mp3", None, 0.0))


async def test_a_file_that_is_dropped_on_another_field_is_a_sound() -> None:
    async with desk() as (d, pilot):
        d.app.caption_screen.query_one("#language").focus()
        await pilot.pause()
        d.app.post_message(Paste("/talks/next.mp3"))
        await until(pilot, lambda: d.field.has_focus and d.field.value == "/talks/next.mp3")


async def test_what_else_is_pasted_is_inserted() -> None:
    async with desk() as (d, pilot):
        await pilot.press(*"https://")
        d.field.post_message(Paste("example.org/live"))
        await until(pilot, lambda: d.field.value == "https://example.org/live")


async def test_a_secret_in_an_address_is_not_shown_and_is_used() -> None:
    address = "https://me:secret@example.org/live?token=secret"
    async with desk((200, 60), source=address) as (d, pilot):
        await until(pilot, lambda: bool(d.opened))
        await pilot.pause()
        assert d.asked == [(address, None, 0.0)]
        assert any("https://example.org/live?…" in row for row in d.rows())
        assert not any("secret" in row for row in d.rows())


async def test_a_secret_that_was_typed_goes_once_the_sound_is_open(tmp_path: Path) -> None:
    recent = tmp_path / "sounds"
    async with desk(recent_sounds=recent) as (d, pilot):
        await pilot.press(*"https://example.org/?key", "enter")
        await until(pilot, lambda: d.field.value == "https://example.org/?…")
        d.opened[0].revise()
        await pilot.press("s", "o", "enter")
        await until(pilot, lambda: "a session is running" in d.notice())
    assert not recent.exists()


async def test_no_secret_stays_in_the_field_when_an_address_fails() -> None:
    address = "https://me:secret@example.org/live?token=secret"

    def refuse(source: str, language: str | None, start: float, wake: Any) -> LiveSession:
        asked.append(source)
        raise SourceError("example.org does not answer")

    asked: list[str] = []
    app = CapttyApp(refuse)
    async with app.run_test(size=(200, 60)) as pilot:
        field = app.caption_screen.query_one("#source", Input)
        await pilot.press(*address, "enter")
        for times in (1, 2):
            await until(pilot, lambda times=times: len(asked) == times)  # type: ignore[misc]
            await until(pilot, lambda: field.value == "https://example.org/live?…")
            await until(pilot, lambda: field.has_focus)
            await pilot.press("enter")
        assert set(asked) == {address}


async def test_sounds_that_opened_are_offered_again_and_others_are_not(talks: Path) -> None:
    recent = talks.parent / "sounds"
    for source in ("wrong", str(talks / "second.wav")):
        async with desk(recent_sounds=recent, source=source) as (d, pilot):
            screen = d.app.caption_screen
            await until(pilot, partial(_settled, screen))
    await until_kept(recent)
    async with desk(recent_sounds=recent) as (d, pilot):
        assert "second.wav" in d.offered()
        assert "wrong" not in d.offered()
        await pilot.press(*"second", "down", "enter")
        await until(pilot, lambda: d.asked == [(str(talks / "second.wav"), None, 0.0)])


def _settled(screen: CaptionScreen) -> bool:
    return screen._state in (State.LIVE, State.FAILED)


async def until_kept(path: Path) -> None:
    """Threads write it."""
    limit = monotonic() + 20
    while not Recent.sounds(path).entries:
        assert monotonic() < limit


async def test_devices_are_looked_for_again_by_a_key() -> None:
    there: list[Mic] = []
    async with desk(find_devices=lambda: list(there)) as (d, pilot):
        await until(pilot, lambda: "no microphone is there" in d.offered())
        there.append(HEADSET)
        await pilot.press("escape")
        assert d.app.caption_screen.query_one(TranscriptView).has_focus
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "USB Headset" in d.offered())
        assert d.field.has_focus


async def test_what_is_missing_for_microphones_can_be_read_whole_at_forty_columns() -> None:
    why = "PortAudio is missing, which microphones need: sudo apt install libportaudio2"

    def find() -> list[Mic]:
        raise CapttyError(why)

    async with desk((40, 12), find_devices=find) as (d, pilot):
        await until(pilot, lambda: "libportaudio2" in d.offered())
        await pilot.pause()
        assert why in " ".join(" ".join(row.strip() for row in d.rows()).split())
        await pilot.press("down", "enter")
        await until(pilot, lambda: d.asked == [("demo", None, 0.0)])


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_why_a_sound_cannot_be_opened_can_be_read_beside_the_offers(
    size: tuple[int, int],
) -> None:
    async with desk(size, find_devices=devices) as (d, pilot):
        await pilot.press(*"wrong")
        for times in (1, 2, 3):
            await pilot.press("enter")
            await until(pilot, lambda times=times: len(d.asked) == times)  # type: ignore[misc]
            await until(pilot, lambda: any("── there is no file wrong" in row for row in d.rows()))
            await until(pilot, lambda: d.field.has_focus and d.field.region.height == 1)
            await pilot.pause()
            assert any(row.strip().startswith("wrong") for row in d.rows())


async def test_a_device_list_that_takes_long_holds_up_nothing() -> None:
    answer = threading.Event()

    def find() -> list[Mic]:
        answer.wait(30)
        return [HEADSET]

    async with desk(find_devices=find) as (d, pilot):
        await until(pilot, lambda: "looking for more" in d.offered())
        await pilot.press("down", "enter")
        await until(pilot, lambda: d.asked == [("mic", None, 0.0)])
        answer.set()


async def test_the_field_of_an_open_sound_offers_the_others() -> None:
    async with desk(find_devices=devices, source="talk.mp3") as (d, pilot):
        await until(pilot, lambda: bool(d.opened))
        await pilot.press("o")
        await until(pilot, lambda: "USB Headset" in d.offered())
        assert d.field.value == "talk.mp3"
