"""Connections to hosts, made so that another thread can end them at any moment."""

import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue

from tui.audio.web.address import Address, WebError, is_public

CONNECT_SECONDS = 10.0
"""For the name, the connection and the handshake each."""
_LOOK_SECONDS = 0.1
_MOST_PLACES = 4
"""Addresses of a host that are tried."""

Place = tuple[socket.AddressFamily, tuple[str, int]]
_Answer = list[Place] | OSError


class Reach:
    """Finds hosts, and connects to the very addresses that were checked."""

    def __init__(self, typed: Address) -> None:
        """`typed` is what the user named: it alone may be a private address."""
        self._typed = typed
        self._private: frozenset[str] | None = None
        """IP addresses of the typed host, where it was private when it was first looked up."""
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._reason = f"{typed.shown} was let go"
        self.closed = threading.Event()
        """Set by `close`."""

    def connect(self, address: Address) -> socket.socket:
        """A connected socket, behind the TLS handshake for https. Raises `WebError`."""
        places = self._allowed(address, self._lookup(address))
        reason: WebError | None = None
        for family, place in places[:_MOST_PLACES]:
            try:
                return self._secured(address, self._connected(address, family, place))
            except WebError as error:
                if error.final:
                    raise
                reason = error
        raise reason or _unknown(address)

    def release(self, connection: socket.socket) -> None:
        """Close one connection."""
        with self._lock:
            self._sockets.discard(connection)
        connection.close()

    def close(self, reason: str = "") -> None:
        """End every connection and every attempt; from any thread.

        `reason` is the sentence for those who wait for one, where it was not closed before.
        """
        with self._lock:
            if reason and not self.closed.is_set():
                self._reason = reason
            self.closed.set()
            for connection in self._sockets:
                _shut(connection)

    def check(self) -> None:
        """Raises `WebError` where `close` was called."""
        if self.closed.is_set():
            raise WebError(self._reason, final=True)

    def wait(self, seconds: float) -> None:
        """Sleep. Raises `WebError` where `close` is called."""
        self.closed.wait(seconds)
        self.check()

    def _lookup(self, address: Address) -> list[Place]:
        """Where a host is; on a thread, since nothing else ends a lookup that hangs."""
        answers: SimpleQueue[_Answer] = SimpleQueue()
        threading.Thread(
            target=_resolve, args=(address.host, address.port, answers), daemon=True, name="dns"
        ).start()
        deadline = time.monotonic() + CONNECT_SECONDS
        while time.monotonic() < deadline:
            self.check()
            try:
                answer = answers.get(timeout=_LOOK_SECONDS)
            except Empty:
                continue
            if isinstance(answer, OSError) or not answer:
                raise _unknown(address)
            return answer
        raise _unknown(address)

    def _allowed(self, address: Address, places: list[Place]) -> list[Place]:
        """Those that may be connected to: a name must not come to mean another private machine."""
        public = {place[1][0] for place in places if is_public(place[1][0])}
        typed = self._typed.same_host(address)
        if typed and self._private is None:
            self._private = frozenset(place[1][0] for place in places if not public)
        known = public | (self._private or frozenset()) if typed else public
        if allowed := [place for place in places if place[1][0] in known]:
            return allowed
        raise self._private_place(address, typed)

    def _private_place(self, address: Address, typed: bool) -> WebError:
        if typed:
            reason = f"{address.shown} leads to another machine now, in a private network"
            advice = "open it anew if it has moved"
        elif address.host == self._typed.host:
            reason = (
                f"{address.place} is in a private network, where captty opens only the port that"
                f" you named ({self._typed.port})"
            )
            advice = "name that one if you want it"
        else:
            reason = (
                f"{address.shown} is a machine in a private network that you did not name"
                " yourself, where captty does not follow"
            )
            advice = "name its address if you want it"
        return WebError(f"{reason}: {advice}", final=True)

    def _connected(
        self, address: Address, family: socket.AddressFamily, place: tuple[str, int]
    ) -> socket.socket:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.connect_ex(place)
            self._await(connection)
            if code := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, "")
            connection.settimeout(CONNECT_SECONDS)
        except BaseException as error:
            connection.close()
            raise _unconnected(address, error) from None
        return self._kept(connection)

    def _await(self, connection: socket.socket) -> None:
        deadline = time.monotonic() + CONNECT_SECONDS
        waiting = select.poll()
        waiting.register(connection, select.POLLOUT)
        while not waiting.poll(1000 * _LOOK_SECONDS):
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError

    def _secured(self, address: Address, connection: socket.socket) -> socket.socket:
        if address.scheme != "https":
            return connection
        try:
            self._context = self._context or ssl.create_default_context()
            secure = self._context.wrap_socket(
                connection, server_hostname=address.host, do_handshake_on_connect=False
            )
            with self._lock:
                self._sockets.discard(connection)
        except (OSError, ValueError) as error:
            self.release(connection)
            self.check()
            raise _unconnected(address, error) from None
        self._kept(secure)
        try:
            secure.do_handshake()
        except (OSError, ValueError) as error:
            self.release(secure)
            self.check()
            raise _unconnected(address, error) from None
        return secure

    def _kept(self, connection: socket.socket) -> socket.socket:
        with self._lock:
            self._sockets.add(connection)
        if self.closed.is_set():
            _shut(connection)
        return connection


def _resolve(host: str, port: int, answers: SimpleQueue[_Answer]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        answers.put(error if isinstance(error, OSError) else OSError())
    else:
        answers.put([(family, place) for family, _, _, _, place in found])  # type: ignore[misc]


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        # not SSLSocket's own, which takes the cipher away from the thread that reads
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _unknown(address: Address) -> WebError:
    return WebError(
        f"{address.shown} is not known as a host: check the address and your connection"
    )


def _unconnected(address: Address, error: BaseException) -> WebError:
    if isinstance(error, WebError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return WebError(
            f"{address.shown} cannot prove that it is {address.shown}, its certificate is not"
            " valid: check the address and this machine's clock",
            final=True,
        )
    if isinstance(error, ssl.SSLError):
        return WebError(
            f"{address.shown} does not speak https here: check the address, it may begin with"
            " http://"
        )
    if isinstance(error, TimeoutError):
        return WebError(f"{address.shown} does not answer: check the address and try again later")
    if isinstance(error, ConnectionRefusedError):
        return WebError(
            f"{address.shown} refuses the connection: check the address, and whether the server"
            " runs"
        )
    return WebError(f"{address.shown} cannot be reached: check the address and your connection")
