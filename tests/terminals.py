"""Real terminals for tests: captty in tmux, or on a pty whose bytes are kept."""

import fcntl
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

CAPTTY = (sys.executable, "-m", "tui")
PATIENCE = 60.0
"""Seconds after which a condition counts as never coming true."""

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


def home(folder: Path) -> dict[str, str]:
    """An environment whose home is empty and whose captty has no settings."""
    kept = {name: value for name, value in os.environ.items() if not _private(name)}
    return {
        **kept,
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }


def _private(name: str) -> bool:
    prefixes = ("CAPTTY_", "XDG_", "TEXTUAL", "TMUX", "FIREWORKS_", "NO_COLOR", "COLUMNS", "LINES")
    return name.startswith(prefixes)


class Tmux:
    """One program in a tmux window of its own."""

    def __init__(self, folder: Path, argv: Sequence[str], columns: int, rows: int) -> None:
        self._socket = f"captty-{uuid.uuid4().hex[:12]}"
        self._environment = home(folder)
        command = shlex.join(argv)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                   "-s", "s", f"sleep 0.2; {command}; echo status=$?; sleep 600")  # fmt: skip

    def _tmux(self, *words: str) -> str:
        command = ["tmux", "-L", self._socket, *words]
        environment = {**self._environment, "TMUX_TMPDIR": "/tmp"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    def screen(self) -> str:
        """What is to be seen now."""
        return self._tmux("capture-pane", "-p", "-t", "s")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names for them."""
        self._tmux("send-keys", "-t", "s", *keys)

    def wait_for(self, *texts: str) -> str:
        """The screen, once it shows all the texts."""
        limit = time.monotonic() + PATIENCE
        while True:
            screen = self.screen()
            if all(text in screen for text in texts):
                return screen
            assert time.monotonic() < limit, f"never saw {texts} on\n{screen}"
            time.sleep(0.05)

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size."""
        self._tmux("resize-window", "-t", "s", "-x", str(columns), "-y", str(rows))

    def kill(self) -> None:
        """End tmux and all that runs in it."""
        subprocess.run(
            ["tmux", "-L", self._socket, "kill-server"], check=False, capture_output=True
        )


@contextmanager
def in_tmux(folder: Path, argv: Sequence[str], columns: int = 80, rows: int = 24) -> Iterator[Tmux]:
    """Run a program in tmux for the length of the block."""
    terminal = Tmux(folder, argv, columns, rows)
    try:
        yield terminal
    finally:
        terminal.kill()


class Pty:
    """One program on a pty; what it writes is read by a thread and kept."""

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], columns: int, rows: int
    ) -> None:
        self.output = bytearray()
        self._closed = threading.Event()
        self._reading = threading.Event()
        self._reading.set()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], list(argv), dict(environment))
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)
        self.status: int | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._closed.is_set():
            self._reading.wait()
            readable, _, _ = select.select([self._fd], [], [], 0.1)
            if not readable or not self._reading.is_set():
                continue
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.output += data

    def freeze(self) -> None:
        """Read nothing more, as a dead SSH link does."""
        self._reading.clear()

    def wait_until_full(self) -> None:
        """Return once the program cannot write any more: no byte came in for a second."""
        limit, pending, since = time.monotonic() + PATIENCE, -1, time.monotonic()
        while time.monotonic() - since < 1:
            assert time.monotonic() < limit
            answer = fcntl.ioctl(self._fd, termios.FIONREAD, b"\0" * 4)
            if (now := struct.unpack("i", answer)[0]) != pending:
                pending, since = now, time.monotonic()
            time.sleep(0.05)

    def thaw(self) -> None:
        """Read again."""
        self._reading.set()

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._fd, keys)

    def kill(self, number: int) -> None:
        """Send a signal to the program."""
        os.kill(self.pid, number)

    def settings(self) -> list[object]:
        """The terminal's settings."""
        return termios.tcgetattr(self._fd)

    def wait_for(self, text: bytes) -> None:
        """Return once the text has been written."""
        limit = time.monotonic() + PATIENCE
        while text not in self.output:
            assert time.monotonic() < limit, f"never saw {text!r} in {bytes(self.output[-3000:])!r}"
            time.sleep(0.02)

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit code, negative for the signal that killed the program."""
        limit = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                self._thread.join(2)
                break
            assert time.monotonic() < limit, f"still runs: {bytes(self.output[-2000:])!r}"
            time.sleep(0.02)
        assert self.status is not None
        return self.status

    def close(self) -> None:
        """Kill what still runs."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self._closed.set()
        self._reading.set()
        self._thread.join(2)
        os.close(self._fd)


@contextmanager
def on_pty(
    folder: Path,
    argv: Sequence[str],
    columns: int = 80,
    rows: int = 24,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Pty]:
    """Run a program on a pty for the length of the block."""
    terminal = Pty(argv, {**home(folder), **(environment or {})}, columns, rows)
    try:
        yield terminal
    finally:
        terminal.close()
