"""The server as captty runs it: as a child process, and in the foreground."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.unit.server.serving import (
    FINAL,
    hear_until,
    is_final,
    pieces,
    recording,
    texts,
    trace,
    until,
)
from tui.server.embedded import EmbeddedServer, ServerStartError, serve
from tui.wire.endpoint import Endpoint, Request

PARENT = """
import asyncio, psutil
from tui.server.embedded import EmbeddedServer
async def main():
    async with EmbeddedServer():
        while len(children := psutil.Process().children(recursive=True)) < 2:
            await asyncio.sleep(0.01)
        print(*[child.pid for child in children], flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
FOREGROUND = "import sys; from tui.server.embedded import serve; serve(sys.argv[1], 0, sys.argv[2])"


def family() -> list[psutil.Process]:
    """The server and its workers."""
    return list(psutil.Process().children(recursive=True))


def gone(processes: list[psutil.Process]) -> bool:
    """Whether they end within a moment: the dead wait for their new parent to notice."""
    _, alive = psutil.wait_procs(processes, timeout=5)
    return not alive


async def captions(endpoint: Endpoint, clip: str) -> dict[str, str]:
    """What a live session gets from the server."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(Request("en").url(endpoint), headers=endpoint.headers()) as ws,
    ):
        for chunk in pieces(recording(clip)):
            await ws.send_bytes(chunk)
        await ws.send_str(FINAL)
        return texts(await hear_until(ws, is_final))


async def test_a_server_for_the_length_of_a_block() -> None:
    async with EmbeddedServer() as endpoint:
        assert (endpoint.name, endpoint.engine) == ("this machine", "pocketsphinx")
        assert await captions(endpoint, "cards_001.wav") == {"0": "ten of clubs"}
        assert len(endpoint.key.reveal()) >= 43
        processes = family()
        server = processes[0]
        assert endpoint.key.reveal() not in str((server.cmdline(), server.environ()))
    assert gone(processes)


async def test_nobody_else_may_use_it() -> None:
    async with EmbeddedServer() as endpoint, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(endpoint.url)
        assert refused.value.status == 401


def test_it_runs_in_any_thread() -> None:
    names: list[str] = []

    async def session() -> None:
        async with EmbeddedServer() as endpoint:
            names.append(endpoint.engine)

    thread = threading.Thread(target=lambda: asyncio.run(session()))
    thread.start()
    thread.join(20)
    assert names == ["pocketsphinx"]


@pytest.mark.parametrize("stuck", ["server", "worker", "both"])
async def test_it_ends_in_time_and_whole_even_where_something_is_stuck(stuck: str) -> None:
    async with AsyncExitStack() as block, aiohttp.ClientSession() as http:
        endpoint = await block.enter_async_context(EmbeddedServer())
        ws = await http.ws_connect(endpoint.url, headers=endpoint.headers())
        await ws.send_str(trace("ready"))
        await hear_until(ws, lambda m: "trace_id" in m)
        server, worker = processes = family()
        assert "tui.server.worker" in worker.cmdline()
        for process in {"server": [server], "worker": [worker], "both": processes}[stuck]:
            process.suspend()
        started = time.monotonic()
        await block.aclose()
        assert time.monotonic() - started < 5
        assert gone(processes)
        await ws.close()


@pytest.mark.parametrize("sign", [signal.SIGSTOP, signal.SIGKILL, None])
async def test_one_that_fails_is_left_at_once_and_another_one_takes_its_place(
    sign: signal.Signals | None,
) -> None:
    lost: list[psutil.Process] = []
    left = 0.0

    async def session() -> None:
        nonlocal left
        async with EmbeddedServer(), asyncio.timeout(20):
            await until(lambda: len(family()) == 2)
            lost.extend(family())
            if sign:
                lost[0].send_signal(sign)
            left = time.monotonic()
            raise ConnectionError("this machine does not answer any more")

    with pytest.raises(ConnectionError):
        await session()
    assert time.monotonic() - left < 1
    assert gone(lost)
    async with EmbeddedServer() as endpoint, aiohttp.ClientSession() as http:
        ws = await http.ws_connect(endpoint.url, headers=endpoint.headers())
        assert time.monotonic() - left < 5
        await ws.close()
    assert not family()


async def test_a_start_that_is_given_up_costs_no_wait() -> None:
    started = asyncio.create_task(EmbeddedServer().__aenter__())
    await until(lambda: len(family()) >= 1)
    (server, *_) = family()
    server.suspend()
    started.cancel()
    cancelled = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await started
    assert time.monotonic() - cancelled < 1
    assert not family()


def test_nothing_outlives_a_captty_that_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        parent.send_signal(signal.SIGKILL)
        assert gone(children)


async def test_a_server_that_breaks_at_its_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aiohttp.py").write_text("raise ImportError('aiohttp is \\033[1mbroken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ServerStartError, match=r"ImportError: aiohttp is .*broken") as failed:
        async with EmbeddedServer():
            pass
    assert str(failed.value).isprintable()
    assert not family()


async def test_a_server_that_never_gets_ready_is_given_up() -> None:
    with pytest.raises(ServerStartError, match="says nothing"):
        async with EmbeddedServer(start_seconds=0.01):
            pass
    assert not family()


async def test_a_session_that_is_cancelled_takes_its_server_with_it() -> None:
    async def session() -> None:
        async with EmbeddedServer():
            await asyncio.sleep(60)

    task = asyncio.create_task(session())
    await until(lambda: len(family()) >= 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not family()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_server_says_where_it_is_and_stops_when_told(sign: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FOREGROUND, "localhost", "s3cret"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        assert first.startswith("listening on ws://localhost:")
        second = process.stdout.readline()
        assert "token" in second
        assert "s3cret" not in first + second
        process.send_signal(sign)
        assert process.wait(5) == 0


def test_other_machines_are_let_in_with_a_token_and_a_warning_alone() -> None:
    with pytest.raises(ServerStartError, match="CAPTTY_TOKEN"):
        serve("0.0.0.0", 0, " ")
    with subprocess.Popen(
        [sys.executable, "-c", FOREGROUND, "0.0.0.0", "s3cret"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert "TLS" in "".join(process.stdout.readline() for _ in range(3))
        process.terminate()
        assert process.wait(5) == 0


def test_an_address_that_cannot_be_had_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerStartError, match=f"port {port} is taken"):
            serve("127.0.0.1", port, "")
    for host in ("203.0.113.7", "no.such.host.invalid", "a" * 70, "a..b"):
        with pytest.raises(ServerStartError, match="no address of this machine"):
            serve(host, 0, "token")
