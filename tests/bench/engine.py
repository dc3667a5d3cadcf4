"""The embedded engine on real English speech: in process and over the embedded server."""

import asyncio
import csv
import json
import re
import resource
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import jiwer

from tui.audio.media import MediaFile
from tui.audio.source import CHUNK_SAMPLES
from tui.captions import SAMPLE_RATE
from tui.server.embedded import EmbeddedServer
from tui.server.engines.pocketsphinx_stream import PocketSphinxStream
from tui.wire.endpoint import Endpoint, Request

SPEECH = Path(__file__).parents[3] / "shared" / "speech"
GROUPS = ("read", "spont", "cmd")
PACED_SECONDS = 30.0
"""Length of the clips that are also sent in real time, together."""


@dataclass(frozen=True)
class Clip:
    """A recording and what is said in it."""

    group: str
    words: str
    chunks: list[bytes]
    """50 ms each."""

    @property
    def seconds(self) -> float:
        """Its length."""
        return sum(map(len, self.chunks)) / 2 / SAMPLE_RATE


@dataclass
class Result:
    """What one way of recognising made of the clips."""

    way: str
    said: list[str] = field(default_factory=list)
    """One text a clip."""
    cpu: float = 0.0
    """Seconds, with the loading of models."""
    wall: float = 0.0
    first_partials: list[float] = field(default_factory=list)
    """Seconds from the beginning of a segment to its first text."""
    ends: list[float] = field(default_factory=list)
    """Seconds of CPU when a segment settles."""

    def row(self, clips: list[Clip]) -> str:
        """The figures in one line."""
        rates = "  ".join(
            f"{group} {100 * self._error_rate(clips, {group}):5.1f}" for group in GROUPS
        )
        audio = sum(clip.seconds for clip in clips)
        cells = [
            f"engine, {self.way:10}",
            f"WER % all {100 * self._error_rate(clips, set(GROUPS)):5.1f}  {rates}",
            f"cpu {self.cpu / audio:.2f}  wall {self.wall / audio:.2f} x real time",
        ]
        if self.first_partials:
            cells.append(f"first text {statistics.median(self.first_partials):.2f} s")
        if self.ends:
            p50, p95 = (sorted(self.ends)[int(share * len(self.ends))] for share in (0.5, 0.95))
            cells.append(f"settling {1000 * p50:.0f} / {1000 * p95:.0f} ms of cpu, p50 / p95")
        return "   ".join(cells)

    def _error_rate(self, clips: list[Clip], groups: set[str]) -> float:
        pairs = [
            (clip.words, said)
            for clip, said in zip(clips, self.said, strict=True)
            if clip.group in groups
        ]
        rate: float = jiwer.wer([words for words, _ in pairs], [said for _, said in pairs])
        return rate


def clips() -> list[Clip]:
    """The English recordings; none where they are not beside the checkout."""
    index = SPEECH / "clips.tsv"
    if not index.exists():
        return []
    with index.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Clip(
            row["group"],
            plain(row["transcript"]),
            list(MediaFile.open(SPEECH / row["file"]).chunks()),
        )
        for row in rows
        if row["lang"] == "en" and row["group"] in GROUPS
    ]


def plain(text: str) -> str:
    """Lower case, without punctuation."""
    text = re.sub(r"['’]", "", text.lower())
    return " ".join(re.sub(r"[^\w\s]", " ", text).split())


def in_process(speech: list[Clip]) -> Result:
    """The engine itself, in chunks of 50 ms."""
    result = Result("in process")
    started, cpu = time.perf_counter(), time.process_time()
    for clip in speech:
        result.said.append(_recognised(clip, result))
    result.wall, result.cpu = time.perf_counter() - started, time.process_time() - cpu
    return result


def _recognised(clip: Clip, result: Result) -> str:
    stream, heard = PocketSphinxStream(), 0
    texts: dict[int, str] = {}
    for chunk in [*clip.chunks, None]:
        cpu = time.process_time()
        hypotheses = stream.finish() if chunk is None else stream.feed(chunk)
        heard += len(chunk or b"") // 2
        for hypothesis in hypotheses:
            if hypothesis.number not in texts:
                result.first_partials.append((heard - hypothesis.start) / SAMPLE_RATE)
            if hypothesis.settled:
                result.ends.append(time.process_time() - cpu)
            texts[hypothesis.number] = hypothesis.text
    return plain(" ".join(texts.values()))


async def over_websocket(speech: list[Clip]) -> Result:
    """The embedded server, as fast as it takes the audio; one connection a clip."""
    result = Result("websocket")
    before = _children_cpu()
    async with EmbeddedServer() as endpoint:
        started = time.perf_counter()
        for clip in speech:
            result.said.append(await _streamed(endpoint, clip, None))
        result.wall = time.perf_counter() - started
    result.cpu = _children_cpu() - before
    return result


async def in_real_time(speech: list[Clip]) -> list[float]:
    """Seconds on the clock from a segment's beginning to its first text, at the speed of speech."""
    delays: list[float] = []
    left = PACED_SECONDS
    async with EmbeddedServer() as endpoint:
        for clip in sorted(speech, key=lambda clip: clip.seconds):
            left -= clip.seconds
            if left > 0:
                await _streamed(endpoint, clip, delays)
    return delays


async def _streamed(endpoint: Endpoint, clip: Clip, delays: list[float] | None) -> str:
    """What the server says; `delays` asks for real time and gets those of first texts."""
    texts: dict[str, str] = {}
    url = Request("en").url(endpoint)
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(url, headers=endpoint.headers()) as ws,
    ):
        started = time.perf_counter()
        sending = asyncio.create_task(_send(ws, clip, paced=delays is not None))
        while (message := await ws.receive_json()).get("checkpoint_id") != "final":
            for segment in message["segments"]:
                if delays is not None and segment["id"] not in texts:
                    delays.append(time.perf_counter() - started - segment["start"])
                texts[segment["id"]] = segment["text"]
        await sending
    return plain(" ".join(texts.values()))


async def _send(ws: aiohttp.ClientWebSocketResponse, clip: Clip, *, paced: bool) -> None:
    started = time.perf_counter()
    for number, chunk in enumerate(clip.chunks, start=1):
        if paced:
            spoken = number * CHUNK_SAMPLES / SAMPLE_RATE
            await asyncio.sleep(started + spoken - time.perf_counter())
        await ws.send_bytes(chunk)
    await ws.send_str(json.dumps({"checkpoint_id": "final"}))


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def table() -> Iterator[str]:
    """One row a way, and the delay of first texts in real time."""
    speech = clips()
    if not speech:
        yield "engine: the recordings are not beside this checkout"
        return
    yield in_process(speech).row(speech)
    yield asyncio.run(over_websocket(speech)).row(speech)
    delays = asyncio.run(in_real_time(speech))
    yield (
        f"engine, real time   first text {statistics.median(delays):.2f} s behind the beginning of "
        f"a segment, on the clock, median of {len(delays)}"
    )


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
