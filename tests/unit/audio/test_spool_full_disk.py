"""A spool on a real disk that is full."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_disk import mounted
from tests.unit.audio.spools import SECOND, append, held_in_memory, kept, small, sound
from tui.audio.spool import Spool


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    with mounted(tmp_path / "disk") as disk:
        yield disk


def test_a_disk_that_fills_up_and_is_cleared_has_everything(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100_001))
    spool = kept(small_disk / "spool")
    while spool.trouble is None:
        append(spool, 4_567)
        spool.persist()
    assert "No space left on device" in spool.trouble
    append(spool, 4_567)
    spool.persist()
    found = Spool.recover(small_disk / "spool")
    assert found.read(0, spool.end) == sound(0, found.end)
    assert 0 < found.end < spool.end
    ballast.unlink()
    spool.persist()
    assert spool.trouble is None
    spool.close()
    assert Spool.recover(small_disk / "spool").read(0, spool.end) == sound(0, spool.end)
    assert spool.take_lost() == []


def test_a_full_disk_and_full_memory_keep_the_newest(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, block=800, file=SECOND, memory=SECOND, limit=4 * SECOND)
    spool = kept(small_disk / "spool")
    lost = 0
    for _ in range(60):
        append(spool, SECOND // 2)
        spool.persist()
        for loss in spool.take_lost():
            assert loss.start == lost
            lost = loss.end
        assert spool.start == lost
        assert held_in_memory(spool) <= 4 * SECOND * 2
    assert spool.end - spool.start > 10 * SECOND
    assert spool.read(spool.start, 99 * SECOND) == sound(spool.start, spool.end)
    spool.discard()
    (small_disk / "ballast").write_bytes(bytes(240_000))
