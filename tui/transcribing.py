"""Captions of one sound after another on standard output or in files, without a screen."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TextIO

import click

from tui.captions import CapttyError, clean, length_text
from tui.config import Folders
from tui.options import Choice, wish_of
from tui.terminal import take_standard_input

if TYPE_CHECKING:
    from tui.live.session import LiveSession

SUFFIXES = {"text": ".txt", "jsonl": ".jsonl", "srt": ".srt", "vtt": ".vtt"}
"""The formats of captions that are printed, and what files of them are called."""
_ONE_EACH = ("srt", "vtt")
"""Formats of which two do not make one file."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be written, and how."""

    choice: Choice
    format: str
    """A key of `SUFFIXES`, or `lines`."""
    paced: bool
    """At real-time pace, else as fast as the server takes it."""


def transcribe(sources: Sequence[str], job: Job, output: Path | None) -> None:
    """Caption the sources one after another; one that fails does not keep the others back.

    Several go to standard output, or each into a file of its own in the folder `output`. Raises
    `click.UsageError` where they cannot, and `click.ClickException` where one could not be done.
    """
    _refuse(sources, job, output)
    if len(sources) == 1:
        _to_file(sources[0], job, _target(sources[0], job, output, set()))
        return
    failed, taken = 0, set[str]()
    for source in sources:
        failed += not _done(source, job, _target(source, job, output, taken))
    if failed:
        raise click.ClickException(f"{failed} of {len(sources)} sounds could not be captioned")


def _refuse(sources: Sequence[str], job: Job, output: Path | None) -> None:
    if len(sources) == 1:
        return
    if sources.count("-") > 1:
        raise click.UsageError("standard input can be read once: name - once")
    if output is None and job.format in _ONE_EACH:
        raise click.UsageError(f"several sources as {job.format} need a folder: -o FOLDER")
    if output is not None:
        _make_folder(output)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise click.UsageError(
            f"several sources need a folder, which {clean(str(path))} cannot be ({why})"
        ) from None


def _done(source: str, job: Job, target: Path | None) -> bool:
    """Caption one of several; returns whether it could be done."""
    click.echo(f"{_shown(source)}:", err=True)
    try:
        _to_file(source, job, target)
    except (click.ClickException, CapttyError) as error:
        sentence = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"captty: {clean(sentence)}", err=True)
        return False
    return True


def _shown(source: str) -> str:
    """A source as it may be shown: an address without what may be a key."""
    if "://" not in source or source.startswith("file://"):
        return clean(source, 200)
    from tui.audio.web import WebError, address_name

    try:
        return address_name(source)
    except WebError:
        return "an address"


def _target(source: str, job: Job, output: Path | None, taken: set[str]) -> Path | None:
    """The file for a source, named after it; `taken` are the names that others of the call have."""
    if output is None or not output.is_dir():
        return output
    stem = PurePath(_shown(source).replace(":", " ")).stem.strip(". ") or "captions"
    stem = "standard input" if source == "-" else stem
    number, name = 1, stem
    while name in taken:
        number += 1
        name = f"{stem} {number}"
    taken.add(name)
    return output / f"{name}{SUFFIXES[job.format]}"


def _to_file(source: str, job: Job, target: Path | None) -> None:
    with _opened(target) as out:
        print_captions(source, job, out)


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    if path.exists() and path.stat().st_size:
        raise click.ClickException(
            f"{clean(str(path))} exists already: choose another name, or remove it"
        )
    try:
        out = path.open("w", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"{clean(str(path))} cannot be written ({error.strerror})"
        ) from error
    with out:
        yield out


def print_captions(source: str, job: Job, out: TextIO) -> None:
    """Caption a source line by line."""
    from tui.launch import open_session

    name_unfinished()
    stdin = standard_input() if source == "-" else None
    wish = wish_of(source, job.choice, paced=job.paced, stdin=stdin)
    run(lambda wake: open_session(wish, wake), job.format, out)


def standard_input() -> int:
    """The descriptor of the sound that is piped in; keys come from the terminal from now on."""
    try:
        return take_standard_input()
    except OSError:
        raise click.ClickException("standard input is closed: pipe sound into captty") from None


def name_unfinished() -> None:
    """Tell of the newest session that was interrupted with audio that is no text yet."""
    from tui.sessions.store import SessionStore

    with suppress(CapttyError):  # what is to be captioned now comes first
        for summary in SessionStore(Folders.of_user().data).unfinished()[:1]:
            click.echo(
                f"interrupted: {clean(summary.source)}, {length_text(summary.unfinished)} not "
                f"captioned yet; captty sessions finish {summary.id} completes it",
                err=True,
            )


def run(open_: Callable[[Callable[[], None]], "LiveSession"], format_: str, out: TextIO) -> None:
    """Print captions until the session is over; ends with its exit code where that is not 0."""
    from tui.live.feed import saved_as
    from tui.plain import run_plain

    ending = run_plain(open_, format_, out)
    end = ending.snapshot
    if end.session_id:
        click.echo(saved_as(end), err=True)
    if end.reason or end.trouble:
        raise click.ClickException(end.reason or end.trouble.partition(";")[0])
    if ending.signal:
        raise SystemExit(128 + ending.signal)
