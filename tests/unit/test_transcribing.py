"""`captty transcribe` as scripts use it: several sounds, pipes, positions, recordings."""

import asyncio
import wave
from dataclasses import dataclass
from pathlib import Path

import pytest
import srt

from tests.faults.server import OracleServer, Script, oracle_server
from tests.spoken import Spoken, words
from tests.terminals import CAPTTY, home
from tui.captions import SAMPLE_RATE
from tui.sessions.export import export
from tui.sessions.lines import RECORDING
from tui.sessions.store import SessionStore


@dataclass(frozen=True)
class Done:
    """How a run of captty ended."""

    code: int
    out: str
    err: str


async def transcribe(
    folder: Path, server: OracleServer | None, *arguments: str, stdin: bytes = b""
) -> Done:
    """Run `captty transcribe` without a terminal."""
    address = ["--server", f"ws://127.0.0.1:{server.port}"] if server else []
    process = await asyncio.create_subprocess_exec(
        *CAPTTY,
        *("transcribe", *arguments, *address),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=home(folder),
        cwd=folder,
    )
    out, err = await asyncio.wait_for(process.communicate(stdin), 60)
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


def pcm(seconds: int, first: int = 0) -> bytes:
    return b"".join(Spoken(seconds, first).chunks())


def spoken_file(path: Path, seconds: int, first: int = 0) -> Path:
    """A WAV file of so many spoken seconds."""
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm(seconds, first))
    return path


def said(text: str) -> list[str]:
    """The words of cues."""
    return [word for cue in srt.parse(text) for word in cue.content.split()]


async def test_several_files_become_a_file_each_in_the_folder(tmp_path: Path) -> None:
    one = spoken_file(tmp_path / "one.wav", 3)
    two = spoken_file(tmp_path / "two.wav", 4, 10)
    other = spoken_file(tmp_path / "other" / "one.wav", 2, 20)
    out = tmp_path / "captions"
    async with oracle_server(Script(words_a_segment=1)) as server:
        arguments = (str(one), str(two), str(other), "--fast", "--format", "srt", "-o", str(out))
        done = await transcribe(tmp_path, server, *arguments)
    assert done.code == 0, done.err
    assert {path.name: said(path.read_text()) for path in out.iterdir()} == {
        "one.srt": words(3),
        "two.srt": words(4, 10),
        "one 2.srt": words(2, 20),
    }
    assert len(SessionStore(tmp_path / ".local/share/captty").list()) == 3


async def test_one_that_cannot_be_done_does_not_keep_the_others_back(tmp_path: Path) -> None:
    spoken_file(tmp_path / "one.wav", 2)
    spoken_file(tmp_path / "three.wav", 2, 5)
    async with oracle_server(Script(words_a_segment=1)) as server:
        files = ("one.wav", "two.wav", "three.wav")
        done = await transcribe(tmp_path, server, *files, "--fast")
    assert done.code == 1
    assert done.out.split() == [*words(2), *words(2, 5)]
    assert "two.wav is not there" in done.err
    assert "1 of 3" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a.wav", "b.wav", "--format", "srt"), "-o FOLDER"),
        (("a.wav", "b.wav", "-o", "no/such/folder"), "folder"),
        (("-", "-"), "once"),
        (("a.wav", "--raw", "s16le:16000:1"), "--raw"),
        (("-", "--raw", "mp3"), "s16le:16000:1"),
        (("a.wav", "--device", "USB"), "--device"),
        (("mic", "--start", "1:00"), "--start"),
        (("mic", "--fast"), "--fast"),
        (("a.wav", "--start", "noon"), "12:30"),
        (("a.wav", "--record", "--no-save"), "--no-save"),
    ],
)
async def test_wrong_usage_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = await transcribe(tmp_path, None, *arguments)
    assert done.code == 2, done
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert done.out == ""


@pytest.mark.parametrize("fast", [("--fast",), ()], ids=["fast", "paced"])
async def test_raw_sound_from_standard_input(tmp_path: Path, fast: tuple[str, ...]) -> None:
    async with oracle_server(Script(words_a_segment=1)) as server:
        arguments = ("-", "--raw", "s16le:16000:1", *fast)
        done = await transcribe(tmp_path, server, *arguments, stdin=pcm(6))
    assert done.code == 0, done.err
    assert done.out.split() == words(6)


async def test_a_file_from_standard_input(tmp_path: Path) -> None:
    stdin = spoken_file(tmp_path / "one.wav", 5).read_bytes()
    async with oracle_server(Script(words_a_segment=1)) as server:
        done = await transcribe(tmp_path, server, "-", "--fast", "--format", "jsonl", stdin=stdin)
    assert done.code == 0, done.err
    assert done.out.count('"source": "standard input"') == 5


@pytest.mark.parametrize(
    ("stdin", "words"), [(b"", "empty"), (b"noise" * 999, "--raw")], ids=["empty", "noise"]
)
async def test_what_is_no_sound_on_standard_input(tmp_path: Path, stdin: bytes, words: str) -> None:
    done = await transcribe(tmp_path, None, "-", stdin=stdin)
    assert done.code == 1
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert not SessionStore(tmp_path / ".local/share/captty").list()


async def test_an_address_that_is_none_keeps_no_file_back(tmp_path: Path) -> None:
    path = spoken_file(tmp_path / "one.wav", 2)
    async with oracle_server(Script(words_a_segment=1)) as server:
        sources = ("ftp://me:sesame@x/", f"file://{path}", "--fast", "--format", "srt", "-o", "out")
        done = await transcribe(tmp_path, server, *sources)
    assert done.code == 1
    assert "1 of 2" in done.err
    assert "sesame" not in done.err
    assert said((tmp_path / "out" / "one.srt").read_text()) == words(2)


async def test_a_file_from_a_position_on(tmp_path: Path) -> None:
    path = spoken_file(tmp_path / "one.wav", 9)
    async with oracle_server(Script(words_a_segment=1)) as server:
        arguments = (str(path), "--fast", "--record", "--start", "0:04", "--format", "srt")
        done = await transcribe(tmp_path, server, *arguments)
        beyond = await transcribe(tmp_path, server, str(path), "--start", "1:00:00")
    assert said(done.out) == words(5, 4), done.err
    starts = [cue.start.total_seconds() for cue in srt.parse(done.out)]
    assert starts == [pytest.approx(second + 0.2, abs=0.01) for second in range(4, 9)]
    store = SessionStore(tmp_path / ".local/share/captty")
    assert said(export(store.load("last"), "srt")) == words(5, 4)
    assert [audio.start for audio in store.recordings("last")] == [4 * SAMPLE_RATE]
    assert beyond.code == 1
    assert "0:09" in beyond.err


async def test_a_recording_lies_beside_the_journal(tmp_path: Path) -> None:
    path = spoken_file(tmp_path / "one.wav", 4)
    async with oracle_server(Script(words_a_segment=1)) as server:
        done = await transcribe(tmp_path, server, str(path), "--fast", "--record")
    assert done.code == 0, done.err
    store = SessionStore(tmp_path / ".local/share/captty")
    assert [file.name for file in (store.folder("last") / RECORDING).iterdir()] == [
        "000000000000.opus"
    ]
