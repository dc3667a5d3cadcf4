"""What the tests of the server share."""

import os

import pytest

from tests.unit.server.serving import ROOT


@pytest.fixture(autouse=True)
def scripted_engine_in_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find the tests' own engine."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
