"""A worker: the process in which one stream is recognised, started by the server.

`python -m tui.server.worker ENGINE_MODULE` answers each request on its standard input with one
reply on its standard output, in order, and ends with its standard input.
"""

import os
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

from tui.server.engines import Engine, Recogniser, load
from tui.server.pipe import (
    Answer,
    Begin,
    Failure,
    Feed,
    Finish,
    Reply,
    Request,
    packed,
    read_request,
)


class Worker:
    """Carries out requests with one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._recogniser: Recogniser | None = None

    def carry_out(self, request: Request) -> Reply:
        """Do what is asked; an engine's failure becomes a reply."""
        try:
            return self._answer(request)
        except Exception as error:
            return Failure(f"{type(error).__name__}: {error}")

    def _answer(self, request: Request) -> Answer:
        match request:
            case Begin(language, prompt):
                self._recogniser = self._engine.start(language, prompt)
                return Answer()
            case Feed(pcm):
                return Answer(tuple(self._begun.feed(pcm)))
            case Finish():
                return Answer(tuple(self._begun.finish()))

    @property
    def _begun(self) -> Recogniser:
        if self._recogniser is None:
            raise RuntimeError("no stream has begun")
        return self._recogniser


def own_stdout() -> BinaryIO:
    """Standard output for replies alone: what native libraries print goes to standard error."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return replies


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = own_stdout()
    worker = Worker(load(sys.argv[1]))
    with suppress(BrokenPipeError):
        while (request := read_request(sys.stdin.buffer)) is not None:
            reply = worker.carry_out(request)
            replies.write(packed(reply))
            if isinstance(reply, Failure):
                return


if __name__ == "__main__":
    main()
