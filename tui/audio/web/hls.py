"""HLS (RFC 8216): playlists of short segments, of a broadcast or of something that is over."""

import time
from collections.abc import Iterator

from tui.audio.web.client import Address, Client, Response, WebError
from tui.audio.web.flow import Lost
from tui.audio.web.playlist import (
    LARGEST_PLAYLIST,
    Part,
    Playlist,
    Segment,
    choose_variant,
    read_playlist,
)

__all__ = ["LARGEST_PLAYLIST", "Hls"]

_LARGEST_SEGMENT = 64 * 2**20
_BEHIND = 3
"""Segments behind the newest one at which listening begins, as RFC 8216 § 6.3.3 asks."""
_WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt at a segment."""
_PATIENCE = 15.0
"""Seconds for a playlist, and for a segment of a broadcast unless it is long."""
_LONGEST_WAIT = 10.0
_REFUSALS = 20
"""How often a broadcast may say that there is nothing for good before it is believed."""


class Hls:
    """The segments of a playlist as stretches of bytes without a hole. One thread reads."""

    format = None
    """FFmpeg finds out: a segment is there whole."""

    def __init__(self, client: Client, address: Address, text: bytes) -> None:
        """`text` is the playlist at the address. Raises `WebError` where it cannot be followed."""
        self._client = client
        self._address, self._playlist = _media(client, address, text)
        self.live = not self._playlist.ends
        """Whether it was a broadcast when it was opened."""
        self._next = self._first()
        self._lost = 0.0
        self._data = b""
        self._at = 0
        """How much of the data was read."""
        self._header: Part | None = None
        self._anew = False
        """Whether the next segment has nothing to do with the one before."""
        self._since = time.monotonic()
        """When the last segment was there."""
        self._fresh = True
        """Whether the next byte begins a new stretch."""
        self._refusals = 0
        self.fault = ""
        """Why nothing comes at the moment; empty where all is well."""
        self.name = address.name
        """What is known of its name."""

    @property
    def seconds(self) -> float:
        """The length of what is there now."""
        return self._playlist.seconds

    @property
    def reserve(self) -> float:
        """Seconds of the past that the server still gives."""
        return min(self.seconds, 60.0)

    @property
    def lull(self) -> float:
        """Seconds without data that are nothing to speak of: segments come whole."""
        return 2 * self._playlist.target + 1

    def stretches(self) -> "Iterator[Hls | Lost]":
        """Itself for each run of segments that follow each other, and what is lost between."""
        while self._at < len(self._data) or self._load():
            if self._lost:
                yield Lost(self._lost)
                self._lost = 0.0
            self._fresh = False
            yield self
            if not self._fresh:  # it could not be decoded further
                self._data, self._anew = b"", True

    def read(self, size: int) -> bytes:
        """Up to `size` bytes as soon as there are any; none where the stretch is over.

        Raises `WebError` where there is no hope for more.
        """
        if self._at >= len(self._data) and not self._fresh:
            self._load()
        if self._fresh:
            return b""
        data = self._data[self._at : self._at + size]
        self._at += len(data)
        return data

    def close(self) -> None:
        """Nothing stays open between segments."""

    def _first(self) -> int:
        segments = self._playlist.segments
        if not segments:
            return 0
        return segments[-_BEHIND if self.live and len(segments) > _BEHIND else 0].number

    def _load(self) -> bool:
        """Have the bytes of the next segment that can be had; whether there is one."""
        while (segment := self._awaited()) is not None:
            self._next, self._since = segment.number + 1, time.monotonic()
            self._data, self._at = b"", 0
            try:
                self._data = self._with_header(segment)
            except WebError as error:
                self._give_up(segment, error)
                continue
            self.fault = ""
            return True
        return False

    def _with_header(self, segment: Segment) -> bytes:
        """A segment, with its header in front where a new stretch begins."""
        data = self._bytes(segment.part)
        self._anew = self._anew or segment.fresh or self._lost > 0
        self._fresh, self._anew = self._anew or segment.header != self._header, False
        if self._fresh and segment.header:
            data = self._bytes(segment.header) + data
        self._header = segment.header
        return data

    def _give_up(self, segment: Segment, error: WebError) -> None:
        """Go on without a segment of a broadcast. Raises `WebError` where there is no hope."""
        self._client.reach.check()
        if not self.live:
            raise error
        self._lost += segment.seconds
        self._note(error)

    def _awaited(self) -> Segment | None:
        """The next segment as soon as the playlist has it; `None` at the end."""
        heard_of = time.monotonic()
        while True:
            for segment in self._playlist.segments:
                if segment.number >= self._next:
                    self._lost += self._passed_over(segment.number - self._next)
                    return segment
            if self._playlist.ends:
                return None
            self._client.reach.wait(min(max(self._playlist.target / 2, 0.25), _LONGEST_WAIT))
            self._reload()
            if time.monotonic() - heard_of > self.lull:
                self.fault = self.fault or f"{self._address.shown} has no new sound"

    def _passed_over(self, count: int) -> float:
        """The seconds of so many segments that are gone; none where the count began anew.

        It did where time was too short for them all, besides those that were there already.
        """
        if not count:
            return 0.0
        segments, seconds = self._playlist.segments, max(self._playlist.seconds, 0.1)
        since = time.monotonic() - self._since
        if count > _BEHIND + len(segments) * (1 + since / seconds):
            self._anew = True
            return 0.0
        return count * seconds / len(segments)

    def _reload(self) -> None:
        try:
            response = self._client.get(self._address)
            text = _whole(response, LARGEST_PLAYLIST, time.monotonic() + _PATIENCE)
            playlist = read_playlist(self._address, text)
        except WebError as error:
            self._client.reach.check()
            self._note(error)
            return
        self._refusals = 0
        self.fault = ""
        newest = playlist.segments[-1].number if playlist.segments else self._next
        if newest < self._next - len(playlist.segments) - _BEHIND:
            self._next = playlist.segments[0].number  # the broadcast began to count anew
            self._anew = True
        self._playlist = playlist

    def _note(self, error: WebError) -> None:
        self._refusals += error.final
        if self._refusals > _REFUSALS:
            raise error from None
        self.fault = str(error).partition(":")[0]

    def _bytes(self, part: Part) -> bytes:
        """A segment or header, whole. Raises `WebError` after several attempts."""
        patience = max(_PATIENCE, 4 * self._playlist.target) if self.live else float("inf")
        deadline = time.monotonic() + patience
        for wait in _WAITS:
            try:
                return _fetched(self._client, part, deadline)
            except WebError as error:
                if error.final or time.monotonic() + wait > deadline:
                    raise
                self.fault = str(error).partition(":")[0]
                self._client.reach.wait(wait)
        return _fetched(self._client, part, deadline)


def _fetched(client: Client, part: Part, deadline: float) -> bytes:
    if part.count is None:
        return _whole(client.get(part.address), _LARGEST_SEGMENT, deadline)
    end = part.start + part.count
    response = client.get(part.address, {"Range": f"bytes={part.start}-{end - 1}"})
    data = _whole(response, _LARGEST_SEGMENT, deadline)
    return data[part.start : end] if response.status == 200 else data[: part.count]


def _whole(response: Response, limit: int, deadline: float) -> bytes:
    """A body of `limit` bytes at most that came before a monotonic second. Raises `WebError`."""
    body, name = bytearray(), response.address.shown
    try:
        while data := response.read(65_536):
            body += data
            if len(body) > limit:
                raise WebError(
                    f"{name} sends more than the {limit // 2**20} MiB that captty takes in one"
                    " piece: try another address",
                    final=True,
                )
            if time.monotonic() > deadline:
                raise WebError(f"{name} sends its sound too slowly: try again later")
        return bytes(body)
    finally:
        response.close()


def _media(client: Client, address: Address, text: bytes) -> tuple[Address, Playlist]:
    """The playlist that holds segments: of several, the smallest that has sound."""
    chosen = choose_variant(address, text)
    if chosen:
        response = client.get(chosen)
        text = _whole(response, LARGEST_PLAYLIST, time.monotonic() + _PATIENCE)
        address = response.address
    return address, read_playlist(address, text)
