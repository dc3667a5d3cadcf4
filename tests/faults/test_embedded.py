"""captty's own server, killed and stopped while it recognises real speech."""

import asyncio
import re
import signal
from collections.abc import Callable
from pathlib import Path

import jiwer
import psutil
import pytest

from tests.faults.conftest import Note
from tests.faults.trial import journals
from tui import demo
from tui.audio.media import MediaFile
from tui.captions import Event, EventKind
from tui.live.feed import Snapshot, State
from tui.live.session import LiveSession
from tui.server.embedded import EmbeddedServer
from tui.sessions.store import SessionStore
from tui.wire.endpoint import Request

MOST_WRONG = 0.12
"""Word error rate: 7 % where nothing breaks, and what may be heard otherwise around a seam."""


class Session:
    """The demo recording, captioned by captty's own server at the pace of speech."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._session = LiveSession(
            MediaFile.open(demo.recording(), kind="demo"),
            EmbeddedServer,
            Request(),
            open_journal=journals(folder),
        )
        self.last = Snapshot()
        self.events: list[Event] = []

    async def until(self, condition: Callable[[], bool]) -> None:
        """Look again and again until the condition holds."""
        async with asyncio.timeout(110):
            while not condition():
                await asyncio.sleep(0.05)
                self.last = self._session.feed.take()
                self.events += self.last.events

    async def captioned(self, strike: Callable[[], None]) -> str:
        """The whole text; `strike` is called after ten seconds of sound."""
        self._session.start()
        await self.until(lambda: self.last.progress.captured > 10 * 16_000)
        strike()
        await self.until(lambda: self.last.state.over)
        assert self.last.state is State.ENDED, self.last.reason
        record = SessionStore(self._folder).load("last")
        return " ".join(one.segment.text for one in record.segments)


def _signal(number: int, module: str) -> Callable[[], None]:
    """Sends a signal to the child processes that run a module."""

    def strike() -> None:
        children = _children(module)
        assert children
        for child in children:
            child.send_signal(number)

    return strike


def _children(module: str) -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if module in child.cmdline()]


@pytest.mark.parametrize(
    ("name", "number", "module"),
    [
        ("2 kill -9 of captty's own server", signal.SIGKILL, "tui.server"),
        ("4 SIGSTOP of captty's own server", signal.SIGSTOP, "tui.server"),
        ("2 kill -9 of its speech engine", signal.SIGKILL, "tui.server.worker"),
        ("5 SIGSTOP of its speech engine", signal.SIGSTOP, "tui.server.worker"),
    ],
)
async def test_a_server_of_our_own_that_fails_is_replaced(
    tmp_path: Path, name: str, number: int, module: str, note: Note
) -> None:
    session = Session(tmp_path)
    text = await session.captioned(_signal(number, module))
    said = re.sub(r"[^a-z ]", "", demo.text().lower().replace("\n", " "))
    wrong = jiwer.wer(said, text)
    seams = [event for event in session.events if event.kind is EventKind.RECONNECTED]
    told = seams[0].text if seams else "never noticed"
    note(name, f"{told}; word error rate {wrong:.1%}", None)
    assert seams
    assert wrong <= MOST_WRONG, text
    assert not _children("tui.server")
