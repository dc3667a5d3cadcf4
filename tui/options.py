"""The options that several commands share, and what their values ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from tui.captions import clean
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


def wish_of(source: str, choice: Choice, *, paced: bool, server_is_named: bool = False) -> "Wish":
    """What the values ask for. `paced`: at real-time pace."""
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
        paced=paced,
    )
