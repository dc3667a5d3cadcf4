"""The transcript pane: what a reader sees, and that it stands still while they read."""

import math
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.events import MouseScrollUp
from textual.geometry import Region
from textual.strip import Strip

from tests.app.still import until
from tui.captions import SAMPLE_RATE, Event, EventKind, Segment, SegmentKey
from tui.captions.diff import Span, revised_spans
from tui.themes import load_themes, packaged_themes, theme_variable_defaults
from tui.widgets.live_text import LiveText
from tui.widgets.marks import RevisionMarks
from tui.widgets.transcript import TranscriptView

WORDS = ["so", "the", "captions", "come", "late", "and", "change", "before", "they", "are", "read"]


class RecordingView(TranscriptView):
    """Counts the rows that it asks to repaint."""

    def __init__(self) -> None:
        super().__init__()
        self.repainted: list[int] = []

    def refresh(self, *regions: Region, **options: bool) -> "RecordingView":
        rows = [row for region in regions for row in region.line_range]
        self.repainted += rows if regions else range(self.size.height)
        return super().refresh(*regions, **options)


class PaneApp(App[None]):
    """A transcript above live text, and what the transcript tells."""

    def __init__(self, *, live: bool = False) -> None:
        super().__init__()
        for theme in load_themes([packaged_themes()])[0]:
            self.register_theme(theme)
        self.theme = "captty-dark"
        self.view = RecordingView()
        self.live = LiveText()
        self._with_live = live
        self.told: list[tuple[bool, int]] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme_variable_defaults()

    def compose(self) -> ComposeResult:
        yield self.view
        if self._with_live:
            yield self.live

    def on_transcript_view_follow_changed(self, event: TranscriptView.FollowChanged) -> None:
        self.told.append((event.following, event.behind))


def segment(number: int, text: str, seconds: float | None = None, **fields: object) -> Segment:
    start = int((number * 2 if seconds is None else seconds) * SAMPLE_RATE)
    defaults = {"end": start + SAMPLE_RATE, "settled": True}
    return Segment(SegmentKey(0, number), text, start, **(defaults | fields))  # type: ignore[arg-type]


def sentence(number: int, words: int = 20) -> str:
    """Different words for each number, `words` of them at most."""
    source = random.Random(number)
    return f"{number}: " + " ".join(source.choices(WORDS, k=source.randint(1, words)))


def many(count: int) -> list[Segment]:
    return [segment(number, sentence(number)) for number in range(count)]


def rows(widget: TranscriptView | LiveText) -> list[str]:
    """The text of the rows in view, without the blanks behind it."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


def all_rows(view: TranscriptView) -> list[str]:
    """Every row of the transcript, from top to bottom; leaves the view at its end."""
    view.action_follow()
    found: dict[int, str] = {}
    for top in range(0, view.virtual_size.height, view.size.height):
        view.scroll_to(y=top, animate=False)
        found |= {view.scroll_offset.y + y: text for y, text in enumerate(rows(view))}
    view.action_follow()
    return [found[row] for row in sorted(found)]


# Rows


async def test_the_time_stands_left_and_text_alone_right_of_it() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 6)):
        app.view.show(
            [
                segment(1, "Good morning everybody, and welcome to the second day of the meeting."),
                segment(2, "Let us begin."),
            ]
        )
        assert rows(app.view) == [
            "",
            "",
            "",
            "00:02   Good morning everybody, and welcome to the second",
            "        day of the meeting.",
            "00:04   Let us begin.",
        ]


async def test_a_narrow_pane_spends_one_cell_between_time_and_text() -> None:
    app = PaneApp()
    async with app.run_test(size=(40, 3)):
        app.view.show([segment(1, "Good morning everybody, and welcome to you")])
        assert rows(app.view)[1:] == [
            "00:02 Good morning everybody, and",
            "      welcome to you",
        ]


async def test_from_one_hour_on_times_have_hours_and_all_rows_make_room() -> None:
    app = PaneApp()
    async with app.run_test(size=(40, 2)):
        app.view.show([segment(1, "early")])
        app.view.put(segment(2, "late", seconds=3600))
        assert rows(app.view) == ["  00:02 early", "1:00:00 late"]


async def test_events_are_lines_of_their_own_at_their_time() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 5)):
        app.view.put(segment(1, "before", seconds=5))
        app.view.put(segment(3, "after", seconds=15))
        app.view.put_event(Event(EventKind.BROKEN, 10 * SAMPLE_RATE, "the network is gone"))
        app.view.put_event(Event(EventKind.PAUSED, 15 * SAMPLE_RATE))
        assert rows(app.view) == [
            "",
            "00:05   before",
            "00:10   ── interrupted: the network is gone ──",
            "00:15   ── paused ──",
            "00:15   after",
        ]


async def test_text_is_never_parsed_as_markup() -> None:
    app = PaneApp()
    hostile = "[b]bold[/b] [/] [@click=app.quit]click[/] $primary \\[x]"
    async with app.run_test(size=(70, 2)):
        app.view.put(segment(1, hostile))
        assert rows(app.view)[1] == f"00:02   {hostile}"


async def test_revised_words_are_underlined_and_their_rows_marked() -> None:
    app = PaneApp()
    old, new = "the hat sat on the mat", "the cat sat on the mat"
    async with app.run_test(size=(60, 2)):
        app.view.put(segment(1, new), revised_spans(old, new))
        assert rows(app.view)[1] == "00:02 ~ the cat sat on the mat"
        assert underlined(app.view.render_line(1)) == "cat"
        app.view.clear_marks([SegmentKey(0, 1)])
        assert rows(app.view)[1] == "00:02   the cat sat on the mat"
        assert underlined(app.view.render_line(1)) == ""


def underlined(strip: Strip) -> str:
    return "".join(piece.text for piece in strip if piece.style and piece.style.underline)


async def test_text_that_has_not_settled_differs_in_more_than_colour() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 2)):
        app.view.put(segment(1, "perhaps", settled=False))
        assert rows(app.view)[1] == "00:02 › perhaps"


async def test_another_theme_recolours_what_is_drawn() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 4)) as pilot:
        app.view.show(many(3))
        dark = app.view.render_line(3)
        app.theme = "captty-light"
        await pilot.pause()
        light = app.view.render_line(3)
        assert dark.text == light.text
        assert dark != light


async def test_a_word_of_a_megabyte_is_shown() -> None:
    app = PaneApp()
    async with app.run_test(size=(80, 5)):
        app.view.put(segment(1, "a" * 1_000_000))
        assert rows(app.view)[2] == " " * 8 + "a" * 72


# The same rows however they came about

TEXTS = st.integers(0, 99).map(sentence)
NUMBERS = st.integers(0, 12)
UPDATES = st.one_of(
    st.builds(segment, NUMBERS, TEXTS, st.none() | st.integers(0, 60)),
    st.builds(segment, NUMBERS, st.just("")),
    st.builds(Event, st.sampled_from(EventKind), st.integers(0, 60 * SAMPLE_RATE)),
    st.integers(-6, 6),
)
"""Segments new, revised or moved; segments retracted; events; rows that the reader scrolls."""


async def test_updates_in_any_order_leave_the_rows_of_showing_their_outcome() -> None:
    app = PaneApp()

    @given(st.lists(UPDATES, max_size=40))
    def check(updates: list[Segment | Event | int]) -> None:
        app.view.show(())
        play(app.view, updates)
        grown = all_rows(app.view)
        segments = {update.key: update for update in updates if isinstance(update, Segment)}
        app.view.show(segments.values(), [note for note in updates if isinstance(note, Event)])
        assert grown == all_rows(app.view)

    async with app.run_test(size=(40, 6)):
        check()


def play(view: TranscriptView, updates: Iterable[Segment | Event | int]) -> None:
    for update in updates:
        match update:
            case Segment():
                view.put(update)
            case Event():
                view.put_event(update)
            case int():
                view.scroll_relative(y=update, animate=False)


async def test_updates_repaint_every_row_that_looks_different_and_no_other() -> None:
    app = PaneApp()

    @given(st.lists(UPDATES, min_size=1, max_size=40))
    def check(updates: list[Segment | Event | int]) -> None:
        app.view.show(many(8))
        for update in updates:
            before = rows(app.view)
            app.view.repainted.clear()
            play(app.view, [update])
            changed = {y for y, row in enumerate(rows(app.view)) if row != before[y]}
            assert changed <= set(app.view.repainted)
            if not isinstance(update, int) and not app.view.following:
                assert set(app.view.repainted) <= changed

    async with app.run_test(size=(40, 6)):
        check()


async def test_the_screen_shows_what_the_pane_holds_after_each_frame() -> None:
    app = PaneApp()
    source = random.Random(7)
    app.view.styles.padding = (1, 2)
    async with app.run_test(size=(44, 9)) as pilot:
        app.view.show(many(20))
        for step in range(60):
            number = source.randint(0, 20 + step // 5)
            text = "" if source.random() < 0.2 else sentence(source.randint(0, 99))
            play(app.view, [segment(number, text, number * 2 + source.randint(0, 1))])
            if source.random() < 0.2:
                play(app.view, [source.choice((-4, -2, 1, 3, 50))])
            await pilot.pause()
            screen = [strip.text for strip in app.screen._compositor.render_strips()]
            assert [row[2:].rstrip() for row in screen[1:-1]] == rows(app.view)


# Follow and hold


async def test_the_top_row_stays_while_a_reader_looks_back() -> None:
    app = PaneApp()
    source = random.Random(1)
    async with app.run_test(size=(60, 10)) as pilot:
        app.view.show(many(300))
        await pilot.press("pageup", "pageup", "up")
        top = rows(app.view)[0]
        for number in range(300, 800):
            app.view.put(segment(number, sentence(number)))
            if number % 10 == 0:
                revised = source.randrange(0, number - 100)
                app.view.put(segment(revised, sentence(number, words=60)))
            assert rows(app.view)[0] == top
            assert app.view.behind == number - 299
        await pilot.pause()
        assert app.told[-1] == (False, 500)


async def test_rows_above_that_are_retracted_or_revised_do_not_move_the_text() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 10)) as pilot:
        app.view.show(many(100))
        await pilot.press("home", "pagedown", "pagedown")
        before = rows(app.view)
        app.view.repainted.clear()
        app.view.put(segment(0, ""))
        app.view.put(segment(2, sentence(2, words=60)))
        app.view.put_event(Event(EventKind.PAUSED, SAMPLE_RATE))
        app.view.put(segment(99, ""))
        assert rows(app.view) == before
        assert app.view.repainted == []


async def test_text_that_goes_away_below_does_not_pull_the_reader_down() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 10)) as pilot:
        app.view.show(many(20))
        await pilot.press("up")
        top = rows(app.view)[0]
        for number in range(15, 20):
            app.view.put(segment(number, ""))
        assert rows(app.view)[0] == top
        await pilot.press("down")
        assert app.view.following
        assert rows(app.view)[-1] != ""


async def test_reaching_the_end_by_any_way_follows_again() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 10)) as pilot:
        app.view.show(many(30))
        for back in ("end", "pagedown", "down"):
            await pilot.press("up")
            app.view.put(segment(100, sentence(100, words=3)))
            app.view.put(segment(100, ""))
            assert app.view.following is False
            await pilot.press(back, back)
            assert app.view.following is True
        assert app.told[-1] == (True, 0)


async def test_the_wheel_holds_and_the_newest_row_is_one_key_away() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 10)) as pilot:
        app.view.show(many(30))
        await pilot._post_mouse_events([MouseScrollUp], widget=app.view)
        app.view.put(segment(40, "newest"))
        await pilot.pause()
        assert app.told == [(False, 0), (False, 1)]
        await pilot.press("end")
        assert rows(app.view)[-1].endswith("newest")
        assert app.told[-1] == (True, 0)


async def test_a_new_segment_that_is_taken_back_is_not_counted() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 10)) as pilot:
        app.view.show(many(30))
        await pilot.press("up")
        app.view.put(segment(40, "well"))
        app.view.put(segment(40, "well then"))
        assert app.view.behind == 1
        app.view.put(segment(40, ""))
        assert app.view.behind == 0


# Sizes


async def test_any_number_of_resizes_leaves_text_and_place_as_they_were() -> None:
    app = PaneApp()
    source = random.Random(3)
    async with app.run_test(size=(60, 10)) as pilot:
        app.view.show(many(50))
        before = all_rows(app.view)
        app.view.scroll_to(y=40, animate=False)
        await until(pilot, lambda: not app.view.following)
        top = rows(app.view)[0]
        for _ in range(40):
            await pilot.resize_terminal(source.randint(20, 120), source.randint(4, 40))
            await pilot.pause()
        await pilot.resize_terminal(60, 10)
        await until(pilot, lambda: any(row == top for row in rows(app.view)[:3]))
        assert all_rows(app.view) == before


async def test_the_newest_row_stays_in_view_through_a_resize() -> None:
    app = PaneApp()
    async with app.run_test(size=(60, 10)) as pilot:
        app.view.show([*many(50), segment(50, "newest")])
        for size in ((30, 5), (100, 30), (45, 12)):
            await pilot.resize_terminal(*size)
            assert rows(app.view)[-1].endswith("newest")
            assert app.view.following
        assert app.told == []


# Selecting


async def test_text_dragged_over_is_copied_without_times_and_row_breaks() -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 4)) as pilot:
        app.view.show([segment(1, "one two three four five six"), segment(2, "seven eight")])
        assert rows(app.view)[1:] == [
            "00:02 one two three four five",
            "      six",
            "00:04 seven eight",
        ]
        await pilot.mouse_down(app.view, offset=(10, 1))
        await pilot.hover(app.view, offset=(10, 3))
        await pilot.mouse_up(app.view, offset=(10, 3))
        assert app.screen.get_selected_text() == "two three four five six\nseven"


async def test_a_drag_from_the_time_selects_from_the_start_of_the_text() -> None:
    app = PaneApp()
    async with app.run_test(size=(30, 4)) as pilot:
        app.view.show([segment(1, "one two three"), segment(2, "four five")])
        await pilot.mouse_down(app.view, offset=(1, 2))
        await pilot.hover(app.view, offset=(8, 3))
        await pilot.mouse_up(app.view, offset=(8, 3))
        assert app.screen.get_selected_text() == "one two three\nfou"


# Text that has not settled


def open_segment(number: int, text: str) -> Segment:
    return segment(number, text, settled=False)


async def test_open_text_stands_below_in_a_pane_that_keeps_its_height() -> None:
    app = PaneApp(live=True)
    async with app.run_test(size=(40, 12)) as pilot:
        app.live.put([open_segment(1, "so let us see")])
        await pilot.pause()
        assert rows(app.live) == ["00:02›so let us see", "", "", ""]
        assert app.view.size.height == 8


async def test_the_pane_grows_with_the_text_and_shrinks_when_a_segment_settles() -> None:
    app = PaneApp(live=True)
    heights = []
    async with app.run_test(size=(40, 20)) as pilot:
        for count in (1, 40, 10, 80):
            app.live.put([open_segment(1, " ".join(["word"] * count))])
            await pilot.pause()
            heights.append(app.live.size.height)
        app.live.put([open_segment(2, "next")])
        await pilot.pause()
        assert [*heights, app.live.size.height] == [4, 6, 6, 8, 4]


async def test_more_open_text_than_room_shows_its_newest_rows() -> None:
    app = PaneApp(live=True)
    async with app.run_test(size=(40, 20)) as pilot:
        app.live.put([open_segment(1, " ".join(map(str, range(200))))])
        await pilot.pause()
        assert rows(app.live)[-1].endswith("198 199")
        assert app.live.size.height == 8


async def test_a_smaller_screen_gives_open_text_fewer_rows() -> None:
    app = PaneApp(live=True)
    async with app.run_test(size=(40, 12)) as pilot:
        app.live.min_rows = 3
        await pilot.pause()
        assert (app.live.size.height, app.view.size.height) == (3, 9)


async def test_a_narrower_screen_gives_open_text_the_rows_it_needs() -> None:
    app = PaneApp(live=True)
    async with app.run_test(size=(120, 20)) as pilot:
        app.live.put([open_segment(1, " ".join(["word"] * 40))])
        await pilot.resize_terminal(40, 20)
        await pilot.pause()
        assert app.live.size.height == 6
        assert "".join(rows(app.live)).count("word") == 40


async def test_only_rows_of_open_text_that_changed_are_repainted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = PaneApp(live=True)
    repainted: list[int] = []
    refresh = app.live.refresh

    def record(*regions: Region, **options: bool) -> LiveText:
        repainted.extend(row for region in regions for row in region.line_range)
        return refresh(*regions, **options)

    async with app.run_test(size=(40, 12)) as pilot:
        text = "one two three four five six seven eight nine"
        app.live.put([open_segment(1, text)])
        await pilot.pause()
        monkeypatch.setattr(app.live, "refresh", record)
        app.live.put([open_segment(1, text)])
        assert repainted == []
        app.live.put([open_segment(1, text + " ten")])
        assert repainted == [1]


async def test_revised_words_of_open_text_are_marked() -> None:
    app = PaneApp(live=True)
    async with app.run_test(size=(60, 12)):
        new = open_segment(1, "the cat sat")
        app.live.put([new], {new.key: [Span(4, 7)]})
        assert rows(app.live)[0] == "00:02 ~ the cat sat"
        assert underlined(app.live.render_line(0)) == "cat"
        app.live.put([new])
        assert rows(app.live)[0] == "00:02 › the cat sat"


async def test_both_panes_keep_room_for_the_same_times() -> None:
    app = PaneApp(live=True)
    async with app.run_test(size=(40, 12)):
        app.view.put(segment(1, "early"))
        app.live.put([segment(2, "late", seconds=3600, settled=False)])
        app.view.reach(3600 * SAMPLE_RATE)
        assert rows(app.view)[-1] == "  00:02 early"
        assert rows(app.live)[0] == "1:00:00›late"


async def test_open_text_can_be_selected() -> None:
    app = PaneApp(live=True)
    async with app.run_test(size=(40, 12)) as pilot:
        app.live.put([open_segment(1, "one two three")])
        await pilot.mouse_down(app.live, offset=(10, 0))
        await pilot.hover(app.live, offset=(12, 0))
        await pilot.mouse_up(app.live, offset=(12, 0))
        assert app.screen.get_selected_text() == "two"


# What counts as just revised


def revise(marks: RevisionMarks, old: str, new: str, now: float, *, settled: bool = False) -> str:
    spans = marks.revise(open_segment(1, old), segment(1, new, settled=settled), now)
    return " ".join(new[start:end] for start, end in spans)


def test_a_revised_word_stays_marked_for_three_seconds_of_growing_text() -> None:
    marks = RevisionMarks()
    assert revise(marks, "the hat", "the cat", 10) == "cat"
    assert revise(marks, "the cat", "the cat sat", 11) == "cat"
    assert revise(marks, "the cat sat", "the cat set", 12) == "cat set"
    assert marks.next_end == 13
    assert marks.expire(12.9) == []
    assert marks.expire(13) == [SegmentKey(0, 1)]
    assert marks.spans(SegmentKey(0, 1)) == (Span(8, 11),)
    assert marks.expire(15) == [SegmentKey(0, 1)]
    assert marks.next_end == math.inf


def test_settling_ends_older_marks_but_shows_what_it_revised_itself() -> None:
    marks = RevisionMarks()
    revise(marks, "the hat sat", "the cat sat", 10)
    assert revise(marks, "the cat sat", "the cat set", 11, settled=True) == "set"
    assert revise(marks, "the cat set", "the cat set", 12, settled=True) == ""


def test_case_and_punctuation_are_no_revision() -> None:
    assert revise(RevisionMarks(), "the cat sat", "The cat sat.", 10) == ""


def test_without_animation_no_mark_goes_by_time_alone() -> None:
    marks = RevisionMarks(math.inf)
    revise(marks, "the hat", "the cat", 10)
    assert marks.expire(1e9) == []
    assert marks.next_end == math.inf
    assert revise(marks, "the cat", "the dog", 1e9) == "dog"
