"""`captty mic` on a real terminal: real speech through a real sound server, real faults."""

import time
from pathlib import Path

import pytest

from tests.pulse import PulseServer, needs_pulse, pulse
from tests.terminals import CAPTTY, Tmux, in_tmux, needs_tmux
from tui.captions import SAMPLE_RATE, EventKind
from tui.sessions.store import SessionStore

__all__ = ["pulse"]

CLIPS = Path(__file__).parents[3] / "shared" / "speech" / "clips"
NOTICED_WITHIN = 3.0
"""Seconds: two for captty, one for tmux and a busy machine."""

pytestmark = [
    needs_pulse,
    needs_tmux,
    pytest.mark.skipif(not CLIPS.exists(), reason="shared/speech is not beside the project"),
]


def noticed(screen: Tmux, words: str) -> None:
    """The words are on the screen soon."""
    since = time.monotonic()
    screen.wait_for(words)
    assert time.monotonic() - since < NOTICED_WITHIN, f"{words} came late"


@pytest.mark.usefixtures("pulse")
def test_speech_is_captioned_through_every_fault_of_a_microphone(
    tmp_path: Path,
    pulse: PulseServer,
) -> None:
    cards, walk = CLIPS / "cards_005.wav", CLIPS / "goforward.wav"
    with in_tmux(tmp_path, [*CAPTTY, "mic"], 80, 24) as screen:
        screen.wait_for("LIVE", "no signal")
        pulse.play(cards)
        screen.wait_for("clubs", "hearts")

        pulse.unload_sink()
        noticed(screen, "NO SOUND")
        screen.wait_for("device gone")
        pulse.load_sink()
        screen.wait_for("LIVE", "of audio lost")
        pulse.play(walk)
        screen.wait_for("forward", "meters")

        pulse.freeze()
        noticed(screen, "NO SOUND")
        pulse.thaw()
        screen.wait_for("LIVE")

        pulse.load_sink("other", "Another speech")
        pulse.set_default_source("other.monitor")
        noticed(screen, "now listening to")
        pulse.play(cards, "other")
        screen.wait_for("spades")
        screen.press("C-q")
        screen.wait_for("status=0")

    record = SessionStore(tmp_path / ".local/share/captty").load("last")
    gaps = [event for event in record.events if event.kind is EventKind.GAP]
    assert len(gaps) >= 2
    assert all(event.until and event.until > event.at for event in gaps)
    starts = [recorded.segment.start for recorded in record.segments]
    assert starts == sorted(starts)
    assert record.samples > 8 * SAMPLE_RATE
    switched = [event.text for event in record.events if event.kind is EventKind.SOURCE]
    assert "Another speech" in switched[-1]
