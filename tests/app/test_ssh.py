"""The ways over SSH that the README shows, with a real SSH server, as typed into a shell."""

import asyncio
import shlex
import wave
from pathlib import Path

from tests.faults.server import Script, oracle_server
from tests.ports import free_port
from tests.pulse import PulseServer, needs_pulse, pulse
from tests.spoken import Spoken, words
from tests.sshd import Host, needs_sshd, ssh_host
from tests.terminals import CAPTTY, home, on_pty
from tui.captions import SAMPLE_RATE
from tui.sessions.record import SessionRecord
from tui.sessions.store import SessionStore

__all__ = ["pulse"]

pytestmark = needs_sshd


def captty(*arguments: str) -> str:
    """captty as a shell command."""
    return shlex.join([*CAPTTY, *arguments])


def ssh(host: Host, *options: str) -> str:
    """`ssh OPTIONS host` as a shell command."""
    return host.command.replace("ssh", shlex.join(["ssh", *options]), 1)


def talk(folder: Path, seconds: int) -> Path:
    """A WAV file of so many spoken seconds."""
    path = folder / "talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(b"".join(Spoken(seconds).chunks()))
    return path


def exact_microphone(pulse: PulseServer) -> str:
    """A virtual microphone whose samples come as they were played; returns its sink."""
    sink, form = "exact", ("format=s16le", "rate=16000", "channels=1")
    pulse.pactl("load-module", "module-null-sink", f"sink_name={sink}", "norewinds=1", *form)
    pulse.set_default_source(f"{sink}.monitor")
    return sink


def numbers(said: list[str]) -> list[int]:
    """Which words were heard, whole or not: sound servers resample and, when busy, stumble."""
    return [int(text[1:]) for text in said]


def text(record: SessionRecord) -> list[str]:
    return [word for one in record.segments for word in one.segment.text.split()]


async def test_a_file_on_another_host_and_keys_from_here(tmp_path: Path) -> None:
    path = talk(tmp_path, 14)
    async with oracle_server(Script(words_a_segment=2)) as server:
        with ssh_host(tmp_path) as host:
            there = shlex.quote(f"cat {shlex.quote(str(path))}")
            here = captty("-", "--server", f"ws://127.0.0.1:{server.port}")
            with on_pty(tmp_path, ["sh", "-c", f"{ssh(host, '-n')} {there} | {here}"]) as terminal:
                await asyncio.to_thread(terminal.wait_for, b"w00003")
                terminal.press(b" ")
                await asyncio.to_thread(terminal.wait_for, b"PAUSED")
                terminal.press(b" ")
                await asyncio.to_thread(terminal.wait_for, b"ENDED")
                terminal.press(b"\x11")
                assert await asyncio.to_thread(terminal.wait) == 0
    record = SessionStore(tmp_path / ".local/share/captty").load("last")
    assert text(record) == words(14)
    assert record.summary.state == "complete"


@needs_pulse
async def test_what_another_host_hears(tmp_path: Path, pulse: PulseServer) -> None:
    sink, path = exact_microphone(pulse), talk(tmp_path, 60)
    found = shlex.join(f"{name}={value}" for name, value in pulse.environment.items())
    recorder = f"env {found} parec --format=s16le --rate=16000 --channels=1"
    async with oracle_server(Script(words_a_segment=1)) as server:
        with ssh_host(tmp_path) as host:
            address = f"ws://127.0.0.1:{server.port}"
            here = captty("-", "--raw", "s16le:16000:1", "--server", address)
            command = f"{ssh(host, '-n')} {shlex.quote(recorder)} | {here}"
            with on_pty(tmp_path, ["sh", "-c", command]) as terminal:
                await asyncio.to_thread(terminal.wait_for, b"LIVE")
                pulse.play(path, sink)
                await asyncio.to_thread(terminal.wait_for, b"00004")
                terminal.press(b"\x11")
                assert await asyncio.to_thread(terminal.wait) == 0
    heard = numbers(text(SessionStore(tmp_path / ".local/share/captty").load("last")))
    assert len(set(heard)) >= 4


@needs_pulse
async def test_a_microphone_forwarded_to_another_host(
    tmp_path: Path,
    pulse: PulseServer,
) -> None:
    sink, path = exact_microphone(pulse), talk(tmp_path, 60)
    pulse.pactl("load-module", "module-native-protocol-unix", f"socket={tmp_path}/native")
    port = free_port()
    async with oracle_server(Script(words_a_segment=1)) as server:
        with ssh_host(tmp_path) as host:
            there = captty("mic", "--server", f"ws://127.0.0.1:{server.port}")
            settings = {
                **home(tmp_path),
                "PULSE_SERVER": f"tcp:127.0.0.1:{port}",
                "ALSA_CONFIG_PATH": pulse.environment["ALSA_CONFIG_PATH"],
            }
            kept = ("HOME", "TERM", "LANG", "PYTHONPATH", "PULSE_SERVER", "ALSA_CONFIG_PATH")
            found = shlex.join(f"{name}={settings[name]}" for name in kept)
            forward = ssh(host, "-tt", "-R", f"{port}:{tmp_path}/native")
            command = f"exec {forward} {shlex.quote(f'env {found} {there}')}"
            with on_pty(tmp_path, ["sh", "-c", command]) as terminal:
                await asyncio.to_thread(terminal.wait_for, b"LIVE")
                pulse.play(path, sink)
                await asyncio.to_thread(terminal.wait_for, b"00004")
                terminal.press(b"\x11")
                assert await asyncio.to_thread(terminal.wait) == 0
    heard = numbers(text(SessionStore(tmp_path / ".local/share/captty").load("last")))
    assert len(set(heard)) >= 4
