"""A web server on loopback that can do whatever servers on the web do wrong."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Route = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request and the answer to it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        """Answer by the route of the path."""
        self.close_connection = True
        site = self.server.site
        path = self.path.partition("?")[0]
        site.asked.append((self.path, dict(self.headers.items())))
        route = site.routes.get(path)
        file = site.folder / path[1:] if site.folder else None
        try:
            if site.down.is_set():
                self.close_connection = True
            elif route:
                route(self)
            elif file and file.is_file():
                self.answer(file.read_bytes())
            else:
                self.answer(b"nothing", status=404)
        except OSError:
            pass  # the client has heard enough

    def answer(
        self,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        status: int = 200,
        length: int | None = None,
    ) -> None:
        """A whole answer; `length` is what it claims, less than 0 for none at all."""
        self.begin(headers, status, len(body) if length is None else length)
        self.wfile.write(body)

    def begin(
        self, headers: Mapping[str, str] | None = None, status: int = 200, length: int = -1
    ) -> None:
        """Status and headers."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if length >= 0:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()

    def wait(self) -> None:
        """Until the client goes away or the server is stopped."""
        self.connection.settimeout(0.05)
        while not self.server.site.stopped.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue

    def send(self, data: bytes) -> None:
        """Bytes as they are, at once."""
        self.connection.sendall(data)

    def reset(self) -> None:
        """Break the connection off without a farewell."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@dataclass
class Site:
    """What a server has, and who asked for it."""

    port: int
    routes: dict[str, Route] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Path with query, and headers, of each request."""
    folder: Path | None = None
    """Whose files are given where there is no route."""
    down: threading.Event = field(default_factory=threading.Event)
    """Set to hang up on everybody."""
    stopped: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """The address of a path."""
        return f"http://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [path for path, _ in self.asked]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    site: Site

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients break off in tests."""


@contextmanager
def serving(port: int = 0, context: ssl.SSLContext | None = None) -> Iterator[Site]:
    """A site on loopback, behind TLS where there is a context."""
    server = _Server(("127.0.0.1", port), Exchange)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.block_on_close = False
    server.site = Site(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.site
    finally:
        server.site.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def whole(body: bytes, kind: str = "audio/wav", **headers: str) -> Route:
    """A file, without ranges; `_` in headers' names stands for `-`."""
    sent = {"Content-Type": kind, **_named(headers)}
    return lambda exchange: exchange.answer(body, sent)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def moved(target: str, status: int = 302) -> Route:
    """A redirect."""
    return lambda exchange: exchange.answer(b"", {"Location": target}, status=status)


def dripping(exchange: Exchange) -> None:
    """A byte now and then, for ever."""
    exchange.begin(length=10**6)
    while not exchange.server.site.stopped.wait(0.05):
        exchange.send(b"#")


class Ranged:
    """A file of which any part is given; connections break off as told."""

    def __init__(self, body: bytes, cuts: list[int] | None = None, **headers: str) -> None:
        """`cuts` are bytes after which the first connections break off, one each."""
        self.body = body
        self.cuts = cuts or []
        self.headers = {"ETag": '"one"', **_named(headers)}
        self.ranges = True
        self.resets = False
        """Whether breaks lose what is under way, too."""

    def __call__(self, exchange: Exchange) -> None:
        """As RFC 9110 § 14 has it."""
        start, body = 0, self.body
        headers = dict(self.headers)
        wanted = exchange.headers.get("Range", "")
        status = 200
        if self.ranges:
            headers["Accept-Ranges"] = "bytes"
        if self.ranges and wanted and self._is_same(exchange):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        exchange.begin(headers, status, len(body) - start)
        if self.cuts:
            exchange.wfile.write(body[start : start + self.cuts.pop(0)])
            if self.resets:
                exchange.reset()
        else:
            exchange.wfile.write(body[start:])

    def _is_same(self, exchange: Exchange) -> bool:
        return exchange.headers.get("If-Range", self.headers["ETag"]) == self.headers["ETag"]


class Station:
    """A broadcast on its own clock: who calls hears a burst of the past, then what comes."""

    def __init__(self, body: bytes, rate: int, burst: int, **headers: str) -> None:
        """`rate` is in bytes a second, `burst` in bytes; broadcasting begins a burst ago."""
        self.body, self.rate, self.burst = body, rate, burst
        self.headers = {"Content-Type": "audio/mpeg", "icy-name": "Radio One", **_named(headers)}
        self.started = time.monotonic() - burst / rate
        self.cut = threading.Event()
        """Set to break all connections off; who calls then is refused."""
        self.stalled = threading.Event()
        """Set to send nothing for a while."""
        self.preface = b""
        """What everybody hears first."""

    def edge(self) -> int:
        """Bytes that were broadcast so far."""
        return min(round((time.monotonic() - self.started) * self.rate), len(self.body))

    def restart(self) -> None:
        """Forget the past: a burst begins now."""
        self.since = self.edge()

    since = 0

    def __call__(self, exchange: Exchange) -> None:
        """The headers, and the broadcast until it is cut."""
        if self.cut.is_set():
            exchange.answer(b"", status=503)
            return
        exchange.begin(self.headers)
        self.send(exchange, self.preface)
        at = max(self.edge() - self.burst, self.since)
        while not self.cut.is_set() and not exchange.server.site.stopped.wait(0.02):
            if not self.stalled.is_set():
                edge = self.edge()
                self.send(exchange, self.body[at:edge])
                at = edge

    def send(self, exchange: Exchange, data: bytes) -> None:
        """Bytes of the broadcast."""
        exchange.send(data)


class TitledStation(Station):
    """One that puts titles between its bytes, as Shoutcast's protocol has it."""

    interval = 1_000
    title = "Artist - Song"

    def __init__(self, body: bytes, rate: int, burst: int, **headers: str) -> None:
        """As any station."""
        super().__init__(body, rate, burst, icy_metaint=str(self.interval), **headers)

    def __call__(self, exchange: Exchange) -> None:
        """As any station."""
        self.left = self.interval
        super().__call__(exchange)

    def send(self, exchange: Exchange, data: bytes) -> None:
        """Bytes of the broadcast, with a title behind each interval."""
        while data:
            exchange.send(data[: self.left])
            data, self.left = data[self.left :], self.left - len(data[: self.left])
            if not self.left:
                text = f"StreamTitle='{self.title}';".encode()
                count = -(-len(text) // 16)
                exchange.send(bytes([count]) + text.ljust(16 * count, b"\0"))
                self.left = self.interval
