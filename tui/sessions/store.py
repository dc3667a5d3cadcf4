"""Reads past and present sessions; never writes."""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from tui.captions import SAMPLE_RATE, CapttyError, clean
from tui.sessions.audio import AudioFile, length_from, recordings, spooled
from tui.sessions.lines import FOLDER, RECORD, LineReader, completes
from tui.sessions.record import RecordBuilder, SessionRecord, SessionState, SessionSummary

LAST = "last"
"""Stands for the id of the newest session."""

_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-z]{4}")
_SECOND = len("20261122-201311")
_MOST_NAMED = 10
_LONGEST_END = 4_096
"""Bytes; a line that ends a session is a tenth of that."""


class SessionError(CapttyError):
    """Sessions that cannot be read."""


class NoSuchSession(SessionError):
    """No session, or more than one, answers to a name."""


_Summaries = list[SessionSummary]


class SessionStore:
    """The sessions in the data folder `root`."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    def list(self) -> _Summaries:
        """All sessions, newest first. Raises `SessionError` where their folder cannot be read."""
        summaries = [_summary(self._folder / name) for name in self._names()]
        return _newest_first(summary for summary in summaries if summary is not None)

    def unfinished(self) -> _Summaries:
        """Interrupted sessions with audio to be captioned, newest first. Raises `SessionError`.

        Reads no record but of sessions that have such audio, and the last line of recorded ones.
        """
        folders = [self._folder / name for name in self._names()]
        summaries = [_summary(folder) for folder in folders if _may_be_unfinished(folder)]
        return _newest_first(summary for summary in summaries if summary and summary.unfinished)

    def folder(self, session_id: str) -> Path:
        """Where a session lies; named as in `load`. Raises `NoSuchSession`."""
        return self._folder / self._found(session_id.strip().lower())

    def load(self, session_id: str) -> SessionRecord:
        """One session by its id, by the beginning of its id, or by the word `last`.

        Raises `NoSuchSession`, and `SessionError` where it is there but cannot be read.
        """
        folder = self.folder(session_id)
        try:
            record = _record(folder)
        except OSError as error:
            raise SessionError(
                f"the session {folder.name} cannot be read: {error.strerror or error}; try again, "
                "it is as it was"
            ) from error
        if record is None:
            raise NoSuchSession(
                f"the session {folder.name} has no record that begins as records do"
            )
        return record

    def recordings(self, session_id: str) -> Sequence[AudioFile]:
        """The audio that was kept of a session, in order; named as in `load`. As `folder` raises.

        It is there for listening; nothing says that it is whole.
        """
        return recordings(self.folder(session_id))

    def _names(self) -> Sequence[str]:
        try:
            return [path.name for path in self._folder.iterdir() if _ID.fullmatch(path.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SessionError(
                f"past sessions in {self._folder} cannot be read: {error.strerror or error}; "
                "check the folder's permissions"
            ) from error

    def _found(self, wanted: str) -> str:
        """The id that a name means."""
        if wanted == LAST:
            return self._newest()
        names = [name for name in self._names() if name.startswith(wanted)] if wanted else []
        if len(names) > 1:
            names = sorted(name for name in names if _summary(self._folder / name))
        if not names:
            raise NoSuchSession(
                f'no session has the id "{clean(wanted, 60)}": `captty sessions list` shows them'
            )
        if len(names) > 1:
            raise NoSuchSession(f'"{wanted}" begins the ids of several: {_enumerated(names)}')
        return names[0]

    def _newest(self) -> str:
        names = self._names()
        for second in sorted({name[:_SECOND] for name in names}, reverse=True):
            found = [_summary(self._folder / name) for name in names if name.startswith(second)]
            if known := _newest_first(summary for summary in found if summary is not None):
                return known[0].id
        raise NoSuchSession("no session has been saved yet: try captty demo")


def _newest_first(summaries: Iterable[SessionSummary]) -> _Summaries:
    return sorted(summaries, key=lambda summary: (summary.started_at, summary.id), reverse=True)


def _enumerated(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _summary(folder: Path) -> SessionSummary | None:
    """What a list says of the folder; `None` where it holds no session."""
    try:
        reading = _Reading(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # a failed read is not an empty session
        return _unreadable(folder.name)
    return reading.summary


def _unreadable(session_id: str) -> SessionSummary | None:
    try:
        started_at = datetime.strptime(session_id[:_SECOND], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    state = SessionState.UNREADABLE
    return SessionSummary(session_id, started_at, "", None, None, None, state, 0.0, 0)


def _record(folder: Path) -> SessionRecord | None:
    try:
        reading = _Reading(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if reading.summary is None:
        return None
    return reading.builder.record(reading.summary, reading.damage)


class _Reading:
    """The valid lines of one session, read once."""

    def __init__(self, folder: Path) -> None:
        self.builder = RecordBuilder(folder.name)
        with (folder / RECORD).open("rb") as file:
            live = _locked(file)
            self._lines = LineReader(file)
            for line in self._lines:
                self.builder.take(line)
            live = live or _locked(file)  # it may have begun meanwhile
        self._live = live
        self.summary = self.builder.summary(live)
        if self.summary and self.summary.state is SessionState.INTERRUPTED:
            unfinished = _unfinished(folder, self.builder)
            self.summary = replace(self.summary, unfinished=unfinished)

    @property
    def damage(self) -> str | None:
        """What was left out, in a sentence or two."""
        lines = self._lines
        told = []
        if lines.newer:
            told.append(
                "a newer captty wrote this session; what this one does not know is left out"
            )
        if lines.damaged:
            told.append("the record is damaged; what comes before the damage is here")
        if lines.cut and not self._live:
            told.append("the record ends in the middle of a line; all whole lines are here")
        return " ".join(told) or None


def _unfinished(folder: Path, builder: RecordBuilder) -> float:
    """Seconds of audio that an interrupted session left behind to be captioned."""
    waiting = [(max(first, builder.covered), last) for first, last in spooled(folder)]
    needed_from = builder.needed_from
    recorded = [(max(file.start, needed_from), file.end) for file in recordings(folder)]
    return length_from([*waiting, *recorded], 0) / SAMPLE_RATE


def _may_be_unfinished(folder: Path) -> bool:
    """Whether there is audio; a recording of a session that is complete is only to listen to."""
    return any(last > first for first, last in spooled(folder)) or (
        bool(recordings(folder)) and not _is_complete(folder)
    )


def _is_complete(folder: Path) -> bool:
    """Whether the last line says so."""
    with contextlib.suppress(OSError), (folder / RECORD).open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _LONGEST_END))
        return completes(b"".join(file.readlines()[-1:]))
    return False


def _locked(file: BinaryIO) -> bool:
    """Whether a writer holds the file."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # some network folders know no locks
        return False
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_UN)
    return False
