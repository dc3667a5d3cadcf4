"""A PulseAudio server of a test's own, with null sinks whose monitors are microphones."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_pulse = pytest.mark.skipif(
    not all(shutil.which(program) for program in ("pulseaudio", "pactl", "paplay")),
    reason="needs pulseaudio and pulseaudio-utils",
)

SINK = "virt"
MICROPHONE = "Virtual speech"
"""What people see of the monitor of `SINK`, behind `Monitor of`."""

_START_SECONDS = 15.0
_ALSA = """\
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.pulse { type pulse }
ctl.pulse { type pulse }
"""


class PulseServer:
    """The server; `environment` is what programs need to find it, and no other one."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "native"
        alsa = folder / "alsa.conf"
        alsa.write_text(_ALSA)
        self.environment = {
            "ALSA_CONFIG_PATH": str(alsa),
            "PULSE_SERVER": f"unix:{self._socket}",
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_COOKIE": str(folder / "cookie"),
            "XDG_RUNTIME_DIR": str(folder),
        }
        self._folder = folder
        self._players: list[subprocess.Popen[bytes]] = []
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server without any device; returns when it answers."""
        no_bus = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={self._folder}/bus"}
        command = "pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no"
        protocol = f"module-native-protocol-unix socket={self._socket} auth-anonymous=1"
        self._server = subprocess.Popen(
            [*command.split(), "-L", protocol],
            env={**os.environ, **self.environment, "HOME": str(self._folder), **no_bus},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert self._server.poll() is None, "pulseaudio has ended"
            assert time.monotonic() < deadline, "pulseaudio does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server and all players, also where it is frozen."""
        for process in (*self._players, self._server):
            if process:
                process.kill()
                process.wait()
        self._players.clear()
        self._server = None
        self._socket.unlink(missing_ok=True)

    def load_sink(self, name: str = SINK, description: str = MICROPHONE) -> None:
        """Plug in a null sink, and with it its monitor, which is named after it."""
        properties = f"sink_properties='device.description=\"{description}\"'"
        self.pactl(
            "load-module", "module-null-sink", f"sink_name={name}", "norewinds=1", properties
        )

    def unload_sink(self, name: str = SINK) -> None:
        """Unplug a sink and its monitor."""
        for line in self.pactl("list", "short", "modules").splitlines():
            if f"sink_name={name} " in line:
                self.pactl("unload-module", line.split()[0])

    def set_default_source(self, name: str) -> None:
        """Make another source the default one; the monitor of a sink is `SINK.monitor`."""
        self.pactl("set-default-source", name)

    def play(self, path: Path, sink: str = SINK) -> "subprocess.Popen[bytes]":
        """Start to play a sound file into a sink; it ends with the sound, or the server."""
        player = subprocess.Popen(
            ["paplay", f"--device={sink}", str(path)],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._players.append(player)
        return player

    def freeze(self) -> None:
        """Let the server stand still, as a driver that hangs."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def pactl(self, *arguments: str) -> str:
        """What `pactl` says."""
        return subprocess.run(
            ["pactl", *arguments],
            env={**os.environ, **self.environment},
            check=True,
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
        ).stdout

    def _answers(self) -> bool:
        try:
            self.pactl("info")
        except subprocess.CalledProcessError:
            return False
        return True

    def _signal(self, number: int) -> None:
        assert self._server is not None
        self._server.send_signal(number)


@contextmanager
def pulse_server() -> Iterator[PulseServer]:
    """A server with one sink `SINK`, for the length of a block."""
    with tempfile.TemporaryDirectory(prefix="captty-pulse-") as folder:
        server = PulseServer(Path(folder))
        try:
            server.start()
            server.load_sink()
            yield server
        finally:
            server.stop()


@pytest.fixture
def pulse(monkeypatch: pytest.MonkeyPatch) -> Iterator[PulseServer]:
    """A server with one sink, which this test's process and its children find."""
    with pulse_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
