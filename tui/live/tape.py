"""The recording of a live session: on where the user wants one and there is a place for it."""

from typing import TYPE_CHECKING

from tui.audio.spool import Spool
from tui.captions import SAMPLE_RATE, length_text
from tui.live.feed import Feed
from tui.live.recorder import Recorder
from tui.sessions.lines import RECORDING

if TYPE_CHECKING:
    from tui.audio.recording import Recording

_GAVE_WAY = "the recording has stopped to leave the room on the disk to the text"
_END_SECONDS = 1.0
"""How long the end waits for a disk."""


class Tape:
    """Keeps the audio from where it is switched on, beside the journal."""

    def __init__(self, spool: Spool, feed: Feed, *, wanted: bool) -> None:
        """`wanted`: from the first sample on."""
        self.trouble = ""
        """One sentence where the recording could not go on; captions do."""
        self._spool = spool
        self._feed = feed
        self._wanted = wanted
        self._from_the_start = wanted
        self._recording: Recording | None = None
        self._runs = False

    def switch(self, on: bool) -> None:
        """Record from now on, or no more."""
        self._wanted, self._from_the_start, self.trouble = on, False, ""
        if not on:
            self._stop()

    def hear(self, pcm: bytes) -> None:
        """Take what was captured just now."""
        if self._recording and self._runs:
            self._recording.append(pcm)

    def look(self, recorder: Recorder | None) -> None:
        """Begin where there is a journal now; stop where the text needs the room."""
        if recorder is None or recorder.journal is None:
            return
        if self._recording and self._runs and not self._recording.active:
            self._fail(self._recording.trouble)
        elif self._runs and recorder.waiting:
            self._fail(_GAVE_WAY)
        elif self._wanted and not self._runs:
            from tui.audio.recording import Recording  # encoders take their time to load

            self._recording = self._recording or Recording(recorder.journal.folder / RECORDING)
            self._begin(self._recording)

    @property
    def behind(self) -> int:
        """Samples that are still to be encoded."""
        return self._recording.behind if self._recording else 0

    def close(self) -> None:
        """Write the rest; the files stay."""
        self._stop()
        if self._recording:
            self._recording.close(_END_SECONDS)
        if left := self.behind:
            seconds = length_text(left / SAMPLE_RATE)
            self.trouble = f"the last {seconds} of the recording are missing: the disk is too slow"

    def _begin(self, recording: "Recording") -> None:
        """Start with the next sample, or with all that was heard before there was a journal."""
        start = self._spool.start if self._from_the_start else self._spool.end
        recording.start(start)
        recording.append(self._spool.read(start, self._spool.end - start))
        self._runs, self._from_the_start = True, False
        self._feed.recording(True)

    def _fail(self, sentence: str) -> None:
        self._wanted, self.trouble = False, sentence
        self._stop()

    def _stop(self) -> None:
        if self._recording and self._runs:
            self._recording.stop()
            self._runs = False
            self._feed.recording(False)
