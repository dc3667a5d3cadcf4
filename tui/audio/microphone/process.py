"""The processes in which all native sound libraries live, as captty sees them."""

import logging
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

import msgspec

from tui.audio.microphone.messages import Message, Unpacker
from tui.audio.source import SourceError
from tui.captions import clean

log = logging.getLogger(__name__)

_PIECE = 65_536
_MOST_LINES = 100
"""Logged of what one helper complains about."""
_REAP_SECONDS = 1.0


class SoundProcess:
    """A process of this package: messages come in, complaints go to the log.

    It is out of reach of the terminal's keys, and ends with captty, however that ends. One thread
    uses it.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        """Start `module`. Raises `SourceError`."""
        self._module = module
        self._unpacker = Unpacker()
        self._lines = 0
        self.ended = False
        """Whether there will be no more messages."""
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"tui.audio.microphone.{module}", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise SourceError(
                f"captty cannot start its microphone process ({clean(str(error), 200)}): try again"
            ) from error
        pipes = (self._process.stdout, self._process.stderr)
        self._messages, self._complaints = (pipe.fileno() for pipe in pipes if pipe)
        self._open = {self._messages, self._complaints}

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def waiting_on(self) -> set[int]:
        """The file descriptors to poll."""
        return self._open

    def read(self, ready: set[int]) -> list[Message]:
        """What those of its file descriptors that are ready hold."""
        if self._complaints in ready:
            self._log(self._piece(self._complaints))
        if self._messages not in ready:
            return []
        piece = self._piece(self._messages)
        self.ended = not piece
        try:
            return list(self._unpacker.feed(piece))
        except msgspec.MsgspecError:
            self.ended = True
            return []

    def next(self, seconds: float) -> list[Message]:
        """Wait for messages; none where it has ended, or says nothing for so long."""
        deadline = time.monotonic() + seconds
        while not self.ended and (left := deadline - time.monotonic()) > 0:
            if messages := self.read(poll(self.waiting_on, left)):
                return messages
        return []

    def end(self) -> None:
        """End the process at once, with all it started; may be called twice."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_REAP_SECONDS)
        self.ended = True
        self._open.clear()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def _piece(self, pipe: int) -> bytes:
        piece = os.read(pipe, _PIECE)
        if not piece:
            self._open.discard(pipe)
        return piece

    def _log(self, piece: bytes) -> None:
        for line in piece.decode(errors="replace").splitlines():
            self._lines += 1
            if self._lines <= _MOST_LINES and line.strip():
                log.warning("%s: %s", self._module, clean(line, 500))


def poll(descriptors: set[int], seconds: float) -> set[int]:
    """Those of the file descriptors that can be read, or have ended, within so many seconds."""
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poller.poll(max(0.0, seconds) * 1000)}
