"""HLS (RFC 8216): playlists of short segments, of a broadcast or of something that is over."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import m3u8

from tui.audio.web.client import Address, Client, WebError
from tui.audio.web.source import Lost

LARGEST_PLAYLIST = 4 * 2**20
"""Bytes."""
_LARGEST_SEGMENT = 64 * 2**20
_BEHIND = 3
"""Segments behind the newest one at which listening begins, as RFC 8216 § 6.3.3 asks."""
_MOST_SEGMENTS = 50_000
"""A day in segments of 2 s."""
_KEPT = 200
"""Newest segments of a broadcast; some keep hours of the past in their playlist."""
_WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further attempt at a segment."""
_LONGEST_WAIT = 10.0
_REFUSALS = 20
"""How often a broadcast may say that there is nothing for good before it is believed."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Where bytes are."""

    address: Address
    start: int = 0
    count: int | None = None
    """Bytes, or all that stand there."""


@dataclass(frozen=True, slots=True)
class _Segment:
    """A piece of the sound."""

    number: int
    part: _Part
    seconds: float
    fresh: bool
    """Whether it begins a new clock or form."""
    header: _Part | None
    """What has to come first."""


@dataclass(frozen=True, slots=True)
class _Playlist:
    segments: list[_Segment]
    ends: bool
    target: float
    """The longest duration of a segment, in seconds."""


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
        self._header: _Part | None = None
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
        return sum(segment.seconds for segment in self._playlist.segments)

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
        while self._data or self._load():
            if self._lost:
                yield Lost(self._lost)
                self._lost = 0.0
            self._fresh = False
            yield self
            if not self._fresh:  # it could not be decoded further
                self._data, self._header = b"", None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes as soon as there are any; none where the stretch is over.

        Raises `WebError` where there is no hope for more.
        """
        if not self._data and not self._fresh:
            self._load()
        if self._fresh:
            return b""
        data, self._data = self._data[:size], self._data[size:]
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
            self._next = segment.number + 1
            try:
                self._data = self._whole(segment)
            except WebError as error:
                self._give_up(segment, error)
                continue
            self.fault = ""
            return True
        return False

    def _whole(self, segment: _Segment) -> bytes:
        """A segment, with its header in front where a new stretch begins."""
        data = self._bytes(segment.part)
        self._fresh = segment.fresh or segment.header != self._header or self._lost > 0
        if self._fresh and segment.header:
            data = self._bytes(segment.header) + data
        self._header = segment.header
        return data

    def _give_up(self, segment: _Segment, error: WebError) -> None:
        """Go on without a segment of a broadcast. Raises `WebError` where there is no hope."""
        self._client.reach.check()
        if not self.live:
            raise error
        self._lost += segment.seconds
        self._note(error)

    def _awaited(self) -> _Segment | None:
        """The next segment as soon as the playlist has it; `None` at the end."""
        heard_of = time.monotonic()
        while True:
            for segment in self._playlist.segments:
                if segment.number >= self._next:
                    self._lost += (segment.number - self._next) * segment.seconds
                    return segment
            if self._playlist.ends:
                return None
            self._client.reach.wait(min(max(self._playlist.target / 2, 0.25), _LONGEST_WAIT))
            self._reload()
            if time.monotonic() - heard_of > self.lull:
                self.fault = self.fault or f"{self._address.shown} has no new sound"

    def _reload(self) -> None:
        try:
            text = self._client.get(self._address).read_all(LARGEST_PLAYLIST)
            playlist = _parse(self._address, text)
        except WebError as error:
            self._client.reach.check()
            self._note(error)
            return
        self._refusals = 0
        self.fault = ""
        newest = playlist.segments[-1].number if playlist.segments else self._next
        if newest < self._next - len(playlist.segments) - _BEHIND:
            self._next = playlist.segments[0].number  # the broadcast began to count anew
            self._header = None
        self._playlist = playlist

    def _note(self, error: WebError) -> None:
        self._refusals += error.final
        if self._refusals > _REFUSALS:
            raise error from None
        self.fault = str(error).partition(":")[0]

    def _bytes(self, part: _Part) -> bytes:
        """A segment or header, whole. Raises `WebError` after several attempts."""
        for wait in _WAITS:
            try:
                return _fetched(self._client, part)
            except WebError as error:
                if error.final:
                    raise
                self.fault = str(error).partition(":")[0]
                self._client.reach.wait(wait)
        return _fetched(self._client, part)


def _fetched(client: Client, part: _Part) -> bytes:
    if part.count is None:
        return client.get(part.address).read_all(_LARGEST_SEGMENT)
    end = part.start + part.count
    response = client.get(part.address, {"Range": f"bytes={part.start}-{end - 1}"})
    data = response.read_all(_LARGEST_SEGMENT)
    return data[part.start : end] if response.status == 200 else data[: part.count]


def _media(client: Client, address: Address, text: bytes) -> tuple[Address, _Playlist]:
    """The playlist that holds segments: of several, the smallest that has sound."""
    parsed = _loaded(address, text)
    if not parsed.is_variant:
        return address, _parse(address, text)
    address = address.join(_smallest(address, parsed))
    response = client.get(address)
    text, address = response.read_all(LARGEST_PLAYLIST), response.address
    return address, _parse(address, text)


def _smallest(address: Address, parsed: m3u8.M3U8) -> str:
    """The reference to the variant of the least bandwidth, or to its sound where that is apart."""
    variants = [one for one in parsed.playlists if one.uri and _has_sound(one.stream_info.codecs)]
    if not variants:
        raise WebError(f"{address.name} offers no sound: try another address", final=True)
    least = min(variants, key=lambda one: one.stream_info.bandwidth or 0)
    groups = [m for m in parsed.media if m.type == "AUDIO" and m.uri]
    named = [m for m in groups if m.group_id == least.stream_info.audio]
    chosen = [m for m in named if m.default == "YES"] or named
    return str(chosen[0].uri if chosen else least.uri)


def _has_sound(codecs: str | None) -> bool:
    sounds = ("mp4a", "ac-3", "ec-3", "opus", "flac", "alac", "mp3")
    return not codecs or any(sound in codecs.lower() for sound in sounds)


def _parse(address: Address, text: bytes) -> _Playlist:
    try:
        return _playlist(address, _loaded(address, text))
    except (TypeError, ValueError):
        raise _damaged(address) from None


def _playlist(address: Address, parsed: m3u8.M3U8) -> _Playlist:
    if parsed.is_variant:
        raise _damaged(address)
    ends, segments = bool(parsed.is_endlist), list[_Segment]()
    passed = 0 if ends else max(len(parsed.segments) - _KEPT, 0)
    first = (parsed.media_sequence or 0) + passed
    for number, segment in enumerate(parsed.segments[passed:], first):
        segments.append(_segment(address, number, segment, segments[-1] if segments else None))
    longest = max((segment.seconds for segment in segments), default=6.0)
    target = max(_seconds(parsed.target_duration, 60.0) or longest, 0.1)
    return _Playlist(segments, ends, target)


def _segment(
    address: Address, number: int, segment: m3u8.Segment, before: _Segment | None
) -> _Segment:
    if segment.key and segment.key.method not in (None, "NONE"):
        raise WebError(
            f"{address.name} is encrypted, which captty does not undo: look for an open address",
            final=True,
        )
    header = segment.init_section
    return _Segment(
        number,
        _part(address, segment.uri or "", segment.byterange, before.part if before else None),
        _seconds(segment.duration, 3600.0),
        bool(segment.discontinuity),
        _part(address, header.uri or "", header.byterange, None) if header else None,
    )


def _seconds(value: float | None, most: float) -> float:
    seconds = float(value or 0)
    return min(max(seconds, 0.0), most) if isfinite(seconds) else 0.0


def _part(address: Address, reference: str, span: str | None, before: _Part | None) -> _Part:
    """`span` is `count@start`; without a start it goes on behind the part before."""
    if not span:
        return _Part(address.join(reference))
    count, _, start = span.partition("@")
    behind = before.start + (before.count or 0) if before else 0
    return _Part(address.join(reference), int(start) if start else behind, int(count))


def _loaded(address: Address, text: bytes) -> m3u8.M3U8:
    if text.count(b"#EXTINF") > _MOST_SEGMENTS:
        raise _damaged(address)
    try:
        return m3u8.loads(text.decode("utf-8", "replace"))
    except Exception:
        # whatever a broken playlist does to the parser, it is the playlist's fault
        raise _damaged(address) from None


def _damaged(address: Address) -> WebError:
    return WebError(
        f"{address.name} is a playlist that captty cannot follow: try another address", final=True
    )
