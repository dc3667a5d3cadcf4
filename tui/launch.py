"""From what the user wants to a session that can start."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import tui
from tui import demo
from tui.audio.media import MediaFile
from tui.audio.source import Source, SourceError
from tui.captions import clean
from tui.live.session import LiveSession
from tui.server.embedded import EmbeddedServer
from tui.sessions.journal import Journal, SessionHeader
from tui.wire.endpoint import Endpoint, Request, Secret, endpoint_for


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks for, as text."""

    source: str
    """A file's path, or `demo`."""
    server: str = ""
    """Address of a server; empty for the embedded one."""
    key: Secret = field(default_factory=lambda: Secret(""))
    language: str | None = None
    prompt: str = ""
    model: str = ""
    save_to: Path | None = None
    """The data folder, or `None` to keep nothing."""
    paced: bool = True
    """At real-time pace, else as fast as the server takes it."""


def open_session(wish: Wish, wake: Callable[[], None] = lambda: None) -> LiveSession:
    """A session that is ready to start; `wake` is called whenever its feed has news.

    Raises `SourceError` or `EndpointError`, each with one sentence.
    """
    server = _server(wish)
    return LiveSession(
        open_source(wish.source),
        server,
        Request(wish.language, wish.prompt, wish.model),
        open_journal=_journals(wish.save_to) if wish.save_to else None,
        paced=wish.paced,
        wake=wake,
    )


def open_source(text: str) -> Source:
    """The sound that the user names. Raises `SourceError`."""
    if text == "demo":
        return MediaFile.open(demo.recording(), kind="demo")
    if not text.strip():
        raise SourceError("no sound is named: give a file, or demo")
    if "://" in text:
        raise SourceError(f"{clean(text, 80)} is an address: download it, then give the file")
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise SourceError(f"{clean(text, 200)} names a home that does not exist") from None
    return MediaFile.open(path)


def _server(wish: Wish) -> Callable[[], AbstractAsyncContextManager[Endpoint]]:
    if not wish.server:
        return EmbeddedServer
    endpoint = endpoint_for(wish.server, wish.key)
    return lambda: _given(endpoint)


@asynccontextmanager
async def _given(endpoint: Endpoint) -> AsyncIterator[Endpoint]:
    yield endpoint


def _journals(folder: Path) -> Callable[[Source, Endpoint, Request], Journal]:
    def begin(source: Source, endpoint: Endpoint, request: Request) -> Journal:
        header = SessionHeader(
            started_at=datetime.now(UTC),
            source_kind=source.info.kind,
            source_name=source.info.name,
            language=request.language,
            server=endpoint.name,
            engine=endpoint.engine,
            version=tui.__version__,
        )
        return Journal.create(folder, header)

    return begin
