"""The main screen: source, level, transcript, status; nothing else changes what they show."""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Footer, Input

from tui.captions import SAMPLE_RATE, CapttyError, Event, EventKind
from tui.captions.languages import language_name
from tui.commands import bindings
from tui.live.feed import Snapshot, State
from tui.messages import FeedMoved, SessionOpened, SessionRefused, UnfinishedFound
from tui.screens.help import HelpScreen
from tui.screens.language import Choice, LanguageScreen
from tui.screens.recent import RecentLanguages
from tui.screens.unfinished import FindUnfinished, FinishSession, Opening, Unfinished
from tui.screens.words import notice, status
from tui.widgets.captions_pane import CaptionsPane
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
_LAST_WORDS_SECONDS = 2.0
"""How long quitting waits for what was said last."""
_TALL_ROWS = 20
_CALM_SECONDS = 1.0
"""A connection that is back within it moves no text: the state's word alone tells of it."""
_HINT = "type demo or a path, then enter"
_LEAVING = "waiting for the last words; ctrl+q again quits now"
_ANSWERS = (EventKind.LANGUAGE, EventKind.ERROR)
"""What tells how a switch of language went."""


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
        recent_languages: Path | None = None,
        unfinished: FindUnfinished | None = None,
        finish_session: FinishSession | None = None,
    ) -> None:
        """`unfinished` and `finish_session` are called on threads; without them nothing is offered.

        `recent_languages` is the file that keeps them between runs.
        """
        super().__init__()
        self.session: LiveSession | None = None
        self._open_session = open_session
        self._unfinished = Unfinished(unfinished, finish_session)
        self._source = source
        self._language = language
        self._server = server
        self._recent = RecentLanguages(recent_languages)
        self._state: State | None = None
        self._snapshot = Snapshot()
        self._stated = self._looked_at = 0.0
        self._hint = _HINT
        self._announcement = ("", 0.0)
        self._switching = ""
        self._leaving = False

    def compose(self) -> ComposeResult:
        """Status above, source and level beside the captions, keys below."""
        yield StatusLine()
        with Horizontal(id="body"):
            with Vertical(id="side"):
                yield SourcePanel(self._source or "", self._language, self._server)
                yield LevelMeter()
            yield CaptionsPane()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin at once where a source is given, else let the user choose one."""
        if self._source:
            self.call_after_refresh(self._begin_source, self._source, self._language)
        else:
            self.query_one(SourcePanel).show(running=False, pausable=False, paused=False)
            self.action_choose_source()
            self._show_notice()
        self.call_after_refresh(self._look_for_unfinished)

    def on_resize(self, event: Resize) -> None:
        """Give unsettled text a share of the rows there are."""
        fewest = 4 if event.size.height >= _TALL_ROWS else 3
        self._pane.give_rows(fewest, max(fewest, event.size.height // 2 - 2))

    @property
    def _pane(self) -> CaptionsPane:
        return self.query_one(CaptionsPane)

    # A session begins

    @on(SourcePanel.StartRequested)
    def start_session(self, event: SourcePanel.StartRequested) -> None:
        """Caption what the panel names, unless a session is running."""
        if self._session_runs:
            self.announce("a session is running: stop it first")
        else:
            self._begin_source(event.source, event.language)

    @on(SourcePanel.Mistaken)
    def explain_mistake(self, event: SourcePanel.Mistaken) -> None:
        """Say what is wrong with the entry."""
        self.announce(event.reason)

    def _begin_source(self, source: str, language: str | None) -> None:
        if language:
            self._recent.use(language)
        self._begin(partial(self._open_session, source, language), language)

    def _begin(self, opening: Opening, language: str | None) -> None:
        self.session, self._snapshot = None, Snapshot()
        self._language, self._hint, self._switching = language, "", ""
        self._set_state(State.STARTING)
        self._pane.clear()
        self._show_notice()
        self.query_one(TranscriptView).focus()
        threading.Thread(target=self._open, args=(opening,), name="opening", daemon=True).start()

    def _open(self, opening: Opening) -> None:
        """Runs on a thread: opening a sound may block."""
        try:
            session = opening(self._wake)
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
        self._hint = "nothing is captioned"
        self._set_state(State.FAILED)
        self._pane.tell(Event(EventKind.BROKEN, 0, event.reason))
        self.action_choose_source()
        self._show_notice()

    # A session goes on

    @on(FeedMoved)
    def schedule_news(self) -> None:
        """Show what is new now, or as soon as the last news have been on screen for a moment.

        The feed wakes once for each look: one look is to come at most, and none may be missed.
        Textual's own timers leave out what is due before they have begun.
        """
        wait = self._looked_at + _FRAME_SECONDS - monotonic()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self.call_next, self._show_news)
        else:
            self._show_news()

    def _show_news(self) -> None:
        if self.session is None:
            return
        self._looked_at = monotonic()
        before, snapshot = self._snapshot, self.session.feed.take()
        self._snapshot = snapshot
        self._pane.take(snapshot.segments)
        for event in snapshot.events:
            self._tell(event)
        if before.state is not State.STARTING and before.language != snapshot.language:
            self._recent.use(before.language, snapshot.language)
            self.query_one(SourcePanel).choose_language(snapshot.language)
        if snapshot.state is not self._state:
            self._set_state(snapshot.state)
        self.query_one(StatusLine).status = status(snapshot, self._recognised)
        self._show_level(snapshot)
        self._show_notice()

    def _tell(self, event: Event) -> None:
        if event.kind is EventKind.UNCONFIRMED and not self._snapshot.session_id:
            event = replace(event, text="nothing is saved, they cannot be had again")
        if event.kind is not EventKind.CONNECTED:
            self._pane.tell(event)
        if event.kind in _ANSWERS:
            self._switching = ""

    def _show_level(self, snapshot: Snapshot) -> None:
        captured = snapshot.progress.captured
        if snapshot.state not in (State.LIVE, State.RECONNECTING):
            self.query_one(LevelMeter).show(None, captured)
        elif snapshot.level:
            self.query_one(LevelMeter).show(snapshot.level, captured)
        self._pane.reach(captured)

    def announce(self, sentence: str, seconds: float = _ANNOUNCED_SECONDS) -> None:
        """Say something long enough to be read, whatever the session tells meanwhile."""
        self._announcement = (sentence, monotonic() + seconds)
        self.set_timer(seconds + _FRAME_SECONDS, self._show_notice)
        self._show_notice()

    def _show_notice(self) -> None:
        tail = self.query_one(TailLine)
        tail.trouble, tail.notice = self._snapshot.trouble, self._notice()

    def _notice(self) -> str:
        announced, until = self._announcement
        if self._leaving:
            return _LEAVING
        if monotonic() < until:
            return announced
        if self._switching:
            return f"switching to {self._switching} …"
        if self._session_runs:
            return self._state_notice()
        offered = self._unfinished.offer(self._how_to_finish)
        said = "" if offered and self._hint == _HINT else self._hint or self._state_notice()
        return " · ".join(filter(None, (said, offered)))

    def _state_notice(self) -> str:
        brief = monotonic() - self._stated < _CALM_SECONDS
        if self._snapshot.state is State.RECONNECTING and brief:
            return ""
        silent = self._snapshot.progress.captured >= _SILENT_SAMPLES and self._pane.empty
        starting = "connecting …" if self._server else "starting the recogniser …"
        return notice(self._snapshot, starting, silent=silent)

    def _set_state(self, state: State) -> None:
        self._state, self._stated = state, monotonic()
        if state is State.RECONNECTING:
            self.set_timer(_CALM_SECONDS + _FRAME_SECONDS, self._show_notice)
        running = self._session_runs
        self.set_class(running, "-running")
        self.query_one(SourcePanel).show(
            running=running, pausable=self._can_pause, paused=state is State.PAUSED
        )
        self.query_one(StatusLine).status = Status(
            state=state.value.upper(), language=self._language or ""
        )
        if not self._can_switch:
            self._switching = ""
        if state.over:
            self._come_to_an_end()
        self.refresh_bindings()

    def _come_to_an_end(self) -> None:
        if self._leaving:
            self.app.exit()
        else:
            self._look_for_unfinished()

    @property
    def _session_runs(self) -> bool:
        return self._state is not None and not self._state.over

    @property
    def _can_pause(self) -> bool:
        return self._state in (State.LIVE, State.NO_SOUND, State.RECONNECTING, State.PAUSED)

    @property
    def _can_switch(self) -> bool:
        return self._state is State.STARTING or self._can_pause

    @property
    def _recognised(self) -> str | None:
        """Code of the language that is recognised now, or will be from the start."""
        starting = self._state is State.STARTING
        return self._language if starting else self._snapshot.language

    # What was interrupted

    def _look_for_unfinished(self) -> None:
        self._unfinished.look(lambda sessions: self.post_message(UnfinishedFound(sessions)))

    @on(UnfinishedFound)
    def offer_unfinished(self, event: UnfinishedFound) -> None:
        """Name what was interrupted; between the captions where a session runs."""
        self._unfinished.sessions = event.sessions
        if self._session_runs and event.sessions:
            words = self._unfinished.offer("i finishes it after this session")
            self._pane.note(f"earlier {words}", self._snapshot.progress.captured)
        self.refresh_bindings()
        self._show_notice()

    @property
    def _how_to_finish(self) -> str:
        typing = isinstance(self.focused, Input)
        return "press escape, then i, to finish it" if typing else "press i to finish it"

    def on_descendant_focus(self) -> None:
        """The keys that finish a session depend on where the cursor is."""
        self._show_notice()

    def action_finish(self) -> None:
        """Caption the rest of the session that was interrupted last."""
        if taken := self._unfinished.take():
            self._begin(*taken)

    # What the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a command makes sense now."""
        if action == "toggle_pause":
            return self._can_pause or None
        if action == "stop":
            return self._session_runs or None
        if action == "finish":
            return bool(self._unfinished.sessions) and not self._session_runs
        return True

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

    def leave(self) -> None:
        """Quit once the last words have come, or now where there are none or on the second call."""
        speaking = self.session and self._session_runs and self._state is not State.STARTING
        if self._leaving or not speaking:
            self._leave_now()
        elif self.session:
            self._leaving = True
            self.session.stop()
            self.set_timer(_LAST_WORDS_SECONDS, self._leave_now)
            self._show_notice()

    def _leave_now(self) -> None:
        if self.session:
            self.session.abandon()
        self.app.exit()

    def action_choose_language(self) -> None:
        """Choose the language of the session, or of the next one where none can switch."""
        panel = self.query_one(SourcePanel)
        current = self._recognised if self._can_switch else panel.language
        self.app.push_screen(LanguageScreen(current, self._recent.codes), self._switch)

    def _switch(self, choice: Choice | None) -> None:
        if choice is None:
            return
        name = language_name(choice.language)
        if not (self.session and self._can_switch):
            self.query_one(SourcePanel).choose_language(choice.language)
            self.announce(f"next session: {name}")
        elif choice.language != self._recognised:
            self._switching = name
            self.session.switch(choice.language)
            self._show_notice()

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

    def action_read(self, motion: str) -> None:
        """Move through the captions, by the name of one of the view's actions."""
        getattr(self.query_one(TranscriptView), f"action_{motion}")()
