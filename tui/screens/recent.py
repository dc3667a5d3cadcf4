"""What was used before, kept between runs."""

import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from tui.captions.languages import AUTO, language_code
from tui.widgets.sounds import MIC, shown

log = logging.getLogger(__name__)

_MOST_LANGUAGES = 8
_MOST_SOUNDS = 20
_LONGEST_FILE = 2**18
"""Bytes: what is longer was not written here."""


class Recent:
    """Texts in a file with one to a line, newest first; only its owner may read it.

    Where the file cannot be read or written they are kept for this run only.
    """

    def __init__(self, path: Path | None, most: int, belongs: Callable[[str], bool]) -> None:
        """At most so many of those that belong here are kept; without a path in no file."""
        self._path = path
        self._most = most
        self._writing = threading.Lock()
        self.entries: list[str] = self._newest(filter(belongs, self._read()))
        """The newest first, each once."""

    @classmethod
    def languages(cls, path: Path | None = None) -> Self:
        """Codes, and `auto` for detection."""
        return cls(path, _MOST_LANGUAGES, lambda text: text == AUTO or language_code(text) == text)

    @classmethod
    def sounds(cls, path: Path | None = None) -> Self:
        """What can be opened again: absolute paths, addresses without a secret, `mic:NAME`."""
        return cls(path, _MOST_SOUNDS, lambda text: remembered(text) == text)

    def use(self, *entries: str) -> None:
        """Note what was used just now, the newest last."""
        self.entries = self._newest([*reversed(entries), *self.entries])
        if self._path:
            name = f"recent {self._path.name}"
            threading.Thread(target=self._write, name=name, daemon=True).start()

    def _newest(self, entries: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(entries))[: self._most]

    def _read(self) -> list[str]:
        if self._path is None:
            return []
        try:
            with self._path.open("rb") as file:
                return [*map(_entry, file.read(_LONGEST_FILE).splitlines())]
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("what was used before cannot be read: %s", error)
            return []

    def _write(self) -> None:
        """Runs on a thread: a disk that is slow holds up nothing."""
        assert self._path is not None
        draft = self._path.with_name(f".captty-{secrets.token_hex(4)}.tmp")
        with self._writing:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                draft.touch(mode=0o600, exist_ok=False)
                draft.write_bytes(b"".join(map(_line, self.entries)))
                os.replace(draft, self._path)
            except OSError as error:
                log.warning("what was used cannot be kept: %s", error)
                _remove(draft)


def remembered(source: str) -> str | None:
    """A sound as it can be named another time; `None` where it needs no memory, or has a secret."""
    if source in ("", "-", "demo", MIC):
        return None
    if source.startswith(f"{MIC}:"):
        return source
    if "://" in source:
        return source if shown(source) == source and _is_plain(source) else None
    try:
        return os.path.abspath(os.path.expanduser(source))
    except OSError:  # the working folder is gone
        return None


def _is_plain(address: str) -> bool:
    """Whether it is one of the web whose path holds nothing that may be a key, or hide one."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    odd = any(mark in parts.path for mark in ("@", "://", ";"))
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not odd


def _line(entry: str) -> bytes:
    """A text on one line: names of files may hold anything."""
    return entry.encode("unicode_escape") + b"\n"


def _entry(line: bytes) -> str:
    try:
        return line.decode("unicode_escape")
    except UnicodeDecodeError:
        return ""


def _remove(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s stays behind: %s", draft.name, error)
