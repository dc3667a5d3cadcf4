"""The main screen: source, level, transcript, status; nothing else changes what they show."""

import logging
import math
import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer

from tui.captions import SAMPLE_RATE, CapttyError, Event, EventKind, Segment, SegmentKey
from tui.commands import bindings
from tui.live.feed import Snapshot, State
from tui.messages import FeedMoved, SessionOpened, SessionRefused
from tui.screens.help import HelpScreen
from tui.widgets.live_text import LiveText
from tui.widgets.marks import MARK_SECONDS, RevisionMarks
from tui.widgets.meter import LevelMeter
from tui.widgets.source_panel import SourcePanel
from tui.widgets.status_line import Status, StatusLine
from tui.widgets.tail_line import TailLine
from tui.widgets.transcript import TranscriptView

if TYPE_CHECKING:
    from tui.live.session import LiveSession

log = logging.getLogger(__name__)

OpenSession = Callable[[str, str | None, Callable[[], None]], "LiveSession"]
"""Opens a sound, in a language, for a watcher to wake. Raises `CapttyError`; may take a while."""

_SILENT_SAMPLES = 5 * SAMPLE_RATE
"""Audio without a word after which the empty transcript is explained."""


_ANNOUNCED_SECONDS = 4.0
_FRAME_SECONDS = 0.05
"""Text, level and time that come within it share one frame: fewer bytes, less flicker."""
_TALL_ROWS = 20


class CaptionScreen(Screen[None]):
    """Captions one session after another."""

    BINDINGS: ClassVar[list[BindingType]] = bindings()
    AUTO_FOCUS = ""

    def __init__(
        self,
        open_session: OpenSession,
        *,
        source: str | None = None,
        language: str | None = None,
        server: str = "",
    ) -> None:
        super().__init__()
        self.session: LiveSession | None = None
        self._open_session = open_session
        self._source = source
        self._language = language
        self._server = server
        self._state: State | None = None
        self._snapshot = Snapshot()
        self._captions: dict[SegmentKey, Segment] = {}
        self._unsettled: dict[SegmentKey, Segment] = {}
        self._marks = RevisionMarks()
        self._mark_timer: Timer | None = None
        self._looked_at = 0.0
        self._announcement = ("", 0.0)

    def compose(self) -> ComposeResult:
        """Status above, source and level beside the captions, keys below."""
        yield StatusLine()
        with Horizontal(id="body"):
            with Vertical(id="side"):
                yield SourcePanel(self._source or "", self._language, self._server)
                yield LevelMeter()
            with Vertical(id="captions"):
                yield TranscriptView()
                yield TailLine()
                yield LiveText()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin at once where a source is given, else let the user choose one."""
        if self._source:
            self.call_after_refresh(self._begin, self._source, self._language)
        else:
            self.query_one(SourcePanel).show(running=False, pausable=False, paused=False)
            self.action_choose_source()
            self.query_one(TailLine).notice = "type demo or a path, then enter"

    def on_resize(self, event: Resize) -> None:
        """Give unsettled text a share of the rows there are."""
        live = self.query_one(LiveText)
        live.min_rows = 4 if event.size.height >= _TALL_ROWS else 3
        live.max_rows = max(live.min_rows, event.size.height // 2 - 2)

    # A session begins

    @on(SourcePanel.StartRequested)
    def start_session(self, event: SourcePanel.StartRequested) -> None:
        """Caption what the panel names, unless a session is running."""
        if self._session_runs:
            self._announce("a session is running: stop it first")
        else:
            self._begin(event.source, event.language)

    @on(SourcePanel.Mistaken)
    def explain_mistake(self, event: SourcePanel.Mistaken) -> None:
        """Say what is wrong with the entry."""
        self._announce(event.reason)

    def _announce(self, sentence: str) -> None:
        """Say something long enough to be read, whatever the session tells meanwhile."""
        self._announcement = (sentence, monotonic() + _ANNOUNCED_SECONDS)
        self.query_one(TailLine).notice = sentence

    def _begin(self, source: str, language: str | None) -> None:
        self._language = language
        self._set_state(State.STARTING)
        self._clear()
        self.query_one(TailLine).notice = self._starting
        self.query_one(TranscriptView).focus()
        threading.Thread(
            target=self._open, args=(source, language), name="opening", daemon=True
        ).start()

    def _open(self, source: str, language: str | None) -> None:
        """Runs on a thread: opening a sound may block."""
        try:
            session = self._open_session(source, language, self._wake)
        except CapttyError as error:
            self.post_message(SessionRefused(str(error)))
        except Exception as error:
            log.exception("opening failed")
            self.post_message(SessionRefused(f"captty itself failed ({type(error).__name__})"))
        else:
            self.post_message(SessionOpened(session))

    def _wake(self) -> None:
        """Runs on the session's thread."""
        self.post_message(FeedMoved())

    @on(SessionOpened)
    def run_session(self, event: SessionOpened) -> None:
        """Let the session go and show what it tells."""
        self.session = event.session
        event.session.start()

    @on(SessionRefused)
    def explain_refusal(self, event: SessionRefused) -> None:
        """Say why nothing is captioned, and let the user choose again."""
        self._set_state(State.FAILED)
        self._tell(Event(EventKind.BROKEN, 0, event.reason))
        self.query_one(TailLine).notice = "nothing is captioned"
        self.action_choose_source()

    def _clear(self) -> None:
        self._captions.clear()
        self._unsettled.clear()
        self._marks = RevisionMarks(self._mark_seconds)
        self.query_one(TranscriptView).show(())
        self._draw_open()

    @property
    def _mark_seconds(self) -> float:
        """No mark goes by time alone for readers who want nothing to move by itself."""
        return math.inf if self.app.animation_level == "none" else MARK_SECONDS

    # A session goes on

    @on(FeedMoved)
    def schedule_news(self) -> None:
        """Show what is new now, or as soon as the last news have been on screen for a moment.

        The feed wakes once for each look, so that there is one look to come at most.
        """
        wait = self._looked_at + _FRAME_SECONDS - monotonic()
        if wait > 0:
            self.set_timer(wait, self._show_news)
        else:
            self._show_news()

    def _show_news(self) -> None:
        if self.session is None:
            return
        self._looked_at = monotonic()
        snapshot = self._snapshot = self.session.feed.take()
        self._take_segments(snapshot.segments)
        for event in snapshot.events:
            if event.kind is not EventKind.CONNECTED:
                self._tell(event)
        if snapshot.state is not self._state:
            self._set_state(snapshot.state)
        self._show_status(snapshot)
        self._show_level(snapshot)
        tail = self.query_one(TailLine)
        tail.trouble, tail.notice = snapshot.trouble, self._notice(snapshot)

    def _take_segments(self, segments: tuple[Segment, ...]) -> None:
        if segments:
            for segment in segments:
                self._take_segment(segment)
            self._draw_open()
            self._expire_marks()

    def _take_segment(self, segment: Segment) -> None:
        before = self._captions.get(segment.key)
        if before and (before.text != segment.text or segment.settled):
            self._marks.revise(before, segment, monotonic())
        self._captions[segment.key] = segment
        if segment.settled or segment.retracted:
            self._unsettled.pop(segment.key, None)
        else:
            self._unsettled[segment.key] = segment
        if segment.settled:
            self.query_one(TranscriptView).put(segment, self._marks.spans(segment.key))

    def _draw_open(self) -> None:
        segments = [self._unsettled[key] for key in sorted(self._unsettled)]
        marks = {key: self._marks.spans(key) for key in self._unsettled}
        self.query_one(LiveText).put(segments, marks)

    def _expire_marks(self) -> None:
        """Let go of the marks whose time is over, now and when the next one's is."""
        over = self._marks.expire(monotonic())
        if over:
            self.query_one(TranscriptView).clear_marks(over)
            self._draw_open()
        if self._mark_timer:
            self._mark_timer.stop()
        if (end := self._marks.next_end) < math.inf:
            self._mark_timer = self.set_timer(max(0.05, end - monotonic()), self._expire_marks)

    def _tell(self, event: Event) -> None:
        self.query_one(TranscriptView).put_event(event)

    def _show_status(self, snapshot: Snapshot) -> None:
        progress = snapshot.progress
        self.query_one(StatusLine).status = Status(
            state=snapshot.state.upper(),
            seconds=progress.captured // SAMPLE_RATE,
            total=None if progress.total is None else round(progress.total / SAMPLE_RATE),
            language=self._language or "",
            server=snapshot.server,
            engine=snapshot.engine,
            lag=_coarse(progress.lag) if self._session_runs else None,
            unsent=int(progress.unsent),
        )

    def _show_level(self, snapshot: Snapshot) -> None:
        captured = snapshot.progress.captured
        if snapshot.state is not State.LIVE:
            self.query_one(LevelMeter).show(None, captured)
        elif snapshot.level:
            self.query_one(LevelMeter).show(snapshot.level, captured)
        self.query_one(TranscriptView).reach(captured)
        self.query_one(LiveText).reach(captured)

    @property
    def _starting(self) -> str:
        return "connecting …" if self._server else "starting the recogniser …"

    def _notice(self, snapshot: Snapshot) -> str:
        sentence, until = self._announcement
        if monotonic() < until:
            return sentence
        silent = snapshot.progress.captured >= _SILENT_SAMPLES and not self._captions
        match snapshot.state:
            case State.STARTING:
                return self._starting
            case State.PAUSED:
                return "paused: space goes on"
            case State.FINISHING:
                return "waiting for the last words; s: end now"
            case State.FAILED | State.ENDED:
                ended = "ended early" if snapshot.state is State.FAILED else "ended"
                return f"{ended} · {snapshot.session_id}" if snapshot.session_id else ended
        return "listening, no words yet" if silent else ""

    def _set_state(self, state: State) -> None:
        self._state = state
        running = self._session_runs
        self.set_class(running, "-running")
        self.query_one(SourcePanel).show(
            running=running, pausable=self._can_pause, paused=state is State.PAUSED
        )
        self.query_one(StatusLine).status = Status(state=state.value.upper())
        self.refresh_bindings()

    @property
    def _session_runs(self) -> bool:
        return self._state is not None and not self._state.over

    @on(TranscriptView.FollowChanged)
    def tell_follow(self, event: TranscriptView.FollowChanged) -> None:
        """Say whether the view follows."""
        self.query_one(TailLine).behind = None if event.following else event.behind

    # What the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a command makes sense now."""
        if action == "toggle_pause":
            return self._can_pause or None
        if action == "stop":
            return self._session_runs or None
        return True

    @property
    def _can_pause(self) -> bool:
        return self._state in (State.LIVE, State.PAUSED)

    def action_toggle_pause(self) -> None:
        """Pause or resume."""
        if self.session and self._state is State.PAUSED:
            self.session.resume()
        elif self.session:
            self.session.pause()

    def action_stop(self) -> None:
        """Stop listening; end without the last words where they are waited for."""
        if self.session and self._state is State.FINISHING:
            self.session.abandon()
        elif self.session:
            self.session.stop()

    def action_choose_source(self) -> None:
        """Show the source panel, ready to be typed into."""
        self.add_class("-choosing")
        self.query_one(SourcePanel).choose()

    def on_descendant_blur(self) -> None:
        """The panel of a narrow screen goes when the user has left it."""
        self.set_class(self.query_one(SourcePanel).has_focus_within, "-choosing")

    def action_captions(self) -> None:
        """Leave the source panel."""
        self.query_one(TranscriptView).focus()

    def action_help(self) -> None:
        """Show all keys."""
        self.app.push_screen(HelpScreen())

    def action_follow(self) -> None:
        """Follow the newest captions."""
        self.query_one(TranscriptView).action_follow()

    def action_up(self) -> None:
        """Look back one row."""
        self.query_one(TranscriptView).action_scroll_up()

    def action_down(self) -> None:
        """Go forward one row."""
        self.query_one(TranscriptView).action_scroll_down()

    def action_page_up(self) -> None:
        """Look back one page."""
        self.query_one(TranscriptView).action_page_up()

    def action_page_down(self) -> None:
        """Go forward one page."""
        self.query_one(TranscriptView).action_page_down()

    def action_first(self) -> None:
        """Go to the first caption."""
        self.query_one(TranscriptView).action_scroll_home()


def _coarse(lag: float | None) -> float | None:
    """In steps of half a second: every other figure would cost a repaint and tell no more."""
    return None if lag is None else round(lag * 2) / 2
