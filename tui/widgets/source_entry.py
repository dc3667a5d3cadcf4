"""The one entry for every sound, with what may be meant below it."""

from dataclasses import dataclass
from itertools import takewhile
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import DescendantFocus, Paste
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from tui.widgets.dropped import dropped
from tui.widgets.sounds import Offer, Sounds, drawable, shown
from tui.widgets.wrap import Measured

_KIND = len("monitor") + 2
_WIDTH, _SCROLLBAR = 64, 2
"""Cells of a row of offers at most, and of what is beside it."""


class _Field(Input):
    """Takes files that are dropped on the terminal by their real paths."""

    @dataclass
    class Dropped(Message):
        """Files were dropped."""

        paths: list[str]

    def on_paste(self, event: Paste) -> None:
        """Hand on what names files; the rest is inserted as usual."""
        if paths := dropped(event.text):
            event.prevent_default()
            event.stop()
            self.post_message(self.Dropped(paths))


class SourceEntry(Vertical):
    """A field that takes any sound; below it, while it has the focus, what may be meant.

    What cannot be drawn or must not be seen is not in the field, and still opens.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move('cursor_down')", "Offers", show=False),
        Binding("up", "move('cursor_up')", "Back", show=False),
        Binding("pagedown", "move('page_down')", "Page down", show=False),
        Binding("pageup", "move('page_up')", "Page up", show=False),
        Binding("tab", "complete", "Complete", show=False),
    ]

    @dataclass
    class Entered(Message):
        """A sound is to be opened."""

        source: str

    @dataclass
    class Remarked(Message):
        """There is something to say about what was entered."""

        sentence: str

    class Found(Message):
        """There is more to offer."""

    def __init__(self, source: str, sounds: Sounds) -> None:
        super().__init__()
        self._sounds = sounds
        self._real, self._shown = source, shown(source)
        self._whole = True
        self._offers: list[Offer] = []

    def compose(self) -> ComposeResult:
        """The field above the offers."""
        yield _Field(self._shown, placeholder="mic, file, URL, demo", id="source", compact=True)
        offers = OptionList(id="offers", compact=True, markup=False)
        offers.can_focus = False
        yield offers

    @property
    def source(self) -> str:
        """What is entered, as it is opened."""
        text = self._field.value
        if text == self._shown:
            return self._real
        if self._shown.endswith("/") and text.startswith(self._shown):
            return self._real + text[len(self._shown) :]
        return text.lstrip()

    @property
    def entered(self) -> str:
        """The same where nothing more will be typed."""
        held = self._field.value == self._shown
        return self.source if held else self.source.rstrip()

    def hold(self, source: str, *, whole: bool = True) -> None:
        """Have a sound in the field, shown as it may be; others are offered where it is `whole`."""
        self._real, self._shown, self._whole = source, shown(source), whole
        self._field.value = self._shown
        self._field.cursor_position = len(self._shown)

    def refresh_devices(self) -> None:
        """Look for devices again."""
        self._sounds.refresh(self._tell_found)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Offer what there is now."""
        self.add_class("-open")
        self._sounds.arrive(self._tell_found)
        self._look()

    def on_descendant_blur(self) -> None:
        """Offer nothing any more."""
        self.remove_class("-open")

    @on(Input.Changed)
    def follow(self, event: Input.Changed) -> None:
        """Offer what is meant now; pasted text may hold what a terminal would obey."""
        event.stop()
        if event.value != (safe := drawable(event.value)):
            event.input.value = safe
        elif self._field.has_focus:
            self._list.highlighted = None
            self._look()

    @on(Input.Submitted)
    def enter(self, event: Input.Submitted) -> None:
        """Take the offer that is highlighted, or what is typed."""
        event.stop()
        if self._list.highlighted is None:
            self.post_message(self.Entered(self.entered))
        else:
            self._take(self._offers[self._list.highlighted])

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """Take the offer that is clicked."""
        event.stop()
        self._take(self._offers[event.option_index])

    @on(_Field.Dropped)
    def drop(self, event: _Field.Dropped) -> None:
        """Have the first of the files in the field."""
        event.stop()
        self.hold(event.paths[0])
        if len(event.paths) > 1:
            count = len(event.paths)
            self.post_message(self.Remarked(f"{count} files were dropped: this is the first"))

    @on(Found)
    def offer(self, event: Found) -> None:
        """Show what was found."""
        event.stop()
        self._show_offers()

    def action_move(self, motion: str) -> None:
        """Move the highlight; from the first one up is back to the field."""
        first = next((index for index, offer in enumerate(self._offers) if offer.source), None)
        if motion == "cursor_up" and self._list.highlighted in (None, first):
            self._list.highlighted = None
        elif first is not None:
            getattr(self._list, f"action_{motion}")()

    def action_complete(self) -> None:
        """Complete a path as far as it is clear; where there is nothing to complete, move on."""
        source = self.source
        paths = [offer.source for offer in self._offers if offer.kind in ("file", "folder")]
        paths = [path for path in paths if path.startswith(source)]
        if source and len(common := _common(paths)) > len(source):
            self.hold(common, whole=False)
        elif not ("/" in source and self._sounds.reading(source)):
            self.screen.focus_next()

    @property
    def _field(self) -> _Field:
        return self.query_one(_Field)

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def _take(self, offer: Offer) -> None:
        whole = offer.kind != "folder"
        self.hold(offer.source, whole=whole)
        if whole:
            self.post_message(self.Entered(offer.source))

    def _tell_found(self) -> None:
        """Runs on a thread."""
        self.post_message(self.Found())

    @property
    def _meant(self) -> str:
        """What is looked for: everything, where nothing was typed since a sound was chosen."""
        return "" if self._whole and self._field.value == self._shown else self.source

    def _look(self) -> None:
        self._sounds.look(self._meant, self._tell_found)
        self._show_offers()

    def _show_offers(self) -> None:
        """Show the offers of now; the one that is highlighted stays so."""
        offers, listed = self._sounds.offers(self._meant), self._list
        if offers == self._offers:
            return
        marked = None if listed.highlighted is None else self._offers[listed.highlighted]
        self._offers = offers
        width = min(_WIDTH, self.app.size.width) - _SCROLLBAR
        listed.set_options(
            Option(_row(offer, width), disabled=not offer.source) for offer in offers
        )
        listed.highlighted = offers.index(marked) if marked in offers else None
        listed.set_class(not offers, "-empty")


def _common(paths: list[str]) -> str:
    """With what all of them begin."""
    pairs = zip(min(paths, default=""), max(paths, default=""), strict=False)
    return "".join(a for a, b in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _row(offer: Offer, width: int) -> Content:
    """Kind, name, and what else there is to say; words to read take the rows they need."""
    if not offer.source:
        spans = Measured(offer.name).rows(width)
        return Content("\n".join(offer.name[span.start : span.end] for span in spans))
    return Content(f"{offer.kind:<{_KIND}}{offer.name}  {offer.note}".rstrip())
