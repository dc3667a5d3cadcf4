"""Files that were dropped on the terminal: it pastes their names, quoted in ways of its own."""

import shlex
from urllib.parse import unquote, urlsplit

_FILE = "file://"


def dropped(text: str) -> list[str]:
    """The paths that a pasted text names; none where it names anything else.

    Terminals quote them for a shell, give `file://` addresses, or paste a path as it is.
    """
    words = _words(text)
    paths = [_path(word) for word in words]
    return paths if paths and all(path.startswith(("/", "~/")) for path in paths) else []


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError:  # a quote that does not end is part of a name
        words = []
    if words and all(word.startswith(("/", "~/", _FILE)) for word in words):
        return words
    return [text.strip()]


def _path(word: str) -> str:
    """The path of a `file://` address, whatever host it names; other words as they are."""
    if not word.startswith(_FILE):
        return word
    try:
        return unquote(urlsplit(word).path, errors="surrogateescape")
    except ValueError:
        return ""
