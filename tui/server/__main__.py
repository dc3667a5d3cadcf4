"""The embedded server's process, started by captty: `python -m tui.server --embedded`.

The first line of its standard input is the token; its end is the order to stop, also where
captty was killed. One line of JSON on its standard output says that it listens.
"""

import asyncio
import json
import os
import signal
import sys

from tui.server.app import SpeechServer

HOST = "127.0.0.1"


async def serve(token: str) -> None:
    """Listen on a free port of this machine until the parent goes away or asks to stop."""
    server, stop = SpeechServer(token=token), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), _watch, stop)
    port = await server.start(HOST, 0)
    print(json.dumps({"port": port, "engine": server.engine}), flush=True)
    try:
        await stop.wait()
    finally:
        await server.stop()


def _watch(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stop.set()


def main() -> None:
    """Run the server if asked to in the one way that captty asks."""
    if sys.argv[1:] != ["--embedded"]:
        sys.exit("this is captty's own server process: run `captty serve` instead")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(serve(sys.stdin.readline().strip()))


if __name__ == "__main__":
    main()
