"""HLS playlists (RFC 8216), read with limits on what they may cost."""

import re
from dataclasses import dataclass
from math import isfinite

import m3u8

from tui.audio.web.address import Address, WebError

LARGEST_PLAYLIST = 4 * 2**20
"""Bytes."""
_MOST_LINES = 100_000
"""A day in segments of 2 s."""
_LONGEST_LINE = 8_192
_MOST_KEYS = 100
"""The parser compares each segment with all keys."""
_KEPT = 200
"""Newest segments of a broadcast; some keep hours of the past in their playlist."""
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
"""Where `str.splitlines` splits, which the parser uses."""
_VARIANTS = ("#EXT-X-STREAM-INF:", "#EXT-X-MEDIA:")
"""Each of the first gets a list of the others."""
_KEY, _HEADER, _SEGMENT = ("#EXT-X-KEY",), ("#EXT-X-MAP",), ("#EXTINF",)
_LIMITS = (
    *((_SEGMENT, 50_000, "segments"), (_VARIANTS, 1_000, "variants")),
    (_HEADER, 1_000, "headers of segments"),
)
_TAGS = (
    *(*_VARIANTS, *_KEY, *_HEADER, *_SEGMENT, "#EXT-X-BYTERANGE", "#EXT-X-DISCONTINUITY"),
    *("#EXT-X-ENDLIST", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-TARGETDURATION"),
)
"""What tells where the sound is; nothing else is parsed."""


@dataclass(frozen=True, slots=True)
class Part:
    """Where bytes are."""

    address: Address
    """Where they are asked for."""
    start: int = 0
    """The first byte."""
    count: int | None = None
    """Bytes, or all that stand there."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the sound."""

    number: int
    """One more than that of the segment before."""
    part: Part
    """Its bytes."""
    seconds: float
    """Its duration as the playlist tells it, an hour at most."""
    fresh: bool
    """Whether it begins a new clock or form."""
    header: Part | None
    """What has to come first."""


@dataclass(frozen=True, slots=True)
class Playlist:
    """Segments in their order."""

    segments: list[Segment]
    """All of what is over, the newest of a broadcast."""
    ends: bool
    """Whether no further ones will come."""
    target: float
    """The longest duration of a segment, in seconds."""

    @property
    def seconds(self) -> float:
        """The length of all segments."""
        return sum(segment.seconds for segment in self.segments)


def choose_variant(address: Address, text: bytes) -> Address | None:
    """Of several playlists that a playlist names, the smallest with sound; none where it is one.

    Raises `WebError` where it cannot be followed.
    """
    parsed = _loaded(address, text)
    return address.join(_smallest(address, parsed)) if parsed.is_variant else None


def read_playlist(address: Address, text: bytes) -> Playlist:
    """The segments that the text at an address names. Raises `WebError` where there are none."""
    try:
        return _playlist(address, _loaded(address, text))
    except (TypeError, ValueError, OverflowError):
        raise _damaged(address) from None


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


def _playlist(address: Address, parsed: m3u8.M3U8) -> Playlist:
    if parsed.is_variant:
        raise _damaged(address)
    ends, segments = bool(parsed.is_endlist), list[Segment]()
    passed = 0 if ends else max(len(parsed.segments) - _KEPT, 0)
    first = (parsed.media_sequence or 0) + passed
    for number, segment in enumerate(parsed.segments[passed:], first):
        segments.append(_segment(address, number, segment, segments[-1] if segments else None))
    longest = max((segment.seconds for segment in segments), default=6.0)
    target = max(_seconds(parsed.target_duration, 60.0) or longest, 0.1)
    return Playlist(segments, ends, target)


def _segment(
    address: Address, number: int, segment: m3u8.Segment, before: Segment | None
) -> Segment:
    if segment.key and segment.key.method not in (None, "NONE"):
        raise _encrypted(address)
    header = segment.init_section
    return Segment(
        number,
        _part(address, segment.uri or "", segment.byterange, before.part if before else None),
        _seconds(segment.duration, 3600.0),
        bool(segment.discontinuity),
        _part(address, header.uri or "", header.byterange, None) if header else None,
    )


def _seconds(value: float | None, most: float) -> float:
    seconds = float(value or 0)
    return min(max(seconds, 0.0), most) if isfinite(seconds) else 0.0


def _part(address: Address, reference: str, span: str | None, before: Part | None) -> Part:
    """`span` is `count@start`; without a start it goes on behind the part before."""
    if not span:
        return Part(address.join(reference))
    count, _, start = span.partition("@")
    behind = before.start + (before.count or 0) if before else 0
    return Part(address.join(reference), int(start) if start else behind, int(count))


def _loaded(address: Address, text: bytes) -> m3u8.M3U8:
    lines = _lines(address, text)
    try:
        return m3u8.loads("\n".join(lines))
    except Exception:
        # whatever a broken playlist does to the parser, it is the playlist's fault
        raise _damaged(address) from None


def _lines(address: Address, text: bytes) -> list[str]:
    """The lines that count. Raises `WebError` where parsing them would take too long."""
    lines = _BREAKS.split(text.decode("utf-8", "replace"), _MOST_LINES)
    if len(lines) > _MOST_LINES:
        raise _excessive(address, f"{_MOST_LINES:,} lines")
    counted = [line for line in map(str.strip, lines) if line.startswith(_TAGS) or line[:1] != "#"]
    if max(map(len, counted), default=0) > _LONGEST_LINE:
        raise _excessive(address, f"{_LONGEST_LINE:,} letters in a line")
    for tags, most, name in _LIMITS:
        if sum(line.startswith(tags) for line in counted) > most:
            raise _excessive(address, f"{most:,} {name}")
    if len({line for line in counted if line.startswith(_KEY)}) > _MOST_KEYS:
        raise _encrypted(address)
    return counted


def _excessive(address: Address, limit: str) -> WebError:
    limit = limit.replace(",", " ")
    return WebError(
        f"{address.name} is a playlist of more than {limit}, where captty stops: try another"
        " address",
        final=True,
    )


def _encrypted(address: Address) -> WebError:
    return WebError(
        f"{address.name} is encrypted, which captty does not undo: look for an open address",
        final=True,
    )


def _damaged(address: Address) -> WebError:
    return WebError(
        f"{address.name} is a playlist that captty cannot follow: try another address", final=True
    )
