"""The language switched by keys on a real terminal, while people speak."""

import asyncio
import wave
from pathlib import Path

from tests.faults.server import OracleServer, Script, oracle_server
from tests.spoken import Spoken, said_in
from tests.terminals import CAPTTY, on_pty
from tui.captions import SAMPLE_RATE, EventKind
from tui.sessions.record import SessionRecord, SessionState
from tui.sessions.store import SessionStore


def spoken_file(path: Path, seconds: int) -> Path:
    """A WAV file of so many spoken seconds."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(b"".join(Spoken(seconds).chunks()))
    return path


def text(record: SessionRecord) -> list[str]:
    return [word for one in record.segments for word in one.segment.text.split()]


async def heard(server: OracleServer, seconds: int) -> None:
    """Return once the newest connection has heard so much."""
    async with asyncio.timeout(30):
        while server.streams[-1].heard < seconds * SAMPLE_RATE:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_keys_switch_the_language_and_no_word_is_lost_or_doubled(tmp_path: Path) -> None:
    path = spoken_file(tmp_path / "spoken.wav", 600)
    async with oracle_server(Script(words_a_segment=2)) as server:
        address = f"ws://127.0.0.1:{server.port}"
        argv = [*CAPTTY, str(path), "--server", address, "--language", "en"]
        with on_pty(tmp_path, argv) as terminal:
            await asyncio.to_thread(terminal.wait_for, b"w00003")
            terminal.press(b"l")
            await asyncio.to_thread(terminal.wait_for, b"Deutsch")
            terminal.press(b"deutsch\r")
            await asyncio.to_thread(terminal.wait_for, b"language: German")
            await heard(server, 4)
            terminal.press(b"l")
            await asyncio.to_thread(terminal.wait_for, b"the server detects it")
            terminal.press(b"\r")
            await asyncio.to_thread(terminal.wait_for, b"language: English")
            await heard(server, 4)
            terminal.press(b"\x11")
            assert await asyncio.to_thread(terminal.wait) == 0
    record = SessionStore(tmp_path / ".local/share/captty").load("last")
    assert text(record) == said_in(record.samples)
    languages = [one.segment.language for one in record.segments]
    assert languages[0] == languages[-1] == "en"
    assert "de" in languages
    switched = [event.text for event in record.events if event.kind is EventKind.LANGUAGE]
    assert switched == ["German", "English"]
    assert record.summary.state is SessionState.COMPLETE
