"""The command line. Each command imports what it needs when it runs: `--version` is quick."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

import tui
from tui.captions import CapttyError, clean, length_text
from tui.config import Folders, log_to_file, read_config
from tui.options import Choice, server_options, session_options, wish_of

if TYPE_CHECKING:
    from tui.live.session import LiveSession
    from tui.sessions.record import SessionSummary
    from tui.sessions.store import SessionStore

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
TRANSCRIBE_FORMATS = ("text", "jsonl", "srt", "vtt")
EXPORT_FORMATS = ("srt", "vtt", "txt", "json")


def fail(sentence: str) -> NoReturn:
    """End with exit code 1 and one sentence on standard error."""
    raise click.ClickException(sentence)


class CapttyGroup(click.Group):
    """Commands, and a SOURCE in the place of a command, which opens the dashboard."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read `captty [OPTIONS] [SOURCE]` as `captty open [OPTIONS] [SOURCE]`."""
        own = {"--version", *ctx.help_option_names}
        if not args or (args[0] not in self.commands and args[0] not in own):
            args = ["open", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Let the dashboard's own help and errors call it `captty`."""
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == "open" else name), command, rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the dashboard's options with the commands: it is what `captty` alone runs."""
        dashboard = self.commands["open"]
        rows = [record for p in dashboard.get_params(ctx) if (record := p.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl([*rows[:-1], ("--version", "Show the version and exit."), rows[-1]])
        self.format_commands(ctx, formatter)


@click.group(
    cls=CapttyGroup,
    context_settings=CONTEXT,
    subcommand_metavar="[SOURCE | COMMAND]",
)
@click.version_option(tui.__version__, message="captty %(version)s")
def cli() -> None:
    """Live captions in a terminal.

    SOURCE is a media file, or `demo` for the recording that comes with captty. Without one, the
    dashboard opens and asks. Where the output is no terminal, captions are printed line by line.
    """


@cli.command("open", hidden=True)
@click.argument("source", required=False)
@session_options
@click.option("--theme", metavar="NAME", envvar="CAPTTY_THEME", help="Colours, e.g. captty-light.")
@click.option("--plain", is_flag=True, envvar="CAPTTY_PLAIN", help="Print lines; no screen.")
def open_(source: str | None, theme: str | None, plain: bool, **choice: Any) -> None:
    """Caption SOURCE on the dashboard."""
    if plain or not _has_screen():
        if source is None:
            raise click.UsageError("without a screen captty needs a SOURCE: a file, or demo")
        _print_captions(source, Choice(**choice), "lines", sys.stdout, paced=True)
        return
    from tui.app import CapttyApp, run_dashboard

    wish, folders = Choice(**choice), Folders.of_user()
    app = CapttyApp(
        lambda text, language, wake: _open_session(text, replace(wish, language=language), wake),
        folders.config / "themes",
        recent_languages=folders.state / "languages",
        unfinished=lambda: _store().unfinished(),
        finish_session=lambda session_id, wake: _finish_session(session_id, wish, wake),
        source=source,
        language=wish.language,
        server=wish.server,
        theme=theme,
    )
    raise SystemExit(run_dashboard(app))


def _open_session(source: str, choice: Choice, wake: Callable[[], None]) -> "LiveSession":
    from tui.launch import open_session

    return open_session(wish_of(source, choice, paced=True), wake)


def _finish_session(session_id: str, choice: Choice, wake: Callable[[], None]) -> "LiveSession":
    from tui.launch import finish_session

    return finish_session(session_id, wish_of("", choice, paced=True), wake)


def _has_screen() -> bool:
    on_terminal = sys.stdout.isatty() and sys.stdin.isatty() and sys.stderr.isatty()
    return on_terminal and os.environ.get("TERM", "dumb") != "dumb"


@cli.command()
@click.argument("source")
@session_options
@click.option("--fast", is_flag=True, help="As fast as the server takes it, not in real time.")
@click.option("--format", "format_", type=click.Choice(TRANSCRIBE_FORMATS), default="text")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a new file."
)
def transcribe(source: str, fast: bool, format_: str, output: Path | None, **choice: Any) -> None:
    """Print the captions of SOURCE as they settle."""
    with _opened(output) as out:
        _print_captions(source, Choice(**choice), format_, out, paced=not fast)


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    if path.exists() and path.stat().st_size:
        fail(f"{clean(str(path))} exists already: choose another name, or remove it")
    try:
        out = path.open("w", encoding="utf-8")
    except OSError as error:
        fail(f"{clean(str(path))} cannot be written ({error.strerror})")
    with out:
        yield out


def _print_captions(source: str, choice: Choice, format_: str, out: TextIO, *, paced: bool) -> None:
    from tui.launch import open_session

    _name_unfinished()
    wish = wish_of(source, choice, paced=paced)
    _run_plain(lambda wake: open_session(wish, wake), format_, out)


def _name_unfinished() -> None:
    """Tell of the newest session that was interrupted with audio that is no text yet."""
    with suppress(CapttyError):  # what is to be captioned now comes first
        for summary in _store().unfinished()[:1]:
            click.echo(
                f"interrupted: {clean(summary.source)}, {length_text(summary.unfinished)} not "
                f"captioned yet; captty sessions finish {summary.id} completes it",
                err=True,
            )


def _run_plain(open_: Callable[[Callable[[], None]], "LiveSession"], f: str, out: TextIO) -> None:
    """Print captions until the session is over; ends with its exit code where that is not 0."""
    from tui.live.feed import saved_as
    from tui.plain import caption_format, run_plain

    ending = run_plain(open_, caption_format(f), out)
    end = ending.snapshot
    if end.session_id:
        click.echo(saved_as(end), err=True)
    if end.reason or end.trouble:
        fail(end.reason or end.trouble.partition(";")[0])
    if ending.signal:
        raise SystemExit(128 + ending.signal)


@cli.command()
@click.option("--host", envvar="CAPTTY_HOST", default="127.0.0.1", show_default=True)
@click.option(
    "--port", type=click.IntRange(0, 65535), envvar="CAPTTY_PORT", default=8790, show_default=True
)
@click.option(
    "--token",
    envvar="CAPTTY_TOKEN",
    default="",
    help="Key that clients must send; needed where others than this machine may connect.",
)
def serve(host: str, port: int, token: str) -> None:
    """Run the embedded speech-to-text server for other clients."""
    from tui.server.embedded import serve as run_server

    run_server(host, port, token)


@cli.group()
def sessions() -> None:
    """Past sessions: list, show, export, finish."""


def _store() -> "SessionStore":
    from tui.sessions.store import SessionStore

    return SessionStore(Folders.of_user().data)


@sessions.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def list_(as_json: bool) -> None:
    """List the sessions, the newest first."""
    summaries = _store().list()
    if as_json:
        _echo_json([summary.to_json() for summary in summaries])
    elif not summaries:
        click.echo("no sessions yet: try captty demo", err=True)
    for summary in [] if as_json else summaries:
        click.echo(_row(summary))


def _row(summary: "SessionSummary") -> str:
    minutes, seconds = divmod(round(summary.seconds), 60)
    started = summary.started_at.astimezone().strftime("%Y-%m-%d %H:%M")
    length = f"{minutes}:{seconds:02}"
    row = (
        f"{summary.id}  {started}  {summary.state:<11}  {length:>7}"
        f"  {summary.segments:>4} captions  {clean(summary.source)}"
    )
    if not summary.unfinished:
        return row
    return f"{row}  · {length_text(summary.unfinished)} to finish"


@sessions.command()
@click.argument("session_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def show(session_id: str, as_json: bool) -> None:
    """Print a session: ID, the beginning of one, or `last`."""
    from tui.sessions.export import export as written

    record = _store().load(session_id)
    if as_json:
        _echo_json(record.to_json())
        return
    click.echo(_row(record.summary))
    click.echo(written(record, "txt"), nl=False)
    if record.damage:
        click.echo(record.damage, err=True)


@sessions.command()
@click.argument("session_id", metavar="ID")
@server_options
@click.pass_context
def finish(ctx: click.Context, /, session_id: str, **choice: Any) -> None:
    """Caption the audio that an interrupted session left: ID, the beginning of one, or `last`."""
    from tui.launch import finish_session

    named = ctx.get_parameter_source("server") is click.core.ParameterSource.COMMANDLINE
    values = Choice(**choice, language=None, save=True)
    wish = wish_of("", values, paced=True, server_is_named=named)
    _run_plain(lambda wake: finish_session(session_id, wish, wake), "lines", sys.stdout)


@sessions.command()
@click.argument("session_id", metavar="ID")
@click.option("--format", "format_", type=click.Choice(EXPORT_FORMATS), required=True)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a new file."
)
def export(session_id: str, format_: str, output: Path | None) -> None:
    """Write a session as subtitles or text."""
    from tui.sessions.export import export as written
    from tui.sessions.export import write_atomically

    text = written(_store().load(session_id), format_)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_atomically(output, text)


def _echo_json(value: object) -> None:
    import json

    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """The configuration file as click's defaults for the commands that know its keys."""
    return {"open": settings, "transcribe": settings, "sessions": {"finish": settings}}


def main() -> NoReturn:
    """Run captty: exit code 0 done, 1 could not do it, 2 wrong usage, 128 + n ended by a signal."""
    _prepare("stdout")
    _prepare("stderr")
    raise SystemExit(_run())


def _prepare(name: str) -> None:
    """Have a stream that is there and takes every character, whatever its encoding."""
    stream = getattr(sys, name)
    if stream is None:
        setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    else:
        stream.reconfigure(errors="replace")


def _run() -> int:
    folders = Folders.of_user()
    log_to_file(folders.log)
    try:
        settings = read_config(folders.config / "config.toml")
        cli.main(standalone_mode=False, default_map=_defaults(settings), prog_name="captty")
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.UsageError as error:
        _complain(error.format_message())
        return error.exit_code
    except (click.ClickException, CapttyError) as error:
        _complain(error.format_message() if isinstance(error, click.ClickException) else str(error))
        return 1
    except (KeyboardInterrupt, click.Abort):
        return 128 + signal.SIGINT
    except OSError as error:
        return _unwritable(error)
    try:
        sys.stdout.flush()
    except OSError as error:
        return _unwritable(error)
    return 0


def _unwritable(error: OSError) -> int:
    """What is still buffered goes nowhere; who closed a pipe need not be told."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        _complain(f"the output cannot be written ({error.strerror or type(error).__name__})")
    return 1


def _complain(sentence: str) -> None:
    click.echo(f"captty: {clean(sentence)}", err=True)
