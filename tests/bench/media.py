"""An hour of stereo decoded to 16 kHz mono, beside ffmpeg on one thread."""

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_TONE = "aevalsrc=0.2*sin(440*2*PI*t)+0.05*random(0)|0.2*sin(443*2*PI*t):s=44100:d=3600"
_OURS = """
import sys
from pathlib import Path
from tui.audio.media import MediaFile
for chunk in MediaFile.open(Path(sys.argv[1])).chunks(): pass
"""
_FFMPEG = ("ffmpeg", "-v", "error", "-threads", "1")
_RAW = ("-threads", "1", "-ac", "1", "-ar", "16000", "-f", "s16le", "-y", "/dev/null")
ROUNDS = 3


def decoding() -> list[str]:
    """CPU seconds for an hour of mp3 and of flac."""
    if shutil.which("ffmpeg") is None:
        return ["decoding                ffmpeg is not installed"]
    with tempfile.TemporaryDirectory() as folder:
        return [_row(Path(folder), kind) for kind in ("mp3", "flac")]


def _row(folder: Path, kind: str) -> str:
    path = str(folder / f"hour.{kind}")
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", _TONE, "-ac", "2", path]
    subprocess.run(make, check=True)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(_cpu_seconds([sys.executable, "-c", _OURS, path]))
        theirs.append(_cpu_seconds([*_FFMPEG, "-i", path, *_RAW]))
    o, t = statistics.median(ours), statistics.median(theirs)
    return (
        f"decoding 1 h of {kind:<7} captty {o:6.2f} s   ffmpeg, 1 thread {t:6.2f} s"
        f"   ratio {o / t:.2f} (target 2)"
    )


def _cpu_seconds(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
