"""HTTP that goes only where the user points, and reads only as much as it should."""

import http.client
import io
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import tui
from tui.audio.web.address import Address, WebError
from tui.audio.web.reach import Reach
from tui.captions import clean

__all__ = ["Address", "Client", "Response", "Validator", "WebError"]

QUIET_SECONDS = 15.0
"""A server that sends nothing for so long is taken to be gone."""
_HEAD_SECONDS = 15.0
_HEAD_BYTES = 65_536
_FRAME_BYTES = 2 * 65_536
"""What may stand around the bytes of a body that are read at once: sizes of chunks, trailers."""
_MOST_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_REASONS = {
    401: "asks for a name and password: put them into the address, as in http://name:word@host/",
    403: "does not let you have this: check the address, or ask its owner",
    404: "has nothing at this address: check it",
    410: "has nothing at this address any more: look for a new one",
}


@dataclass(frozen=True, slots=True)
class Validator:
    """What stays the same as long as a file does, by RFC 9110 § 13.1.5."""

    origin: tuple[str, str, int]
    """Whose word it is; nobody else hears it."""
    text: str
    """On one line; empty where there is none."""


class Client:
    """Asks for what one typed address leads to. One thread asks; any thread may close."""

    def __init__(self, typed: Address) -> None:
        """`typed` is the user's own word: it may be private, and it alone gets the password."""
        self.typed = typed
        """Where all began."""
        self.reach = Reach(typed)
        """Its connections."""

    def get(
        self,
        address: Address,
        headers: Mapping[str, str] | None = None,
        *,
        patience: float | None = None,
        unchanged: Validator | None = None,
    ) -> "Response":
        """What stands at an address, behind redirects: a response of status 200 or 206.

        `patience` is how many seconds its body may pause, 15 by default; `unchanged` goes along as
        If-Range. Raises `WebError`.
        """
        for _ in range(_MOST_REDIRECTS + 1):
            sent = {**(headers or {}), **self._personal(address, unchanged)}
            response = self._ask(address, sent, patience or QUIET_SECONDS)
            if response.status not in _REDIRECTS:
                return self._good(response)
            location = response.headers.get("Location", "")
            response.close()
            address = address.join(location)
        raise WebError(
            f"{address.shown} leads from one address to the next without an end: name the address"
            " of the sound itself",
            final=True,
        )

    def close(self, reason: str = "") -> None:
        """End everything that is under way; may be called twice, and from any thread.

        `reason` is the sentence with which it ends, where it was not closed before.
        """
        self.reach.close(reason)

    def _personal(self, address: Address, unchanged: Validator | None) -> dict[str, str]:
        """What only the one whom it is meant for may hear."""
        headers = {}
        if self.typed.authorization and address.origin == self.typed.origin:
            headers["Authorization"] = self.typed.authorization
        if unchanged and unchanged.text and address.origin == unchanged.origin:
            headers["If-Range"] = unchanged.text
        return headers

    def _ask(self, address: Address, headers: Mapping[str, str], patience: float) -> "Response":
        connection = self.reach.connect(address)
        try:
            self._send(connection, address, headers)
            return Response(self.reach, connection, address, patience)
        except BaseException as error:
            self.reach.release(connection)
            self.reach.check()
            raise _broken(address, error) from None

    def _send(
        self, connection: socket.socket, address: Address, headers: Mapping[str, str]
    ) -> None:
        request = http.client.HTTPConnection(address.host, address.port)
        request.sock = connection
        sent = {
            "Host": address.authority,
            "User-Agent": f"captty/{tui.__version__}",
            "Accept": "*/*",
            "Connection": "close",
            **headers,
        }
        request.request("GET", address.target, headers=sent)

    def _good(self, response: "Response") -> "Response":
        status, host = response.status, response.address.shown
        if status in (200, 206):
            encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
            if encoding in ("", "identity"):
                return response
            response.close()
            raise WebError(f"{host} sends its sound packed, unasked: try another address")
        response.close()
        if reason := _REASONS.get(status):
            raise WebError(f"{host} {reason} ({status})", final=True)
        final = status < 500 and status not in (408, 416, 425, 429)
        raise WebError(
            f"{host} cannot give this now ({status} {_words(status)}): try again later",
            final=final,
        )


class Response:
    """An answer whose body is read as it comes."""

    def __init__(
        self, reach: Reach, connection: socket.socket, address: Address, patience: float
    ) -> None:
        """Reads the headers; they may take 15 s and 64 KiB. Raises `WebError` and `OSError`."""
        self._reach, self._connection, self._patience = reach, connection, patience
        self.address = address
        """Where it came from in the end."""
        self._wire = _Wire(connection)
        self._http = http.client.HTTPResponse(cast(socket.socket, self._wire), method="GET")
        self._wire.allow(_HEAD_SECONDS, _HEAD_BYTES)
        self._http.begin()
        self.status = self._http.status
        self.headers = self._http.headers
        length = self._http.length
        self.length = length
        """Bytes of the body where the server tells."""
        self._left = length
        self.is_old_radio = self._wire.is_icy
        """Whether a Shoutcast server of the first kind speaks."""

    @property
    def kind(self) -> str:
        """The content type, in lower case and without parameters."""
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def validator(self) -> Validator:
        """The strong ETag, else the time of the last change, as far as it can be said again."""
        tag = str(self.headers.get("ETag", ""))
        text = tag if tag.startswith('"') else str(self.headers.get("Last-Modified", ""))
        plain = text.isascii() and text.isprintable()
        return Validator(self.address.origin, text if plain else "")

    @property
    def is_chunked(self) -> bool:
        """Whether the body's end can be told from a broken connection, though not its length."""
        return bool(self._http.chunked)

    def read(self, size: int) -> bytes:
        """Bytes as soon as there are any, at most `size`; none at the end.

        Raises `WebError` where the connection breaks or pauses for too long.
        """
        try:
            self._wire.allow(self._patience, size + _FRAME_BYTES)
            data = self._http.read1(size)
            if len(data) > size:  # of a chunk of less than no bytes
                raise http.client.HTTPException
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._reach.check()
            raise _broken(self.address, error) from None
        self._reach.check()
        if self._left is not None:
            self._left -= len(data)
            if not data and self._left > 0:
                raise WebError(f"{self.address.shown} breaks off: try again later")
        return data

    def read_all(self, limit: int) -> bytes:
        """The whole body, and the connection closed.

        Raises `WebError` where it is larger than `limit` bytes, or breaks.
        """
        body = bytearray()
        try:
            while len(body) <= limit and (data := self.read(65_536)):
                body += data
        finally:
            self.close()
        if len(body) > limit:
            raise WebError(
                f"{self.address.shown} sends more than the {limit // 2**20} MiB that captty takes"
                " in one piece: try another address",
                final=True,
            )
        return bytes(body)

    def close(self) -> None:
        """Let go of the connection; may be called twice."""
        with suppress(OSError, ValueError):
            self._http.close()
        self._reach.release(self._connection)


class _Wire(io.RawIOBase):
    """The bytes of a connection, with limits on what is read of them at once."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = 0.0
        self._left = 0
        self._held = b""
        self._begun = False
        self.is_icy = False

    def makefile(self, mode: str) -> io.BufferedReader:
        """As sockets have it, for `http.client`."""
        return io.BufferedReader(self, 16_384)

    def allow(self, seconds: float, count: int) -> None:
        """What `http.client` reads next may take so many seconds and bytes, however they come."""
        self._deadline = time.monotonic() + seconds
        self._left = count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._begun:
            self._begin()
        if not self._held:
            return self._receive(buffer)
        taken = min(len(self._held), len(buffer))
        buffer[:taken], self._held = self._held[:taken], self._held[taken:]
        return taken

    def _begin(self) -> None:
        """Shoutcast's first servers answer `ICY 200 OK`, which `http.client` does not take."""
        self._begun = True
        start = b""
        while len(start) < 4 and b"ICY ".startswith(start):
            piece = bytearray(4 - len(start))
            count = self._receive(memoryview(piece))
            if not count:
                break
            start += piece[:count]
        self.is_icy = start == b"ICY "
        self._held = b"HTTP/1.0 " if self.is_icy else start

    def _receive(self, buffer: memoryview) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        count = self._connection.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise http.client.LineTooLong("headers")
        return count


def _words(status: int) -> str:
    return clean(http.client.responses.get(status, "unknown status"))


def _broken(address: Address, error: BaseException) -> BaseException:
    """What is said of a connection that went wrong; a programming error stays what it is."""
    host = address.shown
    if isinstance(error, TimeoutError):
        return WebError(f"{host} sends nothing: try again later")
    if isinstance(error, http.client.IncompleteRead | ConnectionError):
        return WebError(f"{host} breaks off: try again later")
    if isinstance(error, http.client.LineTooLong):
        return WebError(f"{host} sends headers without an end: try another address", final=True)
    if isinstance(error, http.client.RemoteDisconnected):
        return WebError(f"{host} hangs up without an answer: try again later")
    if isinstance(error, http.client.HTTPException | ValueError):
        return WebError(f"{host} does not speak HTTP here: check the address and its port")
    if isinstance(error, OSError) and not isinstance(error, WebError):
        return WebError(f"{host} cannot be reached: check the address and your connection")
    return error
