"""From what the user wants to a session that can start."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import tui
from tui import demo
from tui.audio.media import MediaFile
from tui.audio.refill import refill
from tui.audio.source import Ended, Source, SourceError, SourceInfo
from tui.audio.spool import Spool
from tui.captions import SAMPLE_RATE, EventKind, clean
from tui.captions.languages import language_code
from tui.live.host import Server
from tui.live.ledger import ONSET_SAMPLES
from tui.live.run import OpenJournal, Past
from tui.live.session import LiveSession
from tui.server.embedded import THIS_MACHINE, EmbeddedServer
from tui.sessions.journal import Journal, SessionHeader
from tui.sessions.lines import SPOOL
from tui.sessions.record import SessionRecord, SessionState
from tui.sessions.store import LAST, SessionError, SessionStore
from tui.wire.endpoint import Endpoint, EndpointError, Request, Secret, endpoint_for


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks for, as text."""

    source: str = ""
    """`mic`, `mic:` and a device's name, a file's path, an address, `-` or `demo`."""
    device: str = ""
    """Which microphone `mic` is; empty for the default one."""
    raw: str | None = None
    """What headerless sound on standard input is."""
    stdin: int | None = None
    """File descriptor from which `-` is read."""
    start: float = 0.0
    """Seconds into a file at which to begin."""
    server: str = ""
    """Address of a server; empty for the embedded one."""
    server_is_named: bool = False
    """Whether the user names it for this very session."""
    key: Secret = field(default_factory=lambda: Secret(""))
    language: str | None = None
    prompt: str = ""
    model: str = ""
    data: Path = Path()
    """The data folder."""
    save: bool = True
    """Whether to keep the session."""
    record: bool = False
    """Whether to keep its audio too."""
    paced: bool = True
    """At real-time pace, else as fast as the server takes it."""


def open_session(wish: Wish, wake: Callable[[], None] = lambda: None) -> LiveSession:
    """A session that is ready to start; `wake` is called whenever its feed has news.

    Raises `SourceError` or `EndpointError`, each with one sentence.
    """
    server, source = _server(wish), open_source(wish)
    return LiveSession(
        source,
        server,
        Request(wish.language, wish.prompt, wish.model),
        open_journal=_journals(wish.data) if wish.save else None,
        first=0 if source.info.live else round(wish.start * SAMPLE_RATE),
        record=wish.record,
        paced=wish.paced,
        wake=wake,
    )


def finish_session(
    session_id: str, wish: Wish, wake: Callable[[], None] = lambda: None
) -> LiveSession:
    """A session that captions the audio which an interrupted one left behind.

    It is named as in `load`; `last` is the newest one that has such audio.

    `wish` tells the server and the data folder. Raises `SessionError`, `JournalError`, `SpoolError`
    or `EndpointError`, each with one sentence.
    """
    store = SessionStore(wish.data)
    if session_id == LAST and (left := store.unfinished()):
        session_id = left[0].id
    record, folder = store.load(session_id), store.folder(session_id)
    if record.summary.state is SessionState.LIVE:
        raise SessionError(f"the session {folder.name} is live: it needs no finishing yet")
    if not record.summary.unfinished:
        raise SessionError(f"the session {folder.name} has no audio left to be captioned")
    server, journal = _server_of(record, wish), Journal.reopen(folder)
    try:
        record, past = _left(store, folder, journal)
    except BaseException:
        journal.leave()
        raise
    return LiveSession(
        Ended(SourceInfo("interrupted", record.summary.source, record.samples)),
        server,
        Request(past.languages[0][1], wish.prompt, wish.model),
        open_journal=lambda *_: journal,
        past=past,
        wake=wake,
    )


def _server_of(record: SessionRecord, wish: Wish) -> Server:
    """The server that captioned a session; audio goes to another one only if the user names it."""
    name = record.summary.server or THIS_MACHINE
    if wish.server_is_named or (wish.server and endpoint_for(wish.server, wish.key).name == name):
        return _server(wish)
    if name == THIS_MACHINE:
        return EmbeddedServer
    raise EndpointError(
        f"the session {record.summary.id} was captioned by {clean(name)}: "
        "give --server with the address of that one, or of another one"
    )


def _left(store: SessionStore, folder: Path, journal: Journal) -> tuple[SessionRecord, Past]:
    """What is left of a session, now that nobody else can write it.

    What its spool lacks comes from its recording. Raises `SessionError` or `SpoolError`.
    """
    record = store.load(folder.name)
    if record.summary.state is not SessionState.COMPLETE:
        recordings = [(file.start, file.path) for file in store.recordings(folder.name)]
        refill(folder / SPOOL, record.needed_from - ONSET_SAMPLES, recordings)
    spool = Spool.recover(folder / SPOOL)
    if record.summary.state is SessionState.COMPLETE or spool.end == spool.start:
        raise SessionError(f"the session {folder.name} has no audio left to be captioned")
    segments = tuple(recorded.segment for recorded in record.segments)
    settled = [segment.end for segment in segments if segment.settled and segment.timed]
    languages = _languages(record, max([spool.start, *settled]), spool.end)
    return record, Past(journal, spool, segments, record.epochs, record.samples, languages)


def _languages(record: SessionRecord, start: int, end: int) -> tuple[tuple[int, str | None], ...]:
    """The languages of the audio between two samples, each with the sample where it begins."""
    language, later = record.summary.language, []
    for event in record.events:
        if event.kind is EventKind.LANGUAGE and event.at <= start:
            language = language_code(event.text)
        elif event.kind is EventKind.LANGUAGE and event.at < end:
            later.append((event.at, language_code(event.text)))
    return (0, language), *later


def open_source(wish: Wish) -> Source:
    """The sound that the user names. Raises `SourceError`."""
    kind, _, device = wish.source.partition(":")
    if kind == "mic":
        return _microphone(device or wish.device)
    if wish.source == "-":
        return _standard_input(wish)
    if wish.source == "demo":
        return MediaFile.open(demo.recording(), kind="demo", start=wish.start)
    if not wish.source.strip():
        raise SourceError("no sound is named: give mic, a file, an address, - or demo")
    if "://" in wish.source and not wish.source.startswith("file://"):
        return _at_address(wish)
    return MediaFile.open(_path(wish.source), start=wish.start)


def _microphone(device: str) -> Source:
    from tui.audio.microphone.source import Microphone

    return Microphone.open(device)


def _standard_input(wish: Wish) -> Source:
    from tui.audio.pipe import PipeSource
    from tui.audio.raw import RawFormat

    if wish.stdin is None:
        raise SourceError(
            "standard input is the keyboard, or was read before: start captty - anew behind a pipe"
        )
    return PipeSource.open(wish.stdin, RawFormat.parse(wish.raw) if wish.raw else None)


def _at_address(wish: Wish) -> Source:
    from tui.audio.web import open_url

    return open_url(wish.source, start=wish.start)


def _path(text: str) -> Path:
    try:
        if text.startswith("file://"):
            return Path(unquote(urlsplit(text).path))
        return Path(text).expanduser()
    except ValueError:
        raise SourceError(f"{clean(text, 200)} is no address of a file: name its path") from None
    except RuntimeError:
        raise SourceError(f"{clean(text, 200)} names a home that does not exist") from None


def _server(wish: Wish) -> Server:
    if not wish.server:
        return EmbeddedServer
    endpoint = endpoint_for(wish.server, wish.key)
    return lambda: _given(endpoint)


@asynccontextmanager
async def _given(endpoint: Endpoint) -> AsyncIterator[Endpoint]:
    yield endpoint


def _journals(folder: Path) -> OpenJournal:
    def begin(source: Source, endpoint: Endpoint, request: Request, heard: datetime) -> Journal:
        header = SessionHeader(
            started_at=heard,
            source_kind=source.info.kind,
            source_name=source.info.name,
            language=request.language,
            server=endpoint.name,
            engine=endpoint.engine,
            version=tui.__version__,
        )
        return Journal.create(folder, header)

    return begin
