"""Sessions of real processes: killed at any moment, many at once, live while they run."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.unit.sessions.sessions import HEADER, segment, spool
from tui.sessions.journal import Journal
from tui.sessions.record import SessionState
from tui.sessions.store import SessionStore

KILLS = 15
WRITERS = 6
CUT = "the record ends in the middle of a line; all whole lines are here"

WRITER = """
import sys
from pathlib import Path
from tui.captions import Segment, SegmentKey
from tui.sessions.journal import Journal, SessionHeader

root, count = Path(sys.argv[1]), int(sys.argv[2])
journal = Journal.create(root, SessionHeader("file", "talk.wav", "en", None, None, "0.1.0"))
print(journal.id, flush=True)
for number in range(count):
    text = f"word {number} " * (number % 50 + 1)
    journal.write_segment(Segment(SegmentKey(0, number), text, number, number + 1, settled=True))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
journal.close("source ended", count)
"""


def _writer(root: Path, count: int, code: str = WRITER) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(root), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_whatever_was_written_survives_kill_9(tmp_path: Path) -> None:
    for run in range(KILLS):
        wanted = random.Random(run).randrange(0, 400)
        with _writer(tmp_path, 10**6) as writer:
            assert writer.stdout is not None
            session_id = writer.stdout.readline().strip()
            acked = [int(writer.stdout.readline()) for _ in range(wanted)]
            writer.kill()
            acked += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
        record = SessionStore(tmp_path).load(session_id)
        recovered = [recorded.segment.key.number for recorded in record.segments]
        assert recovered[: len(acked)] == acked
        assert record.summary.state is SessionState.INTERRUPTED
        assert record.damage in (None, CUT)  # the kill may cut a write between two pages
    assert len(SessionStore(tmp_path).list()) == KILLS


def test_six_processes_write_six_sessions(tmp_path: Path) -> None:
    writers = [_writer(tmp_path, 200) for _ in range(WRITERS)]
    ids = {writer.communicate(timeout=60)[0].split("\n")[0] for writer in writers}
    store = SessionStore(tmp_path)
    assert {summary.id for summary in store.list()} == ids
    assert len(ids) == WRITERS
    for session_id in ids:
        record = store.load(session_id)
        assert record.summary.state is SessionState.COMPLETE
        assert [recorded.segment.key.number for recorded in record.segments] == list(range(200))


def test_a_session_is_live_while_its_process_is_and_interrupted_after(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    with _writer(tmp_path, 10**6) as writer:
        assert writer.stdout is not None
        session_id = writer.stdout.readline().strip()
        writer.stdout.readline()
        os.kill(writer.pid, signal.SIGSTOP)
        assert store.load(session_id).summary.state is SessionState.LIVE
        assert store.list()[0].state is SessionState.LIVE
        writer.kill()
    assert store.load(session_id).summary.state is SessionState.INTERRUPTED


def test_audio_of_a_session_that_another_process_writes_is_not_unfinished(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    with _writer(tmp_path, 10**6) as writer:
        assert writer.stdout is not None
        session_id = writer.stdout.readline().strip()
        spool(tmp_path, session_id, 3)
        os.kill(writer.pid, signal.SIGSTOP)
        assert store.unfinished() == []
        assert store.list()[0].unfinished == 0.0
        writer.kill()
    assert [(found.id, found.unfinished) for found in store.unfinished()] == [(session_id, 3.0)]


def test_a_session_is_not_kept_live_by_programs_that_captty_started(tmp_path: Path) -> None:
    started = "import subprocess; child = subprocess.Popen(['sleep', '60']); print(child.pid)\n"
    code = WRITER.replace("for number in range(count):", started + "for number in range(count):")
    with _writer(tmp_path, 10**6, code) as writer:
        assert writer.stdout is not None
        session_id, child = writer.stdout.readline().strip(), int(writer.stdout.readline())
        writer.kill()
    state = SessionStore(tmp_path).load(session_id).summary.state
    os.kill(child, signal.SIGKILL)
    assert state is SessionState.INTERRUPTED


def test_reading_does_not_stop_the_writer(tmp_path: Path) -> None:
    with _writer(tmp_path, 2000) as writer:
        assert writer.stdout is not None
        session_id = writer.stdout.readline().strip()
        seen = [SessionStore(tmp_path).load(session_id).summary.segments for _ in range(20)]
        writer.stdout.read()
    assert seen == sorted(seen)
    assert SessionStore(tmp_path).load(session_id).summary.state is SessionState.COMPLETE


def test_writing_waits_for_no_disk(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, HEADER)
    started = time.perf_counter()
    for number in range(2000):
        journal.write_segment(segment(number, "settled " * 10))
    seconds = time.perf_counter() - started
    journal.close("stopped", 0)
    assert seconds < 1, "a sync a line takes 4 ms each"
