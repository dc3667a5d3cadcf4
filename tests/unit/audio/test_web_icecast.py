"""A real radio server: heard, cut off, killed and started again."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.icecast import FFMPEG, ICECAST, Icecast, broadcasting
from tests.listening import Listening, noise, place
from tests.unit.audio.sounds import encode
from tui.audio.media import MediaFile
from tui.audio.source import Trouble
from tui.audio.web import open_url

pytestmark = pytest.mark.skipif(
    not (ICECAST and FFMPEG), reason="icecast2 or ffmpeg, its source client, is missing"
)


@pytest.fixture(scope="module")
def programme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("icecast") / "a.mp3", noise(60), "libmp3lame")


@pytest.fixture
def icecast(programme: Path) -> Iterator[Icecast]:
    with broadcasting(programme) as icecast:
        yield icecast


@pytest.fixture(scope="module")
def whole(programme: Path) -> bytes:
    media = MediaFile.open(programme)
    pcm = b"".join(media.chunks())
    media.close()
    return pcm


class Line:
    """A way to a server that can be cut."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = port
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Break off all who are on it; they may call again."""
        while self._open:
            with suppress(OSError):  # those who left
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _serve(self) -> None:
        try:
            while True:
                caller, _ = self._listener.accept()
                self._open.append(caller)
                threading.Thread(target=self._carry, args=(caller,), daemon=True).start()
        except OSError:
            pass

    def _carry(self, caller: socket.socket) -> None:
        with caller, socket.create_connection(("127.0.0.1", self._port)) as server:
            try:
                server.sendall(caller.recv(65_536))
                while data := server.recv(65_536):
                    caller.sendall(data)
            except OSError:
                pass


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    line = Line(port)
    try:
        yield line
    finally:
        line.close()


def test_a_listener_whose_line_is_cut_misses_and_doubles_nothing(
    icecast: Icecast, whole: bytes
) -> None:
    with line_to(icecast.port) as line:
        source = open_url(f"http://127.0.0.1:{line.port}/live.mp3")
        assert source.info.name.startswith("Test One")
        assert source.info.kind == "stream"
        listening = Listening(source)
        listening.until(lambda: listening.seconds > 3)
        line.cut()
        listening.until(lambda: listening.seconds > 6.5)
        listening.stop()
    assert not listening.missed
    pcm = listening.pcm
    start = place(pcm[32_000:64_000], whole) - 1
    for second in range(2, 6):
        there = place(pcm[second * 32_000 : (second + 1) * 32_000], whole)
        assert there == pytest.approx(start + second, abs=0.002)


def test_a_server_that_is_killed_and_started_again(icecast: Icecast, whole: bytes) -> None:
    listening = Listening(open_url(icecast.url))
    listening.until(lambda: listening.seconds > 3)
    icecast.kill()
    killed = time.monotonic()
    listening.until(lambda: any(isinstance(fact, Trouble) for fact in listening.facts()))
    assert time.monotonic() - killed < 2
    heard = listening.seconds
    listening.until(lambda: time.monotonic() - killed > 2)
    icecast.start()
    listening.until(lambda: listening.seconds > heard + 2.5, 25)
    gone = time.monotonic() - killed - 3
    listening.stop()
    troubles = [fact for fact in listening.facts() if isinstance(fact, Trouble)]
    assert "captty keeps trying" in troubles[0].sentence
    assert troubles[1] == Trouble("")
    assert listening.missed == pytest.approx(gone, abs=2)
    assert place(listening.pcm[-32_000:], whole) < 6


def test_a_password_stays_out_of_what_is_shown(icecast: Icecast) -> None:
    listening = Listening(open_url(icecast.url.replace("//", "//me:sesame@") + "?key=sesame"))
    listening.until(lambda: listening.seconds > 0.5)
    listening.stop()
    assert "sesame" not in repr(listening.source.info)
