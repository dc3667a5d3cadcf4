"""The client of the notebook that started it all, with another address and another file."""

import asyncio
import json
import threading
import time
import urllib.parse
import wave
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
import websocket

from tests.unit.server.serving import CLIPS, recording, serving

KEY = "the-notebook-s-key"


@pytest.fixture
async def base_url() -> AsyncIterator[str]:
    """A server as `captty serve --token` runs it."""
    async with serving(token=KEY) as address:
        yield f"ws://{address}"


def notebook(base_url: str, path: str) -> tuple[dict[str, str], list[str]]:
    """What the notebook does, as it does it; returns its segments and what went wrong."""
    chunk_size_ms = 50
    with closing(wave.open(path)) as sound:
        frames = int(chunk_size_ms * sound.getframerate() / 1000)
        audio_chunk_bytes = list(iter(lambda: sound.readframes(frames), b""))

    lock = threading.Lock()
    segments: dict[str, str] = {}
    mistakes: list[str] = []
    threads: list[threading.Thread] = []

    def on_open(ws: Any) -> None:
        def stream_audio(ws: Any) -> None:
            for chunk in audio_chunk_bytes:
                ws.send(chunk, opcode=websocket.ABNF.OPCODE_BINARY)
                time.sleep(chunk_size_ms / 1000)

            final_checkpoint = json.dumps({"checkpoint_id": "final"})
            ws.send(final_checkpoint, opcode=websocket.ABNF.OPCODE_TEXT)

        threads.append(threading.Thread(target=stream_audio, args=(ws,)))
        threads[-1].start()

    def on_error(ws: Any, error: Exception) -> None:
        mistakes.append(repr(error))

    def on_message(ws: Any, message: Any) -> None:
        message = json.loads(message)
        if message.get("checkpoint_id") == "final":
            ws.close()
            return

        updated_segments = {segment["id"]: segment["text"] for segment in message["segments"]}
        with lock:
            segments.update(updated_segments)

    url = f"{base_url}/v1/audio/transcriptions/streaming"
    params = urllib.parse.urlencode({"language": "en"})
    ws = websocket.WebSocketApp(
        f"{url}?{params}",
        header={"Authorization": KEY},
        on_open=on_open,
        on_message=on_message,
        on_error=on_error,
    )
    ws.run_forever()
    for thread in threads:
        thread.join()
    return segments, mistakes


async def test_the_notebook_gets_its_transcript(base_url: str) -> None:
    assert recording("austen_0890.wav")
    path = str(CLIPS / "austen_0890.wav")
    segments, mistakes = await asyncio.to_thread(notebook, base_url, path)
    assert mistakes == []
    assert list(segments) == [str(number) for number in range(len(segments))]
    said = " ".join(segments.values()).split()
    assert {"be", "rather", "cold", "hearted", "selfish"} <= set(said)
