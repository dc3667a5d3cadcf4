"""What a source gives: sound into spool and recording, facts into the session."""

from collections.abc import Callable

from tui.audio.source import Fact, Missed, Switched, Trouble
from tui.audio.spool import Loss
from tui.captions import EventKind
from tui.live.feed import Feed
from tui.live.standing import Standing
from tui.live.tape import Tape
from tui.live.transcription import Transcription


class Intake:
    """Takes it, each thing in its place on the time line."""

    def __init__(
        self,
        text: Transcription,
        tape: Tape,
        standing: Standing,
        feed: Feed,
        moved: Callable[[], None],
    ) -> None:
        """`moved` is called where time goes on without sound."""
        self._text = text
        self._spool = text.spool
        self._tape = tape
        self._standing = standing
        self._feed = feed
        self._moved = moved

    def take(self, pcm: bytes) -> None:
        """Keep whole samples behind the last."""
        self._spool.append(pcm)
        self._tape.hear(pcm)

    def told(self, fact: Fact) -> None:
        """Take what the source tells besides sound."""
        match fact:
            case Missed(samples, cause):
                start = self._spool.end
                self.take(bytes(2 * samples))
                self._text.missed(Loss(start, self._spool.end, cause))
                self._moved()
            case Trouble(sentence):
                self._feed.silence(sentence)
                self._text.note_lost(last=not sentence)
                self._standing.soundless(bool(sentence))
            case Switched(name):
                self._text.happened(EventKind.SOURCE, self._spool.end, name)
