"""A file on the web, read as if it were here."""

import io
from collections.abc import Iterator

from tui.audio.web.client import Address, Client, Response, WebError

LARGEST = 4 * 2**30
"""Bytes of a file that are read at most."""
_WAITS = (0.5, 1.0, 2.0, 4.0, 4.0)
"""Seconds before each further attempt; some progress grants them all again."""
_PROGRESS = 2**16
"""Bytes."""
_SKIPPED = 2**18
"""Bytes that are rather read over than asked for anew."""
_BLOCK = 2**16
_KEPT = 2**18
"""Bytes of the beginning, to which FFmpeg comes back after a look at what follows."""


class WebFile:
    """The body at an address as FFmpeg reads it: `read`, `tell` and, where possible, `seek`.

    A connection that breaks is made anew and goes on at the same byte. One thread reads.
    """

    lull = 3.0
    """Seconds without data that are nothing to speak of."""
    format = None
    """FFmpeg finds out."""
    reserve = 0.0
    """A file waits."""

    def __init__(self, client: Client, address: Address, response: Response, head: bytes) -> None:
        """`head` is what was read of the response already. Raises `WebError` where it is too large.

        `address` is asked again after a break; where it led may be gone by then.
        """
        self._client, self._address = client, address
        self._response: Response | None = response
        self._length = response.length
        self._validator = response.validator
        self._ranges = response.headers.get("Accept-Ranges", "").strip().lower() == "bytes"
        self._head = head
        self._position = 0
        self._reached = len(head)
        """Where the response stands."""
        self._failures = 0
        self._since_failure = 0
        self.name = response.address.file or address.file
        """The file's, clean."""
        self.fault = ""
        """Why nothing comes at the moment; empty where all is well."""
        if (self._length or 0) > LARGEST:
            raise self._too_large()

    def stretches(self) -> "Iterator[WebFile]":
        """Itself, once."""
        yield self

    def seekable(self) -> bool:
        """Whether the server gives any part of it."""
        return self._ranges and self._length is not None

    def tell(self) -> int:
        """The byte that is read next."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte; costs nothing until it is read. Raises `OSError` where that cannot be."""
        length = self._length
        if not self.seekable() or length is None:
            raise OSError("the server gives the whole only")
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: length}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def read(self, size: int) -> bytes:
        """Up to `size` bytes as soon as there are any; none at the end.

        Raises `WebError` where the server does not give them after several attempts.
        """
        if self._position < len(self._head):
            data = self._head[self._position : self._position + size]
            self._position += len(data)
            return data
        while not self._ends():
            try:
                data = self._next(size)
            except WebError as error:
                self._retry(error)
                continue
            self._note(data)
            return data
        return b""

    def close(self) -> None:
        """Let go of the connection."""
        if self._response:
            self._response.close()
            self._response = None

    def _ends(self) -> bool:
        return self._length is not None and self._position >= self._length

    def _next(self, size: int) -> bytes:
        """Bytes from the position on, over a connection that stands there."""
        if self._response and not 0 <= self._position - self._reached <= _SKIPPED:
            self.close()
        if not self._response:
            self._connect()
        while self._reached < self._position:
            if not self._take(min(self._position - self._reached, _BLOCK)):
                raise WebError(f"{self._address.shown} breaks off: try again later")
        return self._take(size)

    def _take(self, size: int) -> bytes:
        assert self._response
        data = self._response.read(size)
        self._reached += len(data)
        return data

    def _connect(self) -> None:
        """Ask for the rest; a server that sends the whole again is heard up to the position."""
        headers = {"Range": f"bytes={self._position}-"} if self._position else {}
        unchanged = self._validator if headers else None
        response = self._client.get(self._address, headers, unchanged=unchanged)
        start = _start(response)
        same = response.validator.text == self._validator.text
        if start is None or start > self._position or not same or _length(response) != self._length:
            response.close()
            raise WebError(
                f"{self._address.shown} has another file at this address now: open it anew",
                final=True,
            )
        self._response, self._reached = response, start

    def _retry(self, error: WebError) -> None:
        """Wait before the next attempt. Raises the error where it was the last one."""
        self.close()
        if error.final or self._failures >= len(_WAITS):
            raise error from None
        self.fault = str(error).partition(":")[0]
        self._client.reach.wait(_WAITS[self._failures])
        self._failures, self._since_failure = self._failures + 1, 0

    def _note(self, data: bytes) -> None:
        self.fault = ""
        if self._position == len(self._head) < _KEPT:
            self._head += data
        self._position += len(data)
        if self._position > LARGEST:
            raise self._too_large()
        self._since_failure += len(data)
        if self._since_failure > _PROGRESS:
            self._failures = 0

    def _too_large(self) -> WebError:
        return WebError(
            f"{self._address.name} is larger than the {LARGEST // 2**30} GiB that captty reads:"
            " cut it into parts",
            final=True,
        )


def _start(response: Response) -> int | None:
    """The first byte of the body in the file, by RFC 9110 § 14.4; none where it is not told."""
    if response.status == 200:
        return 0
    unit, _, rest = response.headers.get("Content-Range", "").strip().partition(" ")
    first = rest.partition("-")[0]
    return _number(first) if unit == "bytes" else None


def _length(response: Response) -> int | None:
    if response.status == 200:
        return response.length
    whole = response.headers.get("Content-Range", "").rpartition("/")[2]
    return _number(whole)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 20 else None
