"""The keys at the foot of the screen."""

from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from tui.widgets.wrap import cells

_PADDING = 3
"""Cells around key and label, of Textual's own style."""


class Keys(Footer):
    """Shows as many keys as fit, each whole."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)

    def compose(self) -> ComposeResult:
        """Those that fit, the first ones first."""
        room = self.app.size.width
        for key in super().compose():
            if isinstance(key, FooterKey):
                room -= (needed := cells(key.key_display + key.description) + _PADDING)
                if room < 0:
                    room += needed
                    continue
            yield key

    async def on_resize(self, event: Resize) -> None:
        """Others may fit now."""
        await self.recompose()
