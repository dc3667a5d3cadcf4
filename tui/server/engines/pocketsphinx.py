"""English by pocketsphinx, the engine that is always there: its package carries a model."""

from tui.server.engines import Recogniser


class PocketSphinx:
    """The engine: English only, and no vocabulary of the user's."""

    name = "pocketsphinx"
    languages = frozenset({"en"})

    def start(self, language: str | None, prompt: str) -> Recogniser:
        """Load the model; `prompt` means nothing to it."""
        from tui.server.engines.pocketsphinx_stream import PocketSphinxStream

        return PocketSphinxStream()


ENGINE = PocketSphinx()
