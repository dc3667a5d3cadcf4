"""Fields of JSON messages from strangers: taken where they make sense, else left out."""

import json
import math
from typing import Any

from tui.captions import SAMPLE_RATE, clean

_LONGEST_INTEGER = 300
_LONGEST_SESSION = 366 * 24 * 3600
"""Seconds; a time beyond it is no time."""


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.inf


def json_object(frame: str | bytes) -> dict[str, Any] | None:
    """The JSON object of a frame; `None` for anything else, however broken or deeply nested."""
    try:
        message = json.loads(frame, parse_int=_integer)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def text_field(value: object, limit: int = 1000) -> str:
    """Clean text of a string or number, else the empty text."""
    if isinstance(value, str):
        return clean(value, limit)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return clean(str(value), limit)
    return ""


def number_field(value: object) -> float | None:
    """A finite number, also one that was sent as a string."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def sample_field(value: object, origin: int) -> int | None:
    """The absolute sample index of a time in seconds since the sample `origin`."""
    seconds = number_field(value)
    if seconds is None or not 0 <= seconds <= _LONGEST_SESSION:
        return None
    return origin + round(seconds * SAMPLE_RATE)


def list_field(value: object) -> list[Any]:
    """A list, else an empty one."""
    return value if isinstance(value, list) else []
