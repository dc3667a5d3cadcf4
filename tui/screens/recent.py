"""The languages that were used before, kept between runs."""

import logging
import os
import secrets
import threading
from pathlib import Path

from tui.captions.languages import AUTO, language_code

log = logging.getLogger(__name__)

_MOST = 8
_LONGEST_FILE = 4096
"""Bytes: what is longer was not written here."""


class RecentLanguages:
    """Codes, and `auto` for detection, in a file with one to a line, newest first.

    Where the file cannot be read or written they are kept for this run only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._writing = threading.Lock()
        self.codes = self._read()
        """The newest first, each once."""

    def use(self, *languages: str | None) -> None:
        """Note what was used just now, the newest last; `None` for detection."""
        for language in languages:
            code = language or AUTO
            self.codes = [code, *(other for other in self.codes if other != code)][:_MOST]
        if self._path:
            threading.Thread(target=self._write, name="recent languages", daemon=True).start()

    def _read(self) -> list[str]:
        if self._path is None:
            return []
        try:
            with self._path.open("rb") as file:
                lines = file.read(_LONGEST_FILE).decode(errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("the recent languages cannot be read: %s", error)
            return []
        known = [line for line in lines if line == AUTO or language_code(line) == line]
        return list(dict.fromkeys(known))[:_MOST]

    def _write(self) -> None:
        """Runs on a thread: a disk that is slow holds up nothing."""
        assert self._path is not None
        draft = self._path.with_name(f".captty-{secrets.token_hex(4)}.tmp")
        with self._writing:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                draft.write_text("".join(f"{code}\n" for code in self.codes))
                os.replace(draft, self._path)
            except OSError as error:
                log.warning("the recent languages cannot be kept: %s", error)
                _remove(draft)


def _remove(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s stays behind: %s", draft.name, error)
