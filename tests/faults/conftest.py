"""The table of faults: what each trial came to, printed at the end of the run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.trial import Trial, Verdict
from tui.wire.endpoint import Endpoint

_ROW = "fault row"
_HEADINGS = ("fault", "noticed", "went on", "lost", "doubled", "what happened")
_rows: list[dict[str, Any]] = []

Note = Callable[[str, str, Verdict | None], None]
"""What the fault was, what happened, and what became of the words, where that can be counted."""
Begin = Callable[..., Trial]
"""`(fault, endpoint, seconds, paced=False, silent=range(0)) -> Trial`."""


@pytest.fixture
async def trial(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> AsyncIterator[Begin]:
    """Makes trials; each is ended, and gets its row in the table, with the test."""
    trials: list[Trial] = []

    def begin(
        fault: str,
        endpoint: Endpoint,
        seconds: int,
        *,
        paced: bool = False,
        silent: range = range(0),
    ) -> Trial:
        trials.append(Trial(fault, endpoint, tmp_path, seconds, paced=paced, silent=silent))
        return trials[-1]

    yield begin
    for one in trials:
        await asyncio.to_thread(one.session.close)
        one.look()
        record_property(_ROW, one.row())


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    """Writes a row of the table for a fault that is no trial."""

    def write(fault: str, what: str, verdict: Verdict | None) -> None:
        wrong = verdict and len(verdict.doubled) + len(verdict.foreign)
        words = {"lost": verdict and len(verdict.lost), "doubled": wrong}
        times = {"noticed": None, "went on": None}
        record_property(_ROW, {"fault": fault, "what happened": what, **words, **times})

    return write


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather the rows; with xdist, where the reports of all workers come together."""
    if report.when == "teardown":
        _rows.extend(value for name, value in report.user_properties if name == _ROW)  # type: ignore[misc]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    if not _rows:
        return
    terminalreporter.section("fault, seconds until noticed and until captions went on, words")
    lines = [_HEADINGS, *(tuple(_cell(row[name]) for name in _HEADINGS) for row in _rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS) - 1)]
    for line in [lines[0], *sorted(lines[1:])]:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        terminalreporter.write_line(" | ".join([*cells, line[-1]]))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
