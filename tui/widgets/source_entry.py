"""The one entry for every sound, with what may be meant below it."""

from dataclasses import dataclass
from itertools import takewhile
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import DescendantFocus
from textual.message import Message
from textual.widgets import Input, OptionList

from tui.widgets.dropped import dropped
from tui.widgets.field import Field
from tui.widgets.offer_list import OfferList, OfferOption
from tui.widgets.sounds import Offer, Sounds, drawable, shown

_WIDTH, _SCROLLBAR = 64, 2
"""Cells of a row of offers at most, and of what is beside it."""


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
        """There is something to say about what was entered, or nothing more."""

        sentence: str

    class Found(Message):
        """There is more to offer."""

    def __init__(self, source: str, sounds: Sounds) -> None:
        super().__init__()
        self._sounds = sounds
        self._real, self._shown = source, shown(source)
        self._whole, self._remarked = True, False
        self._offers: list[Offer] = []

    def compose(self) -> ComposeResult:
        """The field above the offers."""
        yield Field(self._shown, placeholder="mic, file, URL, demo", id="source", compact=True)
        yield OfferList(id="offers", compact=True, markup=False)

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

    def conceal(self) -> None:
        """Have nothing secret in the field; what it holds opens as before."""
        if shown(self.entered) != self._field.value:
            self.hold(self.entered)

    def paste(self, text: str) -> None:
        """Have a pasted text in the field, or the first of the files that it names."""
        if paths := dropped(text):
            self.drop(paths)
        elif text.strip():
            self.hold(text.strip().splitlines()[0], whole=False)

    def drop(self, paths: list[str]) -> None:
        """Have the first of some files in the field."""
        self.hold(paths[0])
        if len(paths) > 1:
            self._remark(f"{len(paths)} files were dropped: this is the first")

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
        if self._remarked and event.value != self._shown:
            self._remark("")
        if event.value != (safe := drawable(event.value)):
            event.input.value = safe
        elif self._field.has_focus:
            self._list.highlighted = None
            self._look()

    @on(Input.Submitted)
    def enter(self, event: Input.Submitted) -> None:
        """Take the offer that is highlighted, or what is typed."""
        event.stop()
        if isinstance(option := self._list.highlighted_option, OfferOption):
            self._take(option.offer)
        else:
            self.post_message(self.Entered(self.entered))

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """Take the offer that is clicked."""
        event.stop()
        if isinstance(event.option, OfferOption):
            self._take(event.option.offer)

    @on(Field.Dropped)
    def take_dropped(self, event: Field.Dropped) -> None:
        """Have the first of the files in the field."""
        event.stop()
        self.drop(event.paths)

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
    def _field(self) -> Field:
        return self.query_one(Field)

    @property
    def _list(self) -> OfferList:
        return self.query_one(OfferList)

    def _remark(self, sentence: str) -> None:
        self._remarked = bool(sentence)
        self.post_message(self.Remarked(sentence))

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
        listed.set_options(OfferOption(offer, width) for offer in offers)
        listed.highlighted = offers.index(marked) if marked in offers else None
        listed.set_class(not offers, "-empty")


def _common(paths: list[str]) -> str:
    """With what all of them begin."""
    pairs = zip(min(paths, default=""), max(paths, default=""), strict=False)
    return "".join(a for a, b in takewhile(lambda pair: pair[0] == pair[1], pairs))
