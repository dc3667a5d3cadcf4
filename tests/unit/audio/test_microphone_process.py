"""A microphone leaves the terminal and the system as they are, whatever library is missing."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.pulse import PulseServer, needs_pulse, pulse
from tui.audio.microphone.devices import find_devices
from tui.audio.microphone.source import Microphone
from tui.audio.source import SourceError
from tui.captions import SAMPLE_RATE

__all__ = ["pulse"]

PATIENCE = 20.0
LISTENER = """
import json, logging, os, sys, time
from tui.audio.microphone.source import Microphone
from tui.audio.source import Missed
logging.getLogger().addHandler(logging.NullHandler())
report = int(sys.argv[1])
samples = missed = 0
for item in Microphone.open().chunks():
    if isinstance(item, bytes):
        samples += len(item) // 2
    elif isinstance(item, Missed):
        missed += item.samples
    said = {"fact": "" if isinstance(item, bytes) else repr(item), "now": time.monotonic()}
    os.write(report, json.dumps({**said, "samples": samples, "missed": missed}).encode() + b"\\n")
"""
HIDDEN = """
import ctypes, ctypes.util
find, load = ctypes.util.find_library, ctypes.CDLL
def hidden(name):
    return name is not None and any(word in str(name) for word in WORDS)
ctypes.util.find_library = lambda name: None if hidden(name) else find(name)
class CDLL(load):
    def __init__(self, name, *rest, **options):
        if hidden(name):
            raise OSError(f"{name}: cannot open shared object file")
        super().__init__(name, *rest, **options)
ctypes.CDLL = CDLL
"""

pytestmark = needs_pulse


class Listener:
    """A process on a terminal of its own that listens to the default microphone."""

    def __init__(self) -> None:
        self.terminal, terminal = pty.openpty()
        self._report, report = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", LISTENER, str(report)],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            pass_fds=[report],
            cwd=Path(__file__).parents[3],
            preexec_fn=_take_terminal,
        )
        os.close(terminal)
        os.close(report)
        self._lines = os.fdopen(self._report)

    def until(self, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read its reports up to the first that fits."""
        deadline = time.monotonic() + PATIENCE
        for line in self._lines:
            report: dict[str, Any] = json.loads(line)
            if what(report):
                return report
            assert time.monotonic() < deadline
        raise AssertionError(f"it has ended: {self.written()!r}")

    def helpers(self) -> list[psutil.Process]:
        """Its microphone processes."""
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found

    def written(self) -> bytes:
        """What has been written to the terminal."""
        written = b""
        with suppress(OSError):
            while select.select([self.terminal], [], [], 0)[0]:
                written += os.read(self.terminal, 65_536)
        return written

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._lines.close()
        os.close(self.terminal)


def _take_terminal() -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def a_listener() -> Iterator[Listener]:
    listener = Listener()
    try:
        yield listener
    finally:
        listener.end()


def test_nothing_reaches_the_terminal_and_nothing_is_left_when_captty_is_killed(
    pulse: PulseServer,
) -> None:
    with a_listener() as listener:
        listener.until(lambda report: report["samples"] > 0)
        pulse.unload_sink()
        listener.until(lambda report: "Trouble" in report["fact"])
        listener.until(lambda report: report["missed"] > 2 * SAMPLE_RATE)
        pulse.load_sink()
        listener.until(lambda report: "sentence=''" in report["fact"])
        assert listener.written() == b""

        helpers = listener.helpers()
        assert helpers
        listener.process.kill()
        _, alive = psutil.wait_procs(helpers, timeout=3)
        assert not alive


def test_keys_do_not_end_the_microphone_and_a_stop_of_seconds_loses_nothing(
    pulse: PulseServer,
) -> None:
    with a_listener() as listener:
        first = listener.until(lambda report: report["samples"] > 0)
        os.write(listener.terminal, b"\x03")
        listener.process.send_signal(signal.SIGSTOP)
        time.sleep(3)  # longer than the pipe holds, and than a dead device is given
        listener.process.send_signal(signal.SIGCONT)
        last = listener.until(lambda report: report["now"] - first["now"] > 4.5)

    seconds = (last["samples"] - first["samples"]) / SAMPLE_RATE
    assert seconds > last["now"] - first["now"] - 0.4
    assert last["missed"] == 0


def hide(monkeypatch: pytest.MonkeyPatch, folder: Path, *libraries: str) -> None:
    """Let processes started from now on not find these system libraries."""
    (folder / "sitecustomize.py").write_text(f"WORDS = {libraries}\n{HIDDEN}")
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))


def test_what_libraries_print_goes_to_the_log_clean(
    pulse: PulseServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hide(monkeypatch, tmp_path, "nothing")
    with (tmp_path / "sitecustomize.py").open("a") as shim:
        shim.write("import os; os.write(2, b'ALSA lib \\x1b[2J\\xff noise')\n")

    assert find_devices()
    assert "listing: ALSA lib [2J\ufffd noise" in caplog.text


def test_without_portaudio_the_sentence_names_the_package(
    pulse: PulseServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hide(monkeypatch, tmp_path, "portaudio")

    for attempt in (Microphone.open, find_devices):
        with pytest.raises(SourceError, match=r"PortAudio.*not installed.*portaudio"):
            attempt()


def test_a_library_that_crashes_takes_nothing_with_it(
    pulse: PulseServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hide(monkeypatch, tmp_path, "nothing")
    with (tmp_path / "sitecustomize.py").open("a") as shim:
        shim.write("ctypes.util.find_library = lambda _: ctypes.string_at(0)\n")

    for attempt in (Microphone.open, find_devices):
        with pytest.raises(SourceError, match="made captty's microphone process fail"):
            attempt()


def test_without_libpulse_the_default_device_is_heard_all_the_same(
    pulse: PulseServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hide(monkeypatch, tmp_path, "libpulse")

    microphone = Microphone.open()
    try:
        assert microphone.info.name == "default"
        assert any(isinstance(item, bytes) for item in microphone.chunks())
    finally:
        microphone.close()
