"""What is not the screen works without the screen's framework, and starts without its cost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BESIDE_THE_SCREEN = [
    name
    for name in (
        *("audio", "wire", "sessions", "live", "server", "demo", "config", "plain", "cli"),
        *("dashboard", "launch", "options", "terminal", "transcribing"),
    )
    if (ROOT / "tui" / name).is_dir() or (ROOT / "tui" / f"{name}.py").exists()
]
IMPORT_EACH = """
import importlib, json, pkgutil, sys

def below(name):
    path = getattr(importlib.import_module(name), "__path__", [])
    names = [module.name for module in pkgutil.walk_packages(path, name + ".")]
    return [name, *(name for name in names if not name.endswith("__main__"))]

loaded = {}
for package in sys.argv[1:]:
    before = set(sys.modules)
    for name in below(package):
        importlib.import_module(name)
        loaded[name] = sorted(set(sys.modules) - before)
json.dump(loaded, sys.stdout)
"""


def loaded_with(*packages: str) -> dict[str, list[str]]:
    """What is loaded once each module of the packages has been imported, in a fresh process."""
    command = [sys.executable, "-c", IMPORT_EACH, *packages]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    loaded: dict[str, list[str]] = json.loads(run.stdout)
    return loaded


def test_captions_stand_on_the_standard_library_alone() -> None:
    for module, loaded in loaded_with("tui.captions").items():
        foreign = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names - {"tui"}
        assert not foreign, module
        assert not [name for name in loaded if name.startswith("tui.") and "captions" not in name]


@pytest.mark.parametrize("package", BESIDE_THE_SCREEN)
def test_nothing_but_the_screen_loads_textual(package: str) -> None:
    guilty = [name for name, loaded in loaded_with(f"tui.{package}").items() if "textual" in loaded]
    assert not guilty
