"""captty's own server: as the child process of a live session, or in the foreground."""

import asyncio
import errno
import os
import secrets
import signal
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress

import msgspec

from tui.captions import clean
from tui.wire.endpoint import STREAMING_PATH, Endpoint, Secret, ServerUnavailable, is_loopback

START_SECONDS = 10.0
STOP_SECONDS = 3.0
THIS_MACHINE = "this machine"
"""What screen and journal call the server."""


class ServerStartError(ServerUnavailable):
    """The server cannot start."""


class Ready(msgspec.Struct):
    """What the child says once it listens on this machine."""

    port: int
    engine: str


class EmbeddedServer:
    """A server in a process of its own, for the length of a block and for captty alone.

    It ends with captty, however that ends.
    """

    def __init__(self, start_seconds: float = START_SECONDS) -> None:
        self._start_seconds = start_seconds
        self._complaints = b""
        self._process: Process | None = None
        self._listener: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Endpoint:
        """Start the process; returns where it listens. Raises `ServerStartError`."""
        token = secrets.token_urlsafe(32)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "tui.server", "--embedded"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise ServerStartError(f"captty's own server cannot start: {error.strerror}") from error
        self._listener = asyncio.create_task(self._listen(self._process))
        try:
            ready = await self._ready(self._process, token)
        except BaseException:
            await self._end(patience=0)
            raise
        return Endpoint(
            url=f"ws://127.0.0.1:{ready.port}{STREAMING_PATH}",
            key=Secret(token),
            name=THIS_MACHINE,
            engine=ready.engine,
        )

    async def __aexit__(self, failure: type[BaseException] | None, *_: object) -> None:
        """End the process: in order, or at once where the block was left by an exception."""
        await self._end(patience=0 if failure else STOP_SECONDS)

    async def _ready(self, process: Process, token: str) -> Ready:
        """Hand the token over and wait for the answer."""
        if process.stdin is None or process.stdout is None:
            raise ServerStartError("captty's own server has no pipes")
        try:
            async with asyncio.timeout(self._start_seconds):
                process.stdin.write(f"{token}\n".encode())
                line = await process.stdout.readline()
                if not line and self._listener:
                    await self._listener
            return msgspec.json.decode(line, type=Ready)
        except TimeoutError:
            why = f"it says nothing for {self._start_seconds:.0f} s"
        except (OSError, ValueError, msgspec.MsgspecError):
            why = self._last_complaint()
        raise ServerStartError(f"captty's own server does not start: {why}")

    async def _listen(self, process: Process) -> None:
        """Keep the child's complaints from filling its pipe, and the last ones at hand."""
        while process.stderr and (chunk := await process.stderr.read(4096)):
            self._complaints = (self._complaints + chunk)[-4096:]

    def _last_complaint(self) -> str:
        lines = self._complaints.decode(errors="replace").splitlines()
        complaints = [text for line in lines if (text := clean(line, 200))]
        return complaints[-1] if complaints else "it gives no reason"

    async def _end(self, patience: float) -> None:
        """Ask the process to stop within so many seconds; see to it that nothing is left of it."""
        process, listener = self._process, self._listener
        if process is None or listener is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await process.wait()
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await listener
            await process.communicate()


def serve(host: str, port: int, token: str) -> None:
    """Run the server for other clients until ctrl+c or a termination signal.

    Raises `ServerStartError` where the address cannot be had, or would admit strangers.
    """
    token = token.strip()
    if not is_loopback(host) and not token:
        raise ServerStartError(
            f"{clean(host, 100) or 'an empty host'} is open to other machines: "
            "set CAPTTY_TOKEN to a key that clients must send"
        )
    asyncio.run(_serve(host, port, token))


async def _serve(host: str, port: int, token: str) -> None:
    from tui.server.app import SpeechServer  # a live session has no use for its imports

    server, stop = SpeechServer(token=token), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        port = await server.start(host, port)
        print(_announcement(host, port, token), flush=True)
        await stop.wait()
    except (OSError, UnicodeError) as error:
        raise ServerStartError(_why_not(error, clean(host, 100), port)) from error
    finally:
        await server.stop()


def _announcement(host: str, port: int, token: str) -> str:
    place = f"[{host}]" if ":" in host else host
    lines = [f"listening on ws://{place}:{port}{STREAMING_PATH}"]
    if token:
        lines.append("clients must send the token in the Authorization header")
    else:
        lines.append("no token is needed: every user of this machine can connect")
    if not is_loopback(host):
        lines.append("audio and token travel unprotected: put a TLS proxy in front of it")
    return "\n".join(lines)


def _why_not(error: OSError | UnicodeError, host: str, port: int) -> str:
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return f"port {port} is taken: choose another one with --port"
        case errno.EACCES:
            return f"port {port} is for the system alone: choose one above 1023 with --port"
    return f"{host} is no address of this machine: try --host 127.0.0.1"
