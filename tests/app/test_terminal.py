"""The dashboard on real terminals: what is on screen, how it ends, what a dead terminal costs."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.terminals import CAPTTY, home, in_tmux, needs_tmux, on_pty

LEAVES_SCREEN = b"\x1b[?1049l"
LAST_RESORT = 3.0
SHOWS_CURSOR = b"\x1b[?25h"


def sessions(folder: Path) -> list[dict[str, object]]:
    """`captty sessions list --json`."""
    command = [*CAPTTY, "sessions", "list", "--json"]
    done = subprocess.run(command, env=home(folder), capture_output=True, check=True)
    listed: list[dict[str, object]] = json.loads(done.stdout)
    return listed


def kept_whole(folder: Path) -> dict[str, object]:
    """The only session, which lost nothing: what is no text yet is there to be finished."""
    (session,) = sessions(folder)
    assert session["state"] == "complete" or session["unfinished"]
    return session


@needs_tmux
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 12), (200, 60)])
def test_demo_shows_words_level_and_state_and_quits_well(
    tmp_path: Path, columns: int, rows: int
) -> None:
    with in_tmux(tmp_path, [*CAPTTY, "demo"], columns, rows) as terminal:
        terminal.wait_for("LIVE", "dB", "captions")
        terminal.press("C-q")
        screen = terminal.wait_for("status=0", "saved as")
    assert "captions" not in screen
    assert kept_whole(tmp_path)["segments"]


@needs_tmux
def test_demo_runs_to_its_end_and_keeps_what_was_said(tmp_path: Path) -> None:
    with in_tmux(tmp_path, [*CAPTTY, "demo"]) as terminal:
        terminal.wait_for("ENDED")
        terminal.press("C-q")
        terminal.wait_for("status=0")
    (session,) = sessions(tmp_path)
    assert session["source"] == "demo.opus"
    assert session["state"] == "complete"


@needs_tmux
def test_pause_stop_help_and_scrolling_by_keys(tmp_path: Path) -> None:
    with in_tmux(tmp_path, [*CAPTTY, "demo"]) as terminal:
        terminal.wait_for("LIVE", "dB")
        terminal.press("Space")
        terminal.wait_for("PAUSED")
        terminal.press("?")
        terminal.wait_for("Keys", "Pause the source")
        terminal.press("q")
        terminal.wait_for("captions")
        terminal.press("Space")
        terminal.wait_for("LIVE")
        terminal.press("s")
        terminal.wait_for("ENDED")


@needs_tmux
def test_a_missing_file_is_explained_on_screen(tmp_path: Path) -> None:
    with in_tmux(tmp_path, [*CAPTTY, str(tmp_path / "nothing.wav")]) as terminal:
        terminal.wait_for("nothing.wav", "FAILED")
        terminal.press("C-q")
        terminal.wait_for("status=0")
    assert sessions(tmp_path) == []


@pytest.mark.parametrize("words", [b"LIVE", b"hello"])
def test_quitting_leaves_one_line_on_the_terminal(tmp_path: Path, words: bytes) -> None:
    with on_pty(tmp_path, [*CAPTTY, "demo"]) as terminal:
        terminal.wait_for(words)
        terminal.press(b"\x11")
        assert terminal.wait() == 0
        left = terminal.output.rpartition(LEAVES_SCREEN)[2]
        visible = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", left).strip()
    assert visible.startswith(b"saved as ")
    assert len(visible.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_a_restored_terminal_and_a_saved_session(
    tmp_path: Path, number: signal.Signals
) -> None:
    with on_pty(tmp_path, [*CAPTTY, "demo"]) as terminal:
        before = terminal.settings()
        terminal.wait_for(b"LIVE")
        terminal.kill(number)
        assert terminal.wait() == 128 + number
        assert LEAVES_SCREEN in terminal.output
        assert SHOWS_CURSOR in terminal.output.rpartition(LEAVES_SCREEN)[2]
        assert terminal.settings() == before
    kept_whole(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_an_idle_dashboard_as_well(tmp_path: Path, number: signal.Signals) -> None:
    with on_pty(tmp_path, [*CAPTTY, str(tmp_path / "nothing.wav")]) as terminal:
        before = terminal.settings()
        terminal.wait_for(b"FAILED")
        terminal.press(b"\x1b")
        told = time.monotonic()
        terminal.kill(number)
        assert terminal.wait() == 128 + number
        assert time.monotonic() - told < LAST_RESORT
        assert LEAVES_SCREEN in terminal.output
        assert terminal.settings() == before


def test_a_crash_leaves_a_restored_terminal_and_no_secrets(tmp_path: Path) -> None:
    crash = (
        "import tui.screens.captions as c\n"
        "def broken(self, snapshot): raise ZeroDivisionError('[/] oops')\n"
        "c.CaptionScreen._show_level = broken\n"
        "from tui.cli import main; main()\n"
    )
    argv = [CAPTTY[0], "-c", crash, "demo"]
    with on_pty(tmp_path, argv, environment={"CAPTTY_API_KEY": "sesame-opens"}) as terminal:
        before = terminal.settings()
        assert terminal.wait() == 1
        assert LEAVES_SCREEN in terminal.output
        assert terminal.settings() == before
        assert b"ZeroDivisionError" in terminal.output
        assert b"sesame" not in terminal.output
    for log in tmp_path.rglob("*.log"):
        assert "sesame" not in log.read_text()


def test_a_terminal_that_nobody_reads_stops_no_caption(tmp_path: Path) -> None:
    """Frozen for 30 s and more: the whole demo is captioned and saved meanwhile."""
    with on_pty(tmp_path, [*CAPTTY, "demo"]) as terminal:
        terminal.wait_for(b"LIVE")
        terminal.freeze()
        frozen = time.monotonic()
        while not (found := sessions(tmp_path)) or found[0]["state"] == "live":
            assert time.monotonic() - frozen < 90
            time.sleep(0.5)
        assert time.monotonic() - frozen > 30
        terminal.thaw()
        terminal.wait_for(b"ENDED")
        terminal.press(b"\x11")
        assert terminal.wait() == 0
    assert found[0]["state"] == "complete"
    assert isinstance(found[0]["seconds"], float)
    assert found[0]["seconds"] > 30


def test_a_signal_ends_even_behind_a_frozen_terminal(tmp_path: Path) -> None:
    with on_pty(tmp_path, [*CAPTTY, "demo"]) as terminal:
        terminal.wait_for(b"LIVE")
        terminal.freeze()
        terminal.wait_until_full()
        terminal.kill(signal.SIGTERM)
        assert terminal.wait(20) == 128 + signal.SIGTERM
    kept_whole(tmp_path)


def test_without_a_terminal_demo_prints_lines_and_no_escapes(tmp_path: Path) -> None:
    command = [*CAPTTY, "demo"]
    done = subprocess.run(
        command, env=home(tmp_path), capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("[00:0") for line in lines)
    assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("extra", [{"TERM": "dumb"}, {"CAPTTY_PLAIN": "1"}], ids=["dumb", "plain"])
def test_a_dumb_terminal_gets_lines(tmp_path: Path, extra: dict[str, str]) -> None:
    with on_pty(tmp_path, [*CAPTTY, "demo"], environment=extra) as terminal:
        terminal.wait_for(b"[00:0")
        os.kill(terminal.pid, signal.SIGINT)
        assert terminal.wait() == 128 + signal.SIGINT
        assert b"\x1b" not in terminal.output
