"""Positions in a sound, as people write them."""

import re

_POSITION = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,6}):)?(\d{1,9}(?:\.\d{1,9})?)", re.ASCII)


def parse_position(text: str) -> float:
    """The seconds that `12:30`, `1:02:03`, `750` or `12:30.5` says.

    Raises `ValueError` with a sentence.
    """
    found = _POSITION.fullmatch(text.strip())
    hours, minutes, seconds = found.groups(default="0") if found else ("0", "0", "nan")
    colons = text.count(":")
    if not found or (colons and float(seconds) >= 60) or (colons == 2 and int(minutes) >= 60):
        raise ValueError(f"{text!r} is no position in a sound: write it like 12:30, 1:02:03 or 750")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def clock(seconds: float) -> str:
    """`1:02:03`, without what is less than a second."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
