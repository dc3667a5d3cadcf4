"""Endless streams of Icecast and Shoutcast servers."""

import random
import re
import time
from collections.abc import Iterator

from tui.audio.web.client import Address, Client, Response, WebError
from tui.captions import clean

QUIET_SECONDS = 20.0
"""A station that sends nothing for so long is asked anew."""
HEADERS = {"Icy-MetaData": "1"}
"""Asks a station for its titles, which come within the sound."""
_TAIL = 4_096
"""Bytes by which the end of the last connection is found again in the next."""
_BURST = 2**19
"""Bytes in which they are looked for, at most; stations send some 64 KiB of the past at once."""
_BURST_SECONDS = 1.0
_LONGEST_WAIT = 10.0
_REFUSALS = 12
"""How often a station may say that there is nothing for good before it is believed."""
_FORMATS = {
    **dict.fromkeys(("audio/mpeg", "audio/mp3", "audio/x-mpeg"), "mp3"),
    **dict.fromkeys(("audio/aac", "audio/aacp", "audio/x-aac"), "aac"),
}
"""FFmpeg's names of the formats that have no marks of their own, by content type: to make sure of
one of these, it would listen for up to 20 s."""
_MARKS = (b"OggS", b"fLaC", b"RIFF")
"""What other forms begin with, whatever the server calls them."""
_TITLE = re.compile(r"StreamTitle='(.*?)';", re.DOTALL)


def is_radio(response: Response) -> bool:
    """Whether a response never ends, by what Icecast and Shoutcast tell of themselves."""
    names = [name.lower() for name in response.headers]
    server = response.headers.get("Server", "").lower()
    if response.is_old_radio or any(name.startswith(("icy-", "ice-")) for name in names):
        return True
    return response.length is None and ("icecast" in server or "shoutcast" in server)


class Radio:
    """The sound of a station, in stretches without a hole; reconnects until it is closed.

    One thread reads.
    """

    lull = 1.5
    """Seconds without data that are nothing to speak of."""
    reserve = 0.0
    """What the server sends of the past shows at the start."""

    def __init__(self, client: Client, address: Address, response: Response, head: bytes) -> None:
        """`head` is what was read of the response already."""
        self._client, self._address = client, address
        self._body = _Body(response, head)
        self._station = _text(response.headers.get("icy-name", ""))
        self._held = b""
        """The beginning of the next stretch."""
        self._tail = b""
        self._over = False
        self._waits = 0
        self._refusals = 0
        self.fault = ""
        """Why nothing comes at the moment; empty where all is well."""

    @property
    def format(self) -> str | None:
        """FFmpeg's name of the form of the sound; none where it is quick to find out."""
        if not self._held and not self._over:
            self._fill(_TAIL)
        marked = self._held.startswith(_MARKS)
        return None if marked else _FORMATS.get(self._body.kind)

    @property
    def name(self) -> str:
        """Station and title as far as they are known; else the address."""
        return " · ".join(filter(None, (self._station, self._body.title))) or self._address.name

    def stretches(self) -> "Iterator[Radio]":
        """Itself, each time that it goes on elsewhere than it broke off."""
        while True:
            self._over = False
            yield self
            if not self._over:
                self._reconnect()  # it could not be decoded further

    def read(self, size: int) -> bytes:
        """Up to `size` bytes as soon as there are any; none where the stretch is over.

        Raises `WebError` where there is no hope that the station comes back.
        """
        if not self._held and not self._over:
            self._fill(size)
        if self._over:
            return b""
        data, self._held = self._held[:size], self._held[size:]
        self._tail = (self._tail + data)[-_TAIL:]
        return data

    def close(self) -> None:
        """Let go of the connection."""
        self._body.close()

    def _fill(self, size: int) -> None:
        try:
            self._held = self._body.read(size)
            self._waits = 0
            self.fault = ""
        except WebError as error:
            if not self._tail:  # it never sent a thing
                raise
            self._note(error)
            self._reconnect()

    def _reconnect(self) -> None:
        """Find the place where the last connection broke off, or begin a new stretch."""
        burst = b""
        while not burst:
            self.close()
            self._client.reach.wait(self._next_wait())
            try:
                self._body = self._connected()
                burst = self._burst()
            except WebError as error:
                self._note(error)
        found = burst.rfind(self._tail) if len(self._tail) == _TAIL else -1
        self._over = found < 0
        self._held = burst if self._over else burst[found + _TAIL :]
        if self._over:
            self._tail = b""
        self.fault = ""
        self._refusals = 0

    def _connected(self) -> "_Body":
        response = self._client.get(self._address, HEADERS, patience=QUIET_SECONDS)
        body = _Body(response, b"")
        if response.kind in ("text/html", "text/plain"):
            body.close()
            raise WebError(f"{self._address.shown} sends a page in place of the sound")
        return body

    def _burst(self) -> bytes:
        """What comes at once."""
        burst, end = b"", time.monotonic() + _BURST_SECONDS
        while len(burst) < _BURST and time.monotonic() < end:
            burst += self._body.read(2**14)
            if len(self._tail) == _TAIL and self._tail in burst:
                break
        return burst

    def _note(self, error: WebError) -> None:
        self._client.reach.check()
        self._refusals += error.final
        if self._refusals > _REFUSALS:
            raise error from None
        self.fault = str(error).partition(":")[0]

    def _next_wait(self) -> float:
        """Seconds before the next attempt: doubled each time, with jitter."""
        self._waits += 1
        return min(_LONGEST_WAIT, 0.25 * 2.0 ** min(self._waits, 8)) * random.uniform(0.75, 1.25)


class _Body:
    """A response's bytes without the titles that Shoutcast's protocol puts between them."""

    def __init__(self, response: Response, head: bytes) -> None:
        self._response, self._head = response, head
        interval = response.headers.get("icy-metaint", "").strip()
        self._interval = int(interval) if interval.isdecimal() and len(interval) < 9 else 0
        self._left = self._interval
        self.kind = response.kind
        self.title = ""

    def read(self, size: int) -> bytes:
        """Bytes of sound. Raises `WebError` where the connection ends."""
        if self._interval:
            if not self._left:
                self._read_title()
            size = min(size, self._left)
        data = self._raw(size)
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._response.close()

    def _raw(self, size: int) -> bytes:
        data, self._head = self._head[:size], self._head[size:]
        data = data or self._response.read(size)
        if not data:
            raise WebError(f"{self._response.address.shown} breaks off: try again later")
        return data

    def _read_title(self) -> None:
        """A block of 16 · n bytes behind a byte that tells n."""
        left, block = 16 * self._raw(1)[0], b""
        while len(block) < left:
            block += self._raw(left - len(block))
        self._left = self._interval
        if found := _TITLE.search(_decoded(block.rstrip(b"\0"))):
            self.title = clean(found[1], 120)


def _decoded(data: bytes) -> str:
    """Text that is UTF-8 today and was Latin-1 once."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _text(header: str) -> str:
    """A header's text, which `http.client` reads as Latin-1."""
    return clean(_decoded(header.encode("latin-1", "replace")), 120)
