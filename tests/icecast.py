"""A real Icecast server on loopback, with a station that speaks to it."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.ports import free_port

ICECAST = shutil.which("icecast2") or shutil.which("icecast")
FFMPEG = shutil.which("ffmpeg")

_CONFIG = """
<icecast>
  <limits><burst-size>65535</burst-size><source-timeout>10</source-timeout></limits>
  <authentication>
    <source-password>hackme</source-password><admin-password>hackme</admin-password>
  </authentication>
  <listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <paths><basedir>/usr/share/icecast2</basedir><logdir>{logs}</logdir>
    <webroot>/usr/share/icecast2/web</webroot><adminroot>/usr/share/icecast2/admin</adminroot>
  </paths>
  <logging><loglevel>1</loglevel></logging>
</icecast>
"""
_NOBODY = 65_534


class Icecast:
    """The server and its source client; either can be killed and started again."""

    def __init__(self, folder: Path, sound: Path) -> None:
        """`sound` is an MP3 that is broadcast as it is, in real time."""
        self._folder, self._sound = folder, sound
        self.port = free_port()
        """Where it listens."""
        (folder / "icecast.xml").write_text(_CONFIG.format(port=self.port, logs=folder))
        self._server: subprocess.Popen[bytes] | None = None
        self._source: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The station's address."""
        return f"http://127.0.0.1:{self.port}/live.mp3"

    def start(self) -> None:
        """Start server and station, and wait until it can be heard."""
        assert ICECAST
        # it refuses to run as root
        user = None if os.geteuid() else _NOBODY
        self._server = subprocess.Popen(
            [ICECAST, "-c", str(self._folder / "icecast.xml")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        _until(lambda: _status(self.port, "/") != 0)
        self.speak()

    def speak(self, start: float = 0) -> None:
        """Broadcast the sound from a second on."""
        assert FFMPEG
        command = [FFMPEG, "-v", "error", "-nostdin", "-re", "-ss", str(start)]
        command += ["-i", str(self._sound), "-c", "copy", "-f", "mp3", "-write_xing", "0"]
        command += ["-id3v2_version", "0", "-content_type", "audio/mpeg"]
        command += [
            "-ice_name",
            "Test One",
            f"icecast://source:hackme@127.0.0.1:{self.port}/live.mp3",
        ]
        self._source = subprocess.Popen(command)
        _until(lambda: _status(self.port, "/live.mp3") == 200)

    def kill(self) -> None:
        """End both without a farewell."""
        for process in (self._source, self._server):
            if process:
                process.kill()
                process.wait()


@contextmanager
def broadcasting(sound: Path) -> Iterator[Icecast]:
    """A running server; its files are where any user may read them."""
    with TemporaryDirectory(prefix="captty-icecast-") as folder:
        Path(folder).chmod(0o777)
        icecast = Icecast(Path(folder), sound)
        (Path(folder) / "icecast.xml").chmod(0o644)
        try:
            icecast.start()
            yield icecast
        finally:
            icecast.kill()


def _until(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not met():
        assert time.monotonic() < end, "icecast does not answer"
        time.sleep(0.02)


def _status(port: int, path: str) -> int:
    """The status of an answer; 0 without one."""
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return int(connection.recv(64).split()[1])
    except (OSError, IndexError, ValueError):
        return 0
