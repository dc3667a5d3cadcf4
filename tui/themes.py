"""Themes: colours of the screen in TOML files, checked before anything is drawn with them."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import Theme

from tui.captions import CapttyError, clean

_SETTINGS = {field.name for field in fields(Theme)}
_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "dark": (bool,),
    "ansi": (bool,),
    "luminosity_spread": (float, int),
    "text_alpha": (float, int),
    "variables": (dict,),
}
"""What is not a colour."""
_NAME = re.compile("[A-Za-z][A-Za-z0-9_-]*")
_VALUE = re.compile(r"(?P<colour>.+?)(?: +\d{1,3}%)?")
_STYLES = frozenset({"none", "not", "bold", "italic", "underline", "reverse", "strike"})

_TEXT = {
    "caption-settled": "auto 95%",
    "caption-unsettled": "auto 82%",
    "caption-revised": "auto",
    "caption-time": "auto 78%",
    "caption-event": "auto 82%",
    "caption-mark": "auto",
    "meter-bar": "auto 75%",
    "meter-hot": "auto",
    "meter-peak": "auto",
    "meter-track": "auto 40%",
    "meter-scale": "auto 78%",
    "meter-figure": "auto 90%",
    "meter-fault": "auto",
    "status-text": "auto 87%",
    "status-state-text": "auto",
    "text-quiet": "auto 78%",
}
"""Black or white by the background, whichever can be read: right for any theme."""
_BACKGROUNDS = ("status-background", "status-state-background", "side-background")


class ThemeFileError(CapttyError):
    """A theme file that cannot be used; the message says what is wrong with it."""


def theme_variable_defaults() -> dict[str, str]:
    """The variables of captty's own styles, for themes that do not name them."""
    return _TEXT | dict.fromkeys(_BACKGROUNDS, "transparent")


def packaged_themes() -> Path:
    """The folder of captty's own themes, in an installed package or in a checkout."""
    installed = Path(__file__).parent / "_themes"
    return installed if installed.is_dir() else Path(__file__).parents[1] / "themes"


def load_themes(folders: Sequence[Path]) -> tuple[list[Theme], list[str]]:
    """The themes of all `*.toml` files in these folders, and a sentence on each that failed.

    A later folder overrides themes of the same name. Never raises; folders may be missing.
    """
    themes: dict[str, Theme] = {}
    failed = []
    for path in _files(folders):
        try:
            theme = read_theme(path)
            themes[theme.name] = theme
        except ThemeFileError as error:
            failed.append(str(error))
    return list(themes.values()), failed


def read_theme(path: Path) -> Theme:
    """The theme of one file. Raises `ThemeFileError`."""
    try:
        return _theme(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        reason = f"it cannot be read ({error.strerror or error})"
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        reason = f"it is not valid TOML ({error})"
    except ThemeFileError as error:
        reason = str(error)
    raise ThemeFileError(f"the theme file {clean(path.name, 80)} is left out: {clean(reason, 300)}")


def _files(folders: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for folder in folders:
        try:
            files += sorted(path for path in folder.iterdir() if path.suffix == ".toml")
        except OSError:
            continue
    return files


def _theme(settings: dict[str, Any]) -> Theme:
    for required in ("name", "primary"):
        if required not in settings:
            raise ThemeFileError(f"it has no {required}; add one")
    for key, value in settings.items():
        _check_setting(key, value)
    theme = Theme(**settings)
    known = Theme(**settings | {"variables": {}}).to_color_system().generate().keys()
    for variable, value in theme.variables.items():
        if variable not in known | theme_variable_defaults().keys():
            raise ThemeFileError(f"there is no variable {variable}; look for a typing error")
        _check_variable(variable, value)
    return theme


def _check_setting(key: str, value: object) -> None:
    if key not in _SETTINGS:
        raise ThemeFileError(f"there is no setting {key}; variables belong under [variables]")
    if not isinstance(value, _TYPES.get(key, (str,))):
        raise ThemeFileError(f"{key} cannot be {value!r}")
    if isinstance(value, float | int) and not 0 <= value <= 1:
        raise ThemeFileError(f"{key} cannot be {value!r}; it lies between 0 and 1")
    if key not in _TYPES:
        _check_colour(key, str(value))
    if key == "name" and not _NAME.fullmatch(str(value)):
        raise ThemeFileError("its name may have letters, digits, - and _ only")


def _check_variable(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise ThemeFileError(f"{name} cannot be {value!r}; put it in quotes")
    if "-style" in name:
        if not value.split() or not _STYLES.issuperset(value.split()):
            raise ThemeFileError(f"{name} cannot be {value!r}; use bold, italic, underline or none")
    elif (match := _VALUE.fullmatch(value)) is None:
        raise ThemeFileError(f"{name} is empty")
    elif match["colour"] not in ("auto", "initial"):
        _check_colour(name, match["colour"])


def _check_colour(name: str, value: str) -> None:
    try:
        Color.parse(value)
    except ColorParseError as error:
        raise ThemeFileError(
            f"{name} is no colour ({value}); write it like #1e90ff or dodgerblue"
        ) from error
