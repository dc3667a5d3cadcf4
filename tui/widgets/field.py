"""A line to type into."""

from dataclasses import dataclass

from textual.binding import Binding
from textual.events import Focus, Key, Paste
from textual.message import Message
from textual.widgets import Input
from textual.widgets.input import Selection

from tui.widgets.dropped import dropped

_EDITS = {
    binding.key: binding.action
    for binding in Binding.make_bindings(Input.BINDINGS)
    if binding.action != "submit"
}


class Field(Input):
    """Knows files that are dropped on the terminal, and what its user has selected himself."""

    @dataclass
    class Dropped(Message):
        """Files were dropped on it."""

        paths: list[str]

    _automatic: Selection | None = None

    @property
    def picked(self) -> str:
        """What the user has selected; nothing where the field did so by itself."""
        return "" if self.selection == self._automatic else self.selected_text

    def on_focus(self, event: Focus) -> None:
        """All of the text is selected then, to be typed over."""
        if not event.from_app_focus:
            self._automatic = Selection(0, len(self.value))

    def watch_selection(self, selection: Selection) -> None:
        """Another selection is one of the user's."""
        if selection != self._automatic:
            self._automatic = None

    def on_resize(self) -> None:
        """Show the end of what is too long: it tells most."""
        self.scroll_to(x=self.max_scroll_x - 1, animate=False, force=True)

    async def on_key(self, event: Key) -> None:
        """Edit by keys in their turn: on their way to the app the text behind would overtake them.

        Enter does not overtake the keys that move through the offers.
        """
        if action := _EDITS.get(event.key):
            event.prevent_default()
            event.stop()
            await self.run_action(action)

    def on_paste(self, event: Paste) -> None:
        """Hand on what names files; the rest is inserted as usual."""
        if paths := dropped(event.text):
            event.prevent_default()
            event.stop()
            self.post_message(self.Dropped(paths))
