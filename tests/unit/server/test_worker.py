"""The worker process by itself."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.unit.server import scripted
from tui.captions import SAMPLE_RATE
from tui.server.engines import Hypothesis
from tui.server.pipe import (
    LENGTH,
    Answer,
    Begin,
    Failure,
    Feed,
    Finish,
    Reply,
    Request,
    packed,
    reply,
)

WORKER = [sys.executable, "-P", "-m", "tui.server.worker", scripted.MODULE]


@contextmanager
def worker() -> "Iterator[subprocess.Popen[bytes]]":
    """A worker that runs the scripted engine."""
    with subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(process: "subprocess.Popen[bytes]", request: Request) -> Reply:
    """One request, one reply."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(packed(request))
    process.stdin.flush()
    return reply(process.stdout.read(LENGTH.unpack(process.stdout.read(LENGTH.size))[0]))


def test_each_request_gets_one_reply_whatever_libraries_print() -> None:
    with worker() as process:
        assert ask(process, Begin("en", "")) == Answer()
        answer = ask(process, Feed(bytes(3 * SAMPLE_RATE)))
        assert answer == Answer(
            (
                Hypothesis(0, "16000", 0, 16_000, settled=True),
                Hypothesis(1, "8000", 16_000, 24_000),
            )
        )
        settled = Hypothesis(1, "8000", 16_000, 24_000, settled=True)
        assert ask(process, Finish()) == Answer((settled,))


def test_ctrl_c_leaves_it_alone_and_the_end_of_its_input_ends_it() -> None:
    with worker() as process:
        assert ask(process, Begin("en", "")) == Answer()
        process.send_signal(signal.SIGINT)
        assert ask(process, Feed(b"")) == Answer()
        assert process.stdin
        process.stdin.close()
        assert process.wait(5) == 0


def test_a_failing_engine_says_so_and_ends() -> None:
    with worker() as process:
        assert isinstance(ask(process, Begin(None, "no model")), Failure)
        assert process.wait(5) == 0
