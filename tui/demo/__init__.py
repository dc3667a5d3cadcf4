"""The recording that ships with captty."""

from importlib.resources import files
from pathlib import Path


def recording() -> Path:
    """The recording: Ogg Opus, mono, three quarters of a minute of speech."""
    return _beside("demo.opus")


def text() -> str:
    """What is said in the recording, one sentence a line."""
    lines = _beside("demo.txt").read_text("utf-8").splitlines()
    return "\n".join(line.partition(": ")[2] for line in lines)


def _beside(name: str) -> Path:
    return Path(str(files(__package__).joinpath(name)))
