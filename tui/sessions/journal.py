"""The record of a session, written while it goes on."""

import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tui.captions import SAMPLE_RATE, CapttyError, Event, Segment
from tui.sessions.disk import AppendedFile
from tui.sessions.lines import (
    FOLDER,
    RECORD,
    EndLine,
    EventLine,
    Fields,
    LineReader,
    OwnerField,
    SegmentLine,
    SessionLine,
    SourceField,
    encode,
)

_ID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base32: no letter looks like another."""
_MOST_TRIES = 100
_CLOSE_LIMIT = 1.0
"""Seconds that closing waits for the disk."""
_TORN = "events.torn-%Y%m%d-%H%M%S-%f"
"""What was torn or damaged in a record, by when it was moved away (UTC)."""


class JournalError(CapttyError):
    """A session that cannot be saved."""


@dataclass(frozen=True, slots=True)
class SessionHeader:
    """What is known of a session when it starts: clean texts, and no key in any of them."""

    source_kind: str
    source_name: str
    language: str | None
    """Code; `None` where the server detects it."""
    server: str | None
    """Address."""
    engine: str | None
    version: str
    """captty's own."""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """Wall clock, with its time zone."""


class Journal:
    """Appends to the record of one live session; for one thread.

    What a method has written survives the end of the process; settled text reaches the disk
    within a second or two. Nothing raises where writing fails: see `trouble`.
    """

    def __init__(
        self, folder: Path, file: AppendedFile, lines: int, at: float, clock: Callable[[], float]
    ) -> None:
        """Goes on with a `file` of so many `lines`, the last of them of `at` seconds."""
        self.folder = folder
        """Where everything of the session lies."""
        self.id = folder.name
        """Of the session."""
        self._file = file
        self._clock = clock
        self._started = clock() - at
        self._lines = lines
        self._closed = False
        self._sync = file.sync((folder, folder.parent, folder.parent.parent))
        self._sync.ask()

    @classmethod
    def create(
        cls, root: Path, header: SessionHeader, clock: Callable[[], float] = time.monotonic
    ) -> "Journal":
        """A new session in the data folder `root`. Raises `JournalError`."""
        try:
            folder = _new_folder(root / FOLDER, header.started_at)
            return cls(folder, _new_file(folder, header), 1, 0.0, clock)
        except OSError as error:
            raise JournalError(
                f"the session cannot be saved ({error.strerror or error}): "
                f"make room, make {root} writable, or use --no-save"
            ) from error

    @classmethod
    def reopen(cls, folder: Path, clock: Callable[[], float] = time.monotonic) -> "Journal":
        """Go on with the session in `folder`, behind its last valid line. Raises `JournalError`.

        What is torn or damaged behind that line is moved to a file of its own beside the record.
        """
        try:
            file = AppendedFile.reopen(folder / RECORD)
            try:
                return cls(folder, file, *_taken_up(folder, file), clock)
            except BaseException:
                file.close()
                raise
        except BlockingIOError as error:
            raise JournalError(
                f"the session {folder.name} is being written by another captty: "
                "let that one end it first"
            ) from error
        except OSError as error:
            raise JournalError(
                f"the session {folder.name} cannot be taken up again "
                f"({error.strerror or error}): it is as it was; make room or check its folder"
            ) from error

    def write_segment(self, segment: Segment) -> None:
        """Record how a segment stands now; words are kept of settled ones."""
        self._write(SegmentLine.of(segment))
        if segment.settled:
            self._sync.ask()

    def write_event(self, event: Event) -> None:
        """Record what happened."""
        self._write(EventLine(event.kind, event.at, event.text, event.until))

    def retry(self) -> None:
        """Write what could not be written before."""
        self._file.flush()

    def close(self, cause: str, samples: int, *, complete: bool = True) -> None:
        """End the session, which heard `samples`; waits for the disk, a second at most.

        One that is not `complete` broke off and is listed as interrupted.
        """
        if self._closed:
            return
        self._write(EndLine(cause, samples, complete))
        self._closed = True
        self._sync.finish(_CLOSE_LIMIT)
        self._file.close()

    def discard(self) -> None:
        """End a session in which nothing was said, and leave nothing of it."""
        self.close("discarded", 0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def leave(self) -> None:
        """Let go of the record as it is, for another one to go on with."""
        self._closed = True
        self._sync.finish(_CLOSE_LIMIT)
        self._file.close()

    @property
    def waiting(self) -> bool:
        """Whether lines are in memory that could not be written."""
        return self._file.error is not None

    @property
    def trouble(self) -> str | None:
        """One sentence while something is not saved."""
        if (error := self._file.error) is not None:
            return (
                f"the session is not being saved ({error.strerror or error}): free some space or "
                "check the disk; the text is in memory, captty tries again"
            )
        if (error := self._sync.failure) is not None:
            return (
                f"the disk reported an error ({error.strerror or error}); what was saved may not "
                "survive a power cut, so export a copy to another disk"
            )
        return None

    def _write(self, fields: Fields) -> None:
        self._file.append(encode(self._lines, self._clock() - self._started, fields))
        self._lines += 1


def _new_folder(sessions: Path, started_at: datetime) -> Path:
    """A folder for the session that nobody else has."""
    _make_private(sessions)
    day = started_at.astimezone(UTC).strftime("%Y%m%d-%H%M%S")
    for _ in range(_MOST_TRIES):
        folder = sessions / f"{day}-{''.join(secrets.choice(_ID_LETTERS) for _ in range(4))}"
        try:
            folder.mkdir(0o700)
        except FileExistsError:
            continue
        folder.chmod(0o700)
        return folder
    raise OSError(f"{_MOST_TRIES} session names were taken")


def _make_private(folder: Path) -> None:
    """Make a folder and what is missing above it, for this user's eyes alone."""
    if folder.is_dir():
        return
    _make_private(folder.parent)
    folder.mkdir(0o700, exist_ok=True)
    folder.chmod(0o700)


def _new_file(folder: Path, header: SessionHeader) -> AppendedFile:
    """The session's record with its first line; leaves nothing behind where that fails."""
    line = SessionLine(
        id=folder.name,
        started_at=header.started_at.astimezone(UTC),
        source=SourceField(header.source_kind, header.source_name),
        language=header.language,
        server=header.server,
        engine=header.engine,
        sample_rate=SAMPLE_RATE,
        captty=header.version,
        owner=OwnerField(socket.gethostname(), os.getpid()),
    )
    try:
        file = AppendedFile.create(folder / RECORD)
        file.append(encode(0, 0.0, line))
        if file.error is not None:
            file.close()
            raise file.error
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return file


def _taken_up(folder: Path, file: AppendedFile) -> tuple[int, float]:
    """How many valid lines a reopened record has, and the time of the last; the rest is moved."""
    times: list[float] = []
    with file.reader() as raw:
        reader = LineReader(raw)
        for line in reader:
            if not times and not isinstance(line.fields, SessionLine):
                break
            times.append(line.at)
    if reader.newer:
        raise JournalError(
            f"a newer captty wrote the session {folder.name}: take it up again with that one"
        )
    if not times:
        raise JournalError(
            f"the session {folder.name} cannot be taken up again: "
            "its record does not begin as records do"
        )
    file.keep(reader.size, folder / datetime.now(UTC).strftime(_TORN))
    return len(times), times[-1]
