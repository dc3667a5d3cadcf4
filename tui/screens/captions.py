"""The main screen: source, level, transcript, status; nothing else changes what they show."""

from dataclasses import replace
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Paste, Resize
from textual.screen import Screen
from textual.widgets import Input

from tui.audio.ballistics import sound_advice
from tui.captions import SAMPLE_RATE, Event, EventKind
from tui.captions.languages import AUTO, language_name
from tui.commands import bindings
from tui.live.feed import Snapshot, State
from tui.messages import FeedMoved, SessionOpened, SessionRefused, UnfinishedFound
from tui.screens.frames import Frames
from tui.screens.hearing import Hearing
from tui.screens.help import HelpScreen
from tui.screens.language import Choice, LanguageScreen
from tui.screens.notices import HINT, PASTED, RECORDED, RECORDING, Notices
from tui.screens.opening import Opening, OpenSession, drop, open_on_thread
from tui.screens.possible import can_switch, listens, possible, runs
from tui.screens.recent import Recent, remembered
from tui.screens.setup import Setup
from tui.screens.unfinished import Unfinished
from tui.screens.words import notice, status
from tui.widgets.captions_pane import CaptionsPane
from tui.widgets.keys import Keys
from tui.widgets.meter import REPAINTS, LevelMeter
from tui.widgets.sounds import Sounds
from tui.widgets.source_panel import SourcePanel
from tui.widgets.status_line import Status, StatusLine
from tui.widgets.tail_line import TailLine
from tui.widgets.transcript import TranscriptView

if TYPE_CHECKING:
    from tui.live.session import LiveSession

_SILENT_SAMPLES = 5 * SAMPLE_RATE
"""Audio without a word after which the empty transcript is explained."""

_ANNOUNCED_SECONDS = 4.0
_FRAME_SECONDS = 1 / REPAINTS
_SLOW_REPAINTS = 4
"""Frames a second where bytes are dear."""
_LAST_WORDS_SECONDS = 2.0
"""How long quitting waits for what was said last."""
_TALL_ROWS = 20
_CALM_SECONDS = 1.0
"""A connection that is back within it moves no text: the state's word alone tells of it."""
_ANSWERS = (EventKind.LANGUAGE, EventKind.ERROR)
"""What tells how a switch of language went."""


class CaptionScreen(Screen[None]):
    """Captions one session after another."""

    BINDINGS: ClassVar[list[BindingType]] = bindings()
    AUTO_FOCUS = ""

    def __init__(self, open_session: OpenSession, setup: Setup) -> None:
        """`open_session` is called on threads."""
        super().__init__()
        self.session: LiveSession | None = None
        self._open_session = open_session
        self._setup = setup
        self._source, self._language = setup.source, setup.language
        self._unfinished = Unfinished(setup.unfinished, setup.finish_session)
        self._recent = Recent.languages(setup.recent_languages)
        self._recent_sounds = Recent.sounds(setup.recent_sounds)
        self._sounds = Sounds(setup.find_devices, lambda: self._recent_sounds.entries)
        self._repaints = _SLOW_REPAINTS if setup.low_bandwidth else REPAINTS
        self._state: State | None = None
        self._snapshot = Snapshot()
        self._stated, self._attempt = 0.0, 0
        self._hearing = Hearing(self._sounds)
        self._frames = Frames(self._repaints, partial(self.call_next, self._show_news))
        self._notices = Notices()

    def compose(self) -> ComposeResult:
        """Status above, source and level beside the captions, keys below."""
        yield StatusLine()
        with Horizontal(id="body"):
            with Vertical(id="side"):
                yield SourcePanel(self._sounds, self._source, self._language, self._setup.server)
                yield LevelMeter(repaints=self._repaints)
            yield CaptionsPane()
        yield Keys()

    def on_mount(self) -> None:
        """Begin at once where a source is given, else let the user choose one."""
        for field in self.query(Input):
            field.cursor_blink = not self._setup.low_bandwidth
        if self._source:
            begin = partial(self._begin_source, self._source, self._language, self._setup.start)
            self.call_after_refresh(begin)
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
        if runs(self._state):
            self.announce("a session is running: stop it first")
        else:
            self._begin_source(event.source, event.language, event.start)

    @on(SourcePanel.Remarked)
    def explain_entry(self, event: SourcePanel.Remarked) -> None:
        """Say what is wrong with the entry, or worth knowing about it."""
        self.announce(event.sentence)

    def on_paste(self, event: Paste) -> None:
        """Take what is pasted or dropped beside the fields; a session goes on undisturbed."""
        self.query_one(SourcePanel).paste(event.text)
        if runs(self._state):
            self.announce(PASTED)
        else:
            self.action_choose_source()

    def _begin_source(self, source: str, language: str | None, start: float) -> None:
        if language:
            self._recent.use(language)
        self._source = source
        self._begin(partial(self._open_session, source, language, start), language)

    def _begin(self, opening: Opening, language: str | None) -> None:
        self.session, self._snapshot = None, Snapshot()
        self._hearing.begin(None)
        self._attempt += 1
        self._language, self._notices.hint, self._notices.switching = language, "", ""
        self._set_state(State.STARTING)
        self._pane.clear()
        self._show_notice()
        self.set_focus(self.query_one(TranscriptView))
        open_on_thread(opening, self._attempt, self._wake, self.post_message)

    def _wake(self) -> None:
        """Runs on the session's thread."""
        self.post_message(FeedMoved())

    @on(SessionOpened)
    def run_session(self, event: SessionOpened) -> None:
        """Let the session go and show what it tells, unless nobody waits for it any more."""
        if event.attempt != self._attempt:
            drop(event.session)
            return
        self.query_one(SourcePanel).opened(self._source)
        if known := remembered(self._source):
            self._recent_sounds.use(known)
        self.session = event.session
        self._hearing.begin(event.session.source.info)
        event.session.start()

    @on(SessionRefused)
    def explain_refusal(self, event: SessionRefused) -> None:
        """Say why nothing is captioned, and let the user choose again."""
        if event.attempt == self._attempt:
            self.query_one(SourcePanel).refused(self._source)
            self._choose_again(State.FAILED, event.reason)

    def _choose_again(self, state: State, hint: str) -> None:
        self._notices.hint = hint
        self._set_state(state)
        self.action_choose_source()
        self._show_notice()

    # A session goes on

    @on(FeedMoved)
    def schedule_news(self) -> None:
        """Show what is new, soon."""
        self._frames.ask()

    def _show_news(self) -> None:
        if self.session is None or not self.query(CaptionsPane):  # news may outlive the screen
            return
        before, snapshot = self._snapshot, self.session.feed.take()
        self._snapshot = snapshot
        self._pane.take(snapshot.segments)
        for event in snapshot.events:
            self._tell(event)
        if before.state is not State.STARTING and before.language != snapshot.language:
            self._recent.use(before.language or AUTO, snapshot.language or AUTO)
            self.query_one(SourcePanel).choose_language(snapshot.language)
        if snapshot.state is not self._state:
            self._set_state(snapshot.state)
        if listens(snapshot.state) and before.recording != snapshot.recording:
            self.announce(RECORDING if snapshot.recording else RECORDED)
        heard = self._hearing.name if runs(snapshot.state) else ""
        self.query_one(SourcePanel).hear(heard)
        heard = heard if self.has_class("-narrow") else ""
        self.query_one(StatusLine).status = status(snapshot, self._recognised, heard)
        self._show_level(snapshot)
        self._show_notice()

    def _tell(self, event: Event) -> None:
        if event.kind is EventKind.UNCONFIRMED and not self._snapshot.session_id:
            event = replace(event, text="nothing is saved, they cannot be had again")
        if event.kind is not EventKind.CONNECTED:
            self._pane.tell(event)
        if event.kind in _ANSWERS:
            self._notices.switching = ""
        if event.kind is EventKind.SOURCE:
            self._hearing.name = event.text

    def _show_level(self, snapshot: Snapshot) -> None:
        self._hearing.show(snapshot, self.query_one(LevelMeter))
        self._pane.reach(snapshot.progress.captured)

    def announce(self, sentence: str, seconds: float = _ANNOUNCED_SECONDS) -> None:
        """Say something long enough to be read, whatever the session tells meanwhile."""
        self._notices.announce(sentence, seconds)
        self.set_timer(seconds + _FRAME_SECONDS, self._show_notice)
        self._show_notice()

    def _show_notice(self) -> None:
        tail = self.query_one(TailLine)
        tail.trouble = self._snapshot.trouble
        offered = self._unfinished.offer(typing=isinstance(self.focused, Input))
        session = self._state_notice()
        tail.notice = self._notices.words(session, offered, runs=runs(self._state))

    def _state_notice(self) -> str:
        brief = monotonic() - self._stated < _CALM_SECONDS
        if self._snapshot.state is State.RECONNECTING and brief:
            return ""
        silent = self._snapshot.progress.captured >= _SILENT_SAMPLES and self._pane.empty
        starting = "connecting …" if self._setup.server else "starting the recogniser …"
        advice = sound_advice(self.query_one(LevelMeter).fault, self._hearing.kind)
        return notice(self._snapshot, starting, silent=silent, advice=advice)

    def _set_state(self, state: State) -> None:
        self._state, self._stated = state, monotonic()
        if state is State.RECONNECTING:
            self.set_timer(_CALM_SECONDS + _FRAME_SECONDS, self._show_notice)
        running = runs(self._state)
        self.set_class(running, "-running")
        self.query_one(SourcePanel).show(
            running=running, pausable=listens(self._state), paused=state is State.PAUSED
        )
        self.query_one(StatusLine).status = Status(
            state=state.value.upper(), language=self._language or ""
        )
        if not can_switch(self._state):
            self._notices.switching = ""
        if state.over:
            self._come_to_an_end()
        self.refresh_bindings()

    def _come_to_an_end(self) -> None:
        if self._notices.leaving:
            self.app.exit()
        else:
            self._look_for_unfinished()

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
        """Tell how it is finished, while nothing runs."""
        self._unfinished.sessions = event.sessions
        self.refresh_bindings()
        self._show_notice()

    def on_descendant_focus(self) -> None:
        """The keys that finish a session depend on where the cursor is."""
        self._show_notice()

    def action_finish(self) -> None:
        """Caption the rest of the session that was interrupted last."""
        if taken := self._unfinished.take():
            self._source = ""
            self._begin(*taken)

    # What the user does

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a command makes sense now."""
        if action == "captions":
            return self.query_one(SourcePanel).has_focus_within
        if action == "choose_source":
            return not isinstance(self.focused, Input)
        finishes = bool(self._unfinished.sessions)
        return possible(action, self._state, saves=self._setup.saves, unfinished=finishes)

    def action_toggle_pause(self) -> None:
        """Pause or resume."""
        if self.session and self._state is State.PAUSED:
            self.session.resume()
        elif self.session:
            self.session.pause()

    def action_record(self) -> None:
        """Keep the sound from now on, or no more."""
        if self.session:
            self.session.record(not self._snapshot.recording)

    def action_stop(self) -> None:
        """Stop listening; end without the last words where they are waited for."""
        if self.session is None:
            self._attempt += 1
            self._choose_again(State.ENDED, HINT)
        elif self._state is State.FINISHING:
            self.session.abandon()
        else:
            self.session.stop()

    def leave(self) -> None:
        """Quit once the last words have come, or now where there are none or on the second call."""
        speaking = self.session and runs(self._state) and self._state is not State.STARTING
        if self._notices.leaving or not speaking:
            self._leave_now()
        elif self.session:
            self._notices.leaving = True
            self.session.stop()
            self.set_timer(_LAST_WORDS_SECONDS, self._leave_now)
            self._show_notice()

    def _leave_now(self) -> None:
        self._attempt += 1
        if self.session:
            self.session.abandon()
        self.app.exit()

    def action_choose_language(self) -> None:
        """Choose the language of the session, or of the next one where none can switch."""
        panel = self.query_one(SourcePanel)
        current = self._recognised if can_switch(self._state) else panel.language
        self.app.push_screen(LanguageScreen(current, self._recent.entries), self._switch)

    def _switch(self, choice: Choice | None) -> None:
        if choice is None:
            return
        name = language_name(choice.language)
        if not (self.session and can_switch(self._state)):
            self.query_one(SourcePanel).choose_language(choice.language)
            self.announce(f"next session: {name}")
        elif choice.language != self._recognised:
            self._notices.switching = name
            self.session.switch(choice.language)
            self._show_notice()

    def action_choose_source(self) -> None:
        """Show the source panel, ready to be typed into."""
        self.add_class("-choosing")
        self.query_one(SourcePanel).choose()

    def action_refresh_devices(self) -> None:
        """Look for microphones again, and show what is found."""
        self.action_choose_source()
        self.query_one(SourcePanel).refresh_devices()

    def on_descendant_blur(self) -> None:
        """The panel of a narrow screen goes when the user has left it."""
        self.set_class(self.query_one(SourcePanel).has_focus_within, "-choosing")

    def action_captions(self) -> None:
        """Leave the source panel."""
        self.set_focus(self.query_one(TranscriptView))

    def action_help(self) -> None:
        """Show all keys."""
        self.app.push_screen(HelpScreen())

    def action_read(self, motion: str) -> None:
        """Move through the captions, by the name of one of the view's actions."""
        getattr(self.query_one(TranscriptView), f"action_{motion}")()
