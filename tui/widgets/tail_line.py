"""The row between what has settled and what is still being said."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget


class TailLine(Widget):
    """A rule that tells whether the view follows, and what the reader has to know."""

    DEFAULT_CSS = "TailLine { height: 1; width: 1fr; }"

    behind: reactive[int | None] = reactive(None, layout=False)
    """Captions that came since the reader scrolled up; `None` while the view follows."""
    notice: reactive[str] = reactive("", layout=False)
    """A sentence on why nothing, or nothing more, is to be read; empty where all is well."""

    trouble: reactive[str] = reactive("", layout=False)
    """A sentence while text is not being saved: it comes before everything else."""

    def render(self) -> Content:
        """`── words ─────`, or the rule alone."""
        words = self._words()
        words = f"── {words} " if words else ""
        width = self.size.width
        if len(words) > width:
            words = words[: max(0, width - 1)] + "…"
        return Content(words + "─" * (width - len(words)))

    def _words(self) -> str:
        held = "" if self.behind is None else f"VIEW PAUSED +{self.behind} · f: latest"
        return " · ".join(filter(None, (self.trouble, held, self.notice)))
