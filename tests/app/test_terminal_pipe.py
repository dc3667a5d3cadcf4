"""`… | captty -`: sound comes in on standard input, keys from the terminal."""

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.app.test_terminal import LEAVES_SCREEN, sessions
from tests.terminals import CAPTTY, PATIENCE, home, in_tmux, needs_tmux, on_pty
from tests.unit.audio.sounds import pcm16, tone, wav
from tui import demo

BASH = shutil.which("bash")
FFMPEG = shutil.which("ffmpeg")
DASHBOARD = f"{shlex.join(CAPTTY)} -"
PRODUCERS = {
    "cat": f"cat {shlex.quote(str(demo.recording()))}",
    "ffmpeg": f"{FFMPEG} -nostdin -v error -re -i {shlex.quote(str(demo.recording()))} -f wav -",
}


@needs_tmux
@pytest.mark.parametrize("producer", PRODUCERS)
def test_keys_go_to_the_dashboard_and_sound_comes_from_the_pipe(
    tmp_path: Path, producer: str
) -> None:
    if producer == "ffmpeg" and not FFMPEG:
        pytest.skip("ffmpeg, which makes the sound, is missing")
    pipeline = f"{PRODUCERS[producer]} | {DASHBOARD}"
    script = f'before=$(stty -g); {pipeline}; [ "$before" = "$(stty -g)" ] && echo unchanged'
    with in_tmux(tmp_path, ["sh", "-c", script]) as terminal:
        terminal.wait_for("LIVE", "dB", "hello")
        terminal.press("Space")
        terminal.wait_for("PAUSED")
        terminal.press("Space")
        terminal.wait_for("LIVE")
        terminal.press("C-q")
        screen = terminal.wait_for("saved as", "unchanged")
    assert "LIVE" not in screen
    (session,) = sessions(tmp_path)
    assert session["source"] == "standard input"
    assert session["segments"]


@needs_tmux
def test_the_end_of_the_pipe_ends_the_session(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", pcm16(tone(2)))
    with in_tmux(tmp_path, ["sh", "-c", f"cat {shlex.quote(str(path))} | {DASHBOARD}"]) as terminal:
        terminal.wait_for("ENDED")
        terminal.press("C-q")
        terminal.wait_for("status=0")
    (session,) = sessions(tmp_path)
    assert (session["state"], session["seconds"]) == ("complete", 2.0)


@needs_tmux
def test_what_is_no_sound_is_explained_on_screen(tmp_path: Path) -> None:
    with in_tmux(tmp_path, ["sh", "-c", f"echo hello | {DASHBOARD}"], 120) as terminal:
        terminal.wait_for("standard input is no sound", "--raw s16le:16000:1")
        terminal.press("C-q")
        terminal.wait_for("status=")


@pytest.mark.skipif(not BASH, reason="bash, which stops and continues jobs, is missing")
def test_ctrl_z_stops_the_whole_pipeline_and_fg_continues_it(tmp_path: Path) -> None:
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with on_pty(tmp_path, shell, environment={"PS1": "prompt> "}) as terminal:
        terminal.wait_for(b"prompt> ")
        terminal.press(f"{PRODUCERS['cat']} | {DASHBOARD}\n".encode())
        terminal.wait_for(b"LIVE")
        terminal.press(b"\x1a")
        terminal.wait_for(b"Stopped")
        assert LEAVES_SCREEN in terminal.output
        terminal.output.clear()
        terminal.press(b"jobs -l; fg\n")
        terminal.wait_for(b"captions")
        assert b"Running" not in terminal.output
        terminal.press(b"\x11")
        terminal.wait_for(b"saved as")
        terminal.press(b"exit\n")
        assert terminal.wait() == 0
    (session,) = sessions(tmp_path)
    assert session["source"] == "standard input"


TAKES = """
import os, sys
from tui.terminal import has_controlling_terminal, take_standard_input
has, fd = has_controlling_terminal(), take_standard_input()
print(has, os.isatty(0), os.get_inheritable(fd), os.read(fd, 9), os.get_inheritable(0))
"""


def test_keys_and_sound_change_places(tmp_path: Path) -> None:
    command = f"echo sound | {shlex.join([sys.executable, '-c', TAKES])}"
    with on_pty(tmp_path, ["sh", "-c", command]) as terminal:
        assert terminal.wait() == 0
        assert b"True True False b'sound\\n' True" in terminal.output


HOLDS = """
import subprocess, termios, tty
from tui.terminal import Keyboard
def echoes():
    return bool(termios.tcgetattr(0)[3] & termios.ECHO)
tty.setraw(0)
keyboard = Keyboard()
keyboard.hold()
subprocess.run(["stty", "sane"], check=True)
states = [echoes()]
keyboard.hold()
states.append(echoes())
keyboard.restore()
states.append(echoes())
print(states)
"""


def test_who_shares_the_terminal_does_not_take_the_keys_away(tmp_path: Path) -> None:
    with on_pty(tmp_path, [sys.executable, "-c", HOLDS]) as terminal:
        assert terminal.wait() == 0
        assert b"[True, False, True]" in terminal.output


@needs_tmux
@pytest.mark.skipif(not FFMPEG, reason="ffmpeg, which makes the sound, is missing")
def test_keys_go_on_when_a_producer_that_took_keys_has_ended(tmp_path: Path) -> None:
    producer = f"{FFMPEG} -v error -re -t 3 -i {shlex.quote(str(demo.recording()))} -f wav -"
    script = f'before=$(stty -g); {producer} | {DASHBOARD}; [ "$before" = "$(stty -g)" ] && echo ok'
    with in_tmux(tmp_path, ["sh", "-c", script]) as terminal:
        terminal.wait_for("ENDED")
        limit = time.monotonic() + PATIENCE
        while "saved as" not in terminal.screen() and time.monotonic() < limit:
            terminal.press("C-q")  # the first may still go to the line mode that ffmpeg left
            time.sleep(0.2)
        terminal.wait_for("saved as", "ok")


def test_without_a_terminal_there_are_no_keys(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TAKES],
        env=home(tmp_path),
        input=b"sound\n",
        start_new_session=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"False False False b'sound\\n' True\n"
