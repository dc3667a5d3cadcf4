"""The dashboard on a pty: how long it takes to appear, and what it sends to the terminal."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.terminals import CAPTTY, home, on_pty

_BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("ready-and-shown")
Bare().run()
"""
_REPAINTING = """
from textual.app import App
from textual.widgets import Static
class Repainting(App):
    def compose(self):
        yield Static("ready-and-shown")
    def on_mount(self):
        self.count = 0
        self.set_interval(0.1, self.repaint)
    def repaint(self):
        self.count += 1
        self.query_one(Static).update(f"line {self.count}", layout=False)
Repainting().run()
"""
ROUNDS = 7


def seconds_until(argv: list[str], text: bytes) -> float:
    """From the command to the first frame that shows the text."""
    with tempfile.TemporaryDirectory() as folder, on_pty(Path(folder), argv) as terminal:
        started = time.perf_counter()
        terminal.wait_for(text)
        return time.perf_counter() - started


def seconds_of(argv: list[str]) -> float:
    """A whole process."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(argv, env=home(Path(folder)), check=True, capture_output=True)
        return time.perf_counter() - started


def start() -> list[str]:
    """Start of the dashboard and of `--version`, each beside its reference."""
    python = sys.executable
    bare, ours, empty, version = [], [], [], []
    for _ in range(ROUNDS):
        bare.append(seconds_until([python, "-c", _BARE], b"ready-and-shown"))
        ours.append(seconds_until([*CAPTTY], b"READY"))
        empty.append(seconds_of([python, "-c", "pass"]))
        version.append(seconds_of([*CAPTTY, "--version"]))
    b, o, e, v = map(statistics.median, (bare, ours, empty, version))
    return [
        f"start, first frame      captty {o * 1000:6.0f} ms   one-Static app {b * 1000:6.0f} ms"
        f"   ratio {o / b:.2f} (target 1.6)",
        f"captty --version        captty {v * 1000:6.0f} ms   python -c pass {e * 1000:6.0f} ms"
        f"   {(v - e) * 1000:+.0f} ms (target +150)",
    ]


def _cost(argv: list[str], shown: bytes, seconds: float) -> tuple[float, float]:
    """CPU share of the process itself and bytes a second, from when the text is shown."""
    with tempfile.TemporaryDirectory() as folder, on_pty(Path(folder), argv) as terminal:
        terminal.wait_for(shown)
        before, sent, began = _cpu(terminal.pid), len(terminal.output), time.monotonic()
        time.sleep(seconds)
        after, elapsed = _cpu(terminal.pid), time.monotonic() - began
        return (after - before) / elapsed, (len(terminal.output) - sent) / elapsed


def _cpu(pid: int) -> float:
    """User and system seconds of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def running() -> list[str]:
    """CPU and bytes to the terminal while the demo is captioned, beside a line repainted 10/s."""
    ours = _cost([*CAPTTY, "demo"], b"LIVE", 25)
    reference = _cost([sys.executable, "-c", _REPAINTING], b"ready-and-shown", 10)
    return [
        f"CPU while captioning    captty {ours[0]:6.1%}      one line 10/s  {reference[0]:6.1%}"
        "      (target 8 %)",
        f"bytes to the terminal   captty {ours[1]:6.0f} B/s  one line 10/s  {reference[1]:6.0f} B/s"
        "  (target 4000 B/s)",
    ]


if __name__ == "__main__":
    print(*start(), *running(), sep="\n")
