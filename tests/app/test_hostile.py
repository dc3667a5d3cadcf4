"""Hostile text from a server, end to end: no terminal, pipe or export gets it as control bytes."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.scripted_server import Script, Stream, scripted_server
from tests.terminals import CAPTTY, home, on_pty
from tests.unit.test_cli import captty

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
SEQUENCES = [
    "\x1b]0;title\x07",
    "\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;aGVsbG8=\x07",
    "\x1b[31m",
    "\x9b31m",
    "\x1b[2J",
    "\u202e",
    "\u2066",
]
MARKUP = "[/] [bold]bold[/bold] [@click=app.quit]quit[/]"
MARKER = "zqz"
"""Stands behind each payload, so that it can be told from what the screen itself writes."""


async def attack(stream: Stream) -> None:
    """Say everything that a terminal or a renderer could take for a command."""
    payloads = [*CONTROLS, *SEQUENCES]
    await stream.say(100, " ".join(f"{payload}{MARKER}" for payload in payloads))
    await stream.say(101, MARKUP)
    await stream.ws.send_str('{"segments": [{"id": 102, "text": "lone \\ud800 surrogate"}]}')
    await stream.say(103, "W" * 1_000_000)
    await stream.say(104, "after all that")


@asynccontextmanager
async def attacker(tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """A server that attacks after a second, and a sound of a minute to send to it."""
    sound = tmp_path / "minute.wav"
    header = b"RIFF" + (36 + 1_920_000).to_bytes(4, "little") + b"WAVEfmt "
    header += bytes.fromhex("10000000 0100 0100 803e0000 007d0000 0200 1000")
    sound.write_bytes(header + b"data" + (1_920_000).to_bytes(4, "little") + bytes(1_920_000))
    async with scripted_server(Script(at_second={1: attack})) as server:
        yield server.url, str(sound)


def assert_harmless(output: str) -> None:
    """No payload is left in front of its marker, and what is readable of it is there."""
    for payload in (*CONTROLS, *SEQUENCES):
        if payload not in ("\n", "\r", "\t", "\x1f"):
            assert payload + MARKER not in output, repr(payload)
    assert MARKER in output
    assert "\u202e" not in output
    assert "\x9b" not in output


@pytest.mark.parametrize("form", ["text", "jsonl", "srt", "vtt"])
async def test_no_pipe_gets_control_bytes(tmp_path: Path, form: str) -> None:
    async with attacker(tmp_path) as (url, sound):
        arguments = ("transcribe", sound, "--fast", "--format", form, "--server", url)
        done = await asyncio.to_thread(captty, tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert_harmless(done.stdout)
    assert not [char for char in done.stdout if char < " " and char != "\n"]
    assert "after all that" in done.stdout


async def test_no_export_gets_control_bytes(tmp_path: Path) -> None:
    async with attacker(tmp_path) as (url, sound):
        arguments = ("transcribe", sound, "--fast", "--server", url)
        await asyncio.to_thread(captty, tmp_path, *arguments)
    for form in ("srt", "vtt", "txt", "json"):
        out = captty(tmp_path, "sessions", "export", "last", "--format", form).stdout
        assert_harmless(out)
        assert not [char for char in out if char < " " and char != "\n"]
    for view in ((), ("--json",)):
        assert_harmless(captty(tmp_path, "sessions", "show", "last", *view).stdout)


async def test_no_terminal_gets_control_bytes(tmp_path: Path) -> None:
    def watch(url: str, sound: str) -> str:
        argv = [*CAPTTY, sound, "--server", url]
        with on_pty(tmp_path, argv, columns=100, rows=40) as terminal:
            terminal.wait_for(b"after all that")
            terminal.press(b"\x1b[H")  # the first captions, where the payloads are
            terminal.wait_for(MARKER.encode())
            terminal.press(b"\x11")
            assert terminal.wait() == 0
            return terminal.output.decode("utf-8", "surrogateescape")

    async with attacker(tmp_path) as (url, sound):
        assert_harmless(await asyncio.to_thread(watch, url, sound))


def test_a_hostile_file_name_is_drawn_as_text(tmp_path: Path) -> None:
    name = tmp_path / "a\x1b]0;title\x07\x9b31m\u202e[bold]b.wav"
    name.write_bytes(b"no sound")
    with on_pty(tmp_path, [*CAPTTY, str(name)]) as terminal:
        terminal.wait_for(b"FAILED")
        terminal.press(b"\x11")
        terminal.wait()
        assert b"\x1b]0;title" not in terminal.output
        assert "\u202e".encode() not in terminal.output
    done = subprocess.run(
        [*CAPTTY, "transcribe", str(name)], env=home(tmp_path), capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"\x1b" not in done.stderr
