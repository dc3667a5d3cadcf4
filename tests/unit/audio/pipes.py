"""Pipes with somebody at the other end."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from tui.audio.pipe import PipeSource
from tui.audio.raw import RawFormat
from tui.audio.source import SourceError


@contextmanager
def piped(content: bytes | Iterable[bytes], raw: str | None = None) -> Iterator[PipeSource]:
    """A source into which everything is written as fast as it takes it; then comes the end."""
    reading, writing = os.pipe()
    pieces = [content] if isinstance(content, bytes) else content
    writer = Thread(target=_write, args=(writing, pieces), daemon=True)
    source = PipeSource.open(reading, RawFormat.parse(raw) if raw else None)
    writer.start()
    try:
        yield source
    finally:
        source.close()
        writer.join(10)
        assert not writer.is_alive()


def _write(fd: int, pieces: Iterable[bytes]) -> None:
    with suppress(BrokenPipeError), os.fdopen(fd, "wb", buffering=0) as file:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]


def heard(content: bytes | Iterable[bytes], raw: str | None = None) -> tuple[bytes, str]:
    """All the sound of a pipe, and the sentence with which it breaks off."""
    pcm = bytearray()
    with piped(content, raw) as source:
        try:
            for chunk in source.chunks():
                assert isinstance(chunk, bytes)
                pcm += chunk
        except SourceError as error:
            return bytes(pcm), str(error)
    return bytes(pcm), ""


def heard_from(path: Path) -> tuple[bytes, str]:
    """The same for what is in a file."""
    return heard(path.read_bytes())
