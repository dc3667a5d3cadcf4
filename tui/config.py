"""Where captty keeps things, and what the user has set: flag > environment > file > default."""

import logging
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from platformdirs import PlatformDirs

from tui.captions import CapttyError, clean

KEY_VARIABLES = ("CAPTTY_API_KEY", "FIREWORKS_API_KEY")
"""Where the key of a server is looked for, in this order; never a flag, never a file."""

SETTINGS = {
    "server": str,
    "language": str,
    "prompt": str,
    "model": str,
    "theme": str,
    "save": bool,
    "record": bool,
    "device": str,
    "low_bandwidth": bool,
}
"""The keys of the configuration file and what they hold."""


class ConfigError(CapttyError):
    """A configuration file that cannot be used."""


@dataclass(frozen=True, slots=True)
class Folders:
    """captty's folders, as the operating system has them."""

    data: Path
    """Sessions."""
    config: Path
    """`config.toml` and `themes/`."""
    log: Path
    state: Path
    """What captty remembers of how it was used."""

    @classmethod
    def of_user(cls) -> "Folders":
        """The folders of the user who runs captty."""
        dirs = PlatformDirs("captty", appauthor=False)
        return cls(
            dirs.user_data_path, dirs.user_config_path, dirs.user_log_path, dirs.user_state_path
        )


def read_config(path: Path) -> dict[str, Any]:
    """The settings of a TOML file; empty where there is none.

    Raises `ConfigError` for a file that cannot be read, unknown keys and wrong types.
    """
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({type(error).__name__})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {clean(str(error), 200)}") from None
    for name, value in settings.items():
        _check(path, name, value)
    return settings


def _check(path: Path, name: str, value: object) -> None:
    if name not in SETTINGS:
        known = ", ".join(SETTINGS)
        raise ConfigError(f"{path} sets {clean(name, 60)!r}, which is none of {known}")
    if not isinstance(value, SETTINGS[name]):
        wanted = "true or false" if SETTINGS[name] is bool else "a text in quotes"
        raise ConfigError(f"{path}: {name} must be {wanted}")


def api_key(environment: Mapping[str, str] = os.environ) -> str:
    """The user's key; empty where there is none."""
    return next((environment[name] for name in KEY_VARIABLES if environment.get(name)), "")


def log_to_file(folder: Path) -> None:
    """Send warnings and worse to a file of 1 MB at most; without one where there is no room."""
    root = logging.getLogger()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler: logging.Handler = RotatingFileHandler(
            folder / "captty.log", maxBytes=1_000_000, backupCount=1, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.raiseExceptions = False
