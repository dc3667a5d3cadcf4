"""Sound from the web as a `Source`: decoded on a thread, so that what stalls can be told."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import Empty, Full, Queue
from threading import Event, Thread

import av
from av.container import InputContainer

from tui.audio.container import OPTIONS
from tui.audio.position import clock
from tui.audio.source import CHUNK_SAMPLES, Fact, Missed, SourceError, SourceInfo, Trouble
from tui.audio.track import LONGEST, Track
from tui.audio.web.client import Client, WebError
from tui.audio.web.clock import BroadcastClock
from tui.audio.web.flow import Body, Flow, Lost, Stretch
from tui.captions import SAMPLE_RATE, clean

_AHEAD_SECONDS = 30
_OPENING_SECONDS = 30.0
_TICK = 0.25
_FAULT_SECONDS = 1.0
"""A fault that is over sooner is not worth a word."""
_BURST_SECONDS = 1.0
_MOST_MISSED = 60 * SAMPLE_RATE
_UNSETTLED = 5 * SAMPLE_RATE
"""Samples in which FFmpeg's time stamps may jump where a listener joins an Ogg stream."""
_FAILURES = 5
"""Stretches without sound, one after another, before a broadcast is given up."""
_QUICK = {"probesize": "65536", "analyzeduration": "100000"}
"""FFmpeg would listen to a broadcast for 5 s before it hands over any of it. (With `nobuffer`, it
would give some packets of MPEG-TS twice.)"""


@dataclass(frozen=True, slots=True)
class _Heard:
    pcm: bytes
    at: float


@dataclass(frozen=True, slots=True)
class _Seam:
    """A new stretch of a broadcast, of which so many samples came at once."""

    waiting: int
    at: float


_Item = _Heard | _Seam | Lost | SourceError | None


class WebSource:
    """A `Source`: what a flow gives, with what it misses where it is live."""

    def __init__(
        self, client: Client, flow: Flow, info: SourceInfo, start: float = 0.0, *, seams: bool
    ) -> None:
        """Waits for the first sound. Raises `SourceError` where there is none.

        `info` may lack name and length; `start` in seconds is for a single stretch. With `seams`,
        the clock tells what is lost between two stretches.
        """
        self._client, self._flow, self._info = client, flow, info
        self._start, self._seams = start, seams
        self._samples = info.samples
        self._title = ""
        self._items: Queue[_Item] = Queue(_AHEAD_SECONDS * SAMPLE_RATE // CHUNK_SAMPLES)
        self._begun, self._closed = Event(), Event()
        self._refusal: SourceError | None = None
        self._heard = 0
        self._clock: BroadcastClock | None = None
        self._sentence = ""
        self._surplus = 0
        """Samples that come next and were heard before."""
        self._missed = 0
        """Samples given as missing of which it is not certain that they are lost."""
        Thread(target=self._run, name="web", daemon=True).start()
        self._await_sound()

    @property
    def info(self) -> SourceInfo:
        """Name and length as they were known when the sound began."""
        return self._info

    def chunks(self) -> Iterator[bytes | Fact]:
        """PCM16 little-endian mono at 16 000 Hz, with facts between.

        Raises `SourceError` where the sound breaks off for good.
        """
        last = time.monotonic()
        while not self._closed.is_set():
            try:
                item = self._items.get(timeout=_TICK)
            except Empty:
                yield from self._idle(time.monotonic() - last)
                continue
            if item is None:
                return
            if isinstance(item, SourceError):
                raise item
            last = time.monotonic()
            yield from self._told(item)

    def close(self) -> None:
        """Let go of the server; may be called twice, and from any thread."""
        self._closed.set()
        self._client.close()

    def _await_sound(self) -> None:
        if not self._begun.wait(_OPENING_SECONDS):
            self._refusal = WebError(
                f"{self._client.typed.shown} gives no sound: try again later", final=True
            )
        if self._refusal:
            self.close()
            raise self._refusal
        name = self._flow.name
        if self._seams and self._title:
            name += f" · {self._title}"
        self._info = replace(self._info, name=name, samples=self._samples)

    # what the thread does

    def _run(self) -> None:
        try:
            self._decode_all()
            if not self._heard:
                raise SourceError(f"{self._flow.name} has no sound in it: check the address")
            self._put(None)
        except Exception as error:  # whatever it is, the reader must not wait for ever
            self._end(error)
        finally:
            self._flow.close()
            self._begun.set()

    def _end(self, error: Exception) -> None:
        if not isinstance(error, SourceError):
            error = SourceError(
                f"the sound could not be decoded further ({type(error).__name__}): try a copy"
            )
        if not self._begun.is_set():
            self._refusal = error
        self._put(error)

    def _decode_all(self) -> None:
        failures = 0
        for stretch in self._flow.stretches():
            if isinstance(stretch, Lost):
                self._put(stretch)
                continue
            before = self._heard
            try:
                self._decode(stretch)
            except WebError:
                raise
            except SourceError:
                failures = 0 if self._heard > before else failures + 1
                if not (self._info.live and self._heard) or failures > _FAILURES:
                    raise

    def _decode(self, stretch: Stretch) -> None:
        """Hear a stretch; where its server fails, that is told behind all that came before."""
        body = Body(stretch, self._flow.name)
        try:
            self._hear_all(body)
        except SourceError:
            if not body.error:
                raise
        if body.error:
            raise self._broken_off(body.error)

    def _hear_all(self, body: Body) -> None:
        track = self._track(body)
        try:
            chunks = track.chunks()
            if self._seams and self._heard:
                self._mark_seam(chunks)
            settled = self._heard + (_UNSETTLED if self._seams else 0)
            for chunk in chunks:
                if isinstance(chunk, bytes):
                    self._hear(_Heard(chunk, time.monotonic()))
                elif self._heard >= settled:
                    self._put(Lost(chunk.samples / SAMPLE_RATE))
        finally:
            track.close()

    def _track(self, body: Body) -> Track:
        name, live = self._flow.name, self._info.live
        try:
            container = av.open(
                body,
                mode="r",
                format=self._flow.format,
                options={**OPTIONS, "protocol_whitelist": "none", **(_QUICK if live else {})},
                metadata_errors="replace",
                buffer_size=4_096 if live else 32_768,
            )
        except av.FFmpegError:
            raise SourceError(
                f"{name} is no sound or video that captty can read: check the address"
            ) from None
        self._title = self._title or _title(container)
        if self._start:  # it may have to be read up to there
            body.recognised()
        track = Track(container, name, self._start, live=live)
        body.recognised()
        self._samples = self._samples or track.samples
        return track

    def _mark_seam(self, chunks: Iterator[bytes | Missed]) -> None:
        """Put how much comes at once in front of it: the clock needs to know before."""
        burst, end = list[_Heard](), time.monotonic() + _BURST_SECONDS
        try:
            while not burst or burst[-1].at < end:
                if isinstance(chunk := next(chunks), bytes):
                    burst.append(_Heard(chunk, time.monotonic()))
        except StopIteration:
            pass
        finally:
            if burst:
                self._put(_Seam(sum(len(heard.pcm) // 2 for heard in burst), burst[-1].at))
            for heard in burst:
                self._hear(heard)

    def _hear(self, heard: _Heard) -> None:
        if not self._info.live and self._heard >= LONGEST * SAMPLE_RATE:
            raise SourceError(
                f"{self._flow.name} is longer than {LONGEST // 3600} hours, where captty stops:"
                " cut it into parts"
            )
        self._heard += len(heard.pcm) // 2
        self._put(heard)
        self._begun.set()

    def _put(self, item: _Item) -> None:
        while not self._closed.is_set():
            with suppress(Full):
                self._items.put(item, timeout=_TICK)
                return

    def _broken_off(self, error: WebError) -> WebError:
        if not self._heard or self._info.live:
            return error
        reached = clock(self._start + self._heard / SAMPLE_RATE)
        reason, _, advice = str(error).rpartition(": ")
        return WebError(f"{self._flow.name} breaks off at {reached} ({reason}): {advice}")

    # what the reader does

    def _told(self, item: _Heard | _Seam | Lost) -> Iterator[bytes | Fact]:
        if isinstance(item, _Heard):
            yield from self._sounded(item)
        elif isinstance(item, _Seam):
            yield from self._seam(item)
        else:
            yield from self._lose(round(item.seconds * SAMPLE_RATE))

    def _sounded(self, heard: _Heard) -> Iterator[bytes | Fact]:
        self._clock = self._clock or BroadcastClock(heard.at)
        if self._sentence:
            self._sentence = ""
            yield Trouble("")
        self._missed = max(self._missed - len(heard.pcm) // 2, 0)
        cut = min(2 * self._surplus, len(heard.pcm))
        self._surplus -= cut // 2
        if pcm := heard.pcm[cut:]:
            self._clock.hear(len(pcm) // 2, heard.at)
            yield pcm

    def _seam(self, seam: _Seam) -> Iterator[Fact]:
        """Silence for what was lost; what was heard before is cut off."""
        if self._clock:
            gap = self._clock.gap(seam.waiting, seam.at)
            self._surplus = min(max(-gap, 0), seam.waiting)
            yield from self._miss(gap)

    def _lose(self, samples: int) -> Iterator[Fact]:
        """Silence for what the server says is lost, as far as the clock lets it be true."""
        if self._clock:
            ahead = self._flow.reserve + _AHEAD_SECONDS
            possible = self._clock.possible(ahead, time.monotonic())
            yield from self._miss(min(samples - self._missed, possible))
            self._missed = 0

    def _idle(self, seconds: float) -> Iterator[Fact]:
        """Nothing came for so long."""
        fault = self._flow.fault if seconds >= _FAULT_SECONDS else ""
        if not fault and (self._sentence or seconds >= self._flow.lull):
            fault = f"{self._client.typed.shown} sends no sound"
        if fault and not self._sentence:
            self._sentence = f"{fault}; captty keeps trying"
            yield Trouble(self._sentence)
        if self._sentence and self._info.live and self._clock:
            due = self._clock.due(time.monotonic()) - round(self._flow.reserve * SAMPLE_RATE)
            yield from self._miss(due if due >= SAMPLE_RATE else 0)

    def _miss(self, samples: int) -> Iterator[Missed]:
        if samples <= 0:
            return
        given = min(samples, _MOST_MISSED)
        cause = f"no sound from {self._client.typed.shown}"
        if self._clock:
            self._clock.miss(given)
            self._clock.stand_still(samples - given)
        if samples > given:
            cause += f", {clock((samples - given) / SAMPLE_RATE)} more were left out"
        self._missed += samples
        yield Missed(given, cause)


def _title(container: InputContainer) -> str:
    """What an Ogg station says of the piece it plays, clean."""
    tags: dict[str, str] = {}
    for stream in container.streams.audio:
        tags |= {name.lower(): text for name, text in stream.metadata.items()}
    parts = (clean(tags.get(name, ""), 120) for name in ("artist", "title"))
    return " - ".join(filter(None, parts))
