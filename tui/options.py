"""The options that several commands share, and what their values ask for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from tui.captions import CapttyError, clean
from tui.captions.languages import language_code
from tui.config import Folders, api_key

if TYPE_CHECKING:
    from tui.launch import Wish


def _language(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None or value.strip().casefold() in ("", "auto"):
        return None
    if (code := language_code(value)) is None:
        raise click.BadParameter(f"there is no language {clean(value, 40)!r}; use a code like en")
    return code


def _raw(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    from tui.audio.raw import RawFormat

    if value is not None:
        with _bad_parameter():
            RawFormat.parse(value)
    return value


def _position(ctx: click.Context, parameter: click.Parameter, value: str) -> float:
    if value == "0":
        return 0.0
    from tui.audio.position import parse_position

    with _bad_parameter():
        return parse_position(value)


@contextmanager
def _bad_parameter() -> Iterator[None]:
    try:
        yield
    except (CapttyError, ValueError) as error:
        raise click.BadParameter(str(error)) from None


_SERVER_OPTIONS = (
    click.option(
        "--server",
        metavar="URL",
        envvar="CAPTTY_SERVER",
        default="",
        help="Speech-to-text server (ws, wss, http, https); without it, captty starts its own.",
    ),
    click.option(
        "--prompt",
        metavar="TEXT",
        envvar="CAPTTY_PROMPT",
        default="",
        help="Names and words to expect, for servers that take them.",
    ),
    click.option("--model", envvar="CAPTTY_MODEL", default="", help="Model to ask the server for."),
)
_SESSION_OPTIONS = (
    click.option(
        "--language",
        metavar="CODE",
        envvar="CAPTTY_LANGUAGE",
        callback=_language,
        help="Language that is spoken, like en; `auto` to detect it.",
    ),
    click.option(
        "--save/--no-save",
        envvar="CAPTTY_SAVE",
        default=True,
        help="Keep the session (the default), or keep nothing.",
    ),
    click.option(
        "--record",
        is_flag=True,
        envvar="CAPTTY_RECORD",
        help="Keep the audio too, to be listened to.",
    ),
    click.option(
        "--device",
        metavar="NAME",
        envvar="CAPTTY_DEVICE",
        default="",
        help="Microphone to listen to, or a part of its name; see `captty devices`.",
    ),
    click.option(
        "--raw",
        metavar="FORMAT",
        callback=_raw,
        help="What headerless sound on standard input is: s16le:16000:1.",
    ),
    click.option(
        "--start",
        metavar="TIME",
        callback=_position,
        default="0",
        help="Where in a file to begin: 12:30.",
    ),
)


def server_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that needs a server."""
    for option in reversed(_SERVER_OPTIONS):
        command = option(command)
    return command


def session_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that captions something new."""
    for option in reversed(_SESSION_OPTIONS):
        command = option(command)
    return server_options(command)


@dataclass(frozen=True, slots=True)
class Choice:
    """The values of `session_options`."""

    server: str
    language: str | None
    prompt: str
    model: str
    save: bool
    record: bool = False
    device: str = ""
    raw: str | None = None
    start: float = 0.0


def wish_of(
    source: str,
    choice: Choice,
    *,
    paced: bool,
    server_is_named: bool = False,
    stdin: int | None = None,
) -> "Wish":
    """What the values ask for. `paced`: at real-time pace; `stdin`: where `-` is read from."""
    from tui.launch import Wish
    from tui.wire.endpoint import Secret

    return Wish(
        source=source,
        server=choice.server,
        server_is_named=server_is_named,
        key=Secret(api_key()),
        language=choice.language,
        prompt=choice.prompt,
        model=choice.model,
        data=Folders.of_user().data,
        save=choice.save,
        record=choice.record,
        device=choice.device,
        raw=choice.raw,
        start=choice.start,
        stdin=stdin,
        paced=paced,
    )
