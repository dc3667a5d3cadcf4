"""The command line. Each command imports what it needs when it runs: `--version` is quick."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

import tui
from tui.captions import CapttyError, clean, length_text
from tui.config import Folders, log_to_file, read_config
from tui.dashboard import open_dashboard
from tui.options import Choice, server_options, session_options, wish_of
from tui.transcribing import SUFFIXES, Job, print_captions, run
from tui.transcribing import transcribe as transcribe_all

if TYPE_CHECKING:
    from tui.sessions.record import SessionSummary
    from tui.sessions.store import SessionStore

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
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

    SOURCE is `mic`, a media file, an http(s) address of a file or stream, `-` for standard input,
    or `demo` for the recording that comes with captty. Without one, the dashboard opens and asks.
    Where the output is no terminal, captions are printed line by line.
    """


@cli.command("open", hidden=True)
@click.argument("source", required=False)
@session_options
@click.option("--theme", metavar="NAME", envvar="CAPTTY_THEME", help="Colours, e.g. captty-light.")
@click.option(
    "--low-bandwidth",
    is_flag=True,
    envvar="CAPTTY_LOW_BANDWIDTH",
    help="Paint 4 times a second at most, for slow links.",
)
@click.option("--plain", is_flag=True, envvar="CAPTTY_PLAIN", help="Print lines; no screen.")
@click.pass_context
def open_(
    ctx: click.Context,
    /,
    source: str | None,
    theme: str | None,
    low_bandwidth: bool,
    plain: bool,
    **choice: Any,
) -> None:
    """Caption SOURCE on the dashboard."""
    wish = Choice(**choice)
    if source is None and _given(ctx, "device"):
        source = "mic"
    _refuse_mismatch(ctx, [source] if source else [])
    if plain or not _has_screen(source):
        if source is None:
            raise click.UsageError("without a screen captty needs a SOURCE: mic, a file, demo, …")
        print_captions(source, Job(wish, "lines", paced=True), sys.stdout)
        return
    open_dashboard(source, wish, theme, low_bandwidth=low_bandwidth)


def _given(ctx: click.Context, option: str) -> bool:
    return ctx.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE


def _refuse_mismatch(ctx: click.Context, sources: Sequence[str]) -> None:
    """Refuse options that exclude each other, or go with other kinds of sound.

    Raises `click.UsageError`.
    """
    if _given(ctx, "record") and not ctx.params["save"]:
        raise click.UsageError("--record keeps audio and --no-save keeps nothing: drop one")
    if _given(ctx, "device") and "mic" not in sources:
        raise click.UsageError("--device chooses a microphone: use it with mic")
    if ctx.params.get("fast") and any(source.partition(":")[0] == "mic" for source in sources):
        raise click.UsageError("--fast is for files: nobody speaks faster for it")
    if _given(ctx, "raw") and "-" not in sources:
        raise click.UsageError("--raw describes standard input: use it with -")
    if _given(ctx, "start") and (not sources or any(_goes_by(source) for source in sources)):
        raise click.UsageError("--start is for files: a microphone or pipe has no other beginning")


def _goes_by(source: str) -> bool:
    return source in ("-", "mic") or source.startswith("mic:")


def _has_screen(source: str | None) -> bool:
    """Whether there is a terminal for the screen, and one for the keys."""
    if os.environ.get("TERM", "dumb") == "dumb":
        return False
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        return False
    if source != "-":
        return sys.stdin.isatty()
    from tui.terminal import has_controlling_terminal

    return has_controlling_terminal()


@cli.command()
@click.argument("source", nargs=-1, required=True)
@session_options
@click.option("--fast", is_flag=True, help="As fast as the server takes it, not in real time.")
@click.option("--format", "format_", type=click.Choice(list(SUFFIXES)), default="text")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write to a new file, or into a folder.",
)
@click.pass_context
def transcribe(
    ctx: click.Context,
    /,
    source: tuple[str, ...],
    fast: bool,
    format_: str,
    output: Path | None,
    **choice: Any,
) -> None:
    """Print the captions of each SOURCE as they settle."""
    _refuse_mismatch(ctx, source)
    transcribe_all(source, Job(Choice(**choice), format_, paced=not fast), output)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def devices(as_json: bool) -> None:
    """List the microphones, and what plays on this machine."""
    from msgspec.structs import asdict

    from tui.audio.microphone.devices import find_devices

    found = find_devices()
    if as_json:
        _echo_json([{**asdict(device), "id": clean(device.id)} for device in found])
        return
    if not found:
        fail("no microphone was found: plug one in, or check that the sound server runs")
    for device in found:
        kind = "monitor" if device.monitor else "microphone"
        row = f"{clean(device.name)}  ({clean(device.host_api)}, {kind})"
        click.echo(f"{row}  · default" if device.default else row)


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
    run(lambda wake: finish_session(session_id, wish, wake), "lines", sys.stdout)


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
