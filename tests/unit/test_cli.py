"""The command line as scripts and people use it: real processes, an empty home."""

import json
import subprocess
import wave
from itertools import pairwise
from pathlib import Path

import pytest

import tui.demo
from tests.pulse import MICROPHONE, PulseServer, needs_pulse, pulse
from tests.terminals import CAPTTY, home

__all__ = ["pulse"]

DEMO = Path(tui.demo.__file__).with_name("demo.opus")
Done = subprocess.CompletedProcess[str]


def captty(folder: Path, *arguments: str, **extra: str) -> Done:
    """Run captty without a terminal."""
    return subprocess.run(
        [*CAPTTY, *arguments],
        env={**home(folder), **extra},
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=100,
        check=False,
    )


def complaint(done: Done, code: int) -> str:
    """The one sentence on standard error of a command that could not do it."""
    assert done.returncode == code, (done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("captty: ")
    assert done.stdout == ""
    return lines[0]


def test_the_version_comes_without_the_heavy_libraries(tmp_path: Path) -> None:
    done = captty(tmp_path, "--version", PYTHONPROFILEIMPORTTIME="1")
    assert done.stdout.startswith("captty 0.")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"textual", "numpy", "av", "aiohttp", "soxr", "pocketsphinx"}


def test_help_names_sources_commands_and_options(tmp_path: Path) -> None:
    done = captty(tmp_path, "--help")
    assert done.returncode == 0
    for word in (
        "SOURCE",
        "mic",
        "demo",
        "transcribe",
        "devices",
        "sessions",
        "--server",
        "--theme",
    ):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("transcribe", "nothing.wav"), "nothing.wav"),
        (("nothing.wav",), "nothing.wav"),
        (("transcribe", ""), "demo"),
        (("transcribe", "~nosuchuser/x.wav"), "home"),
        (("transcribe", "http://127.0.0.1:9/a.mp3?key=sesame"), "127.0.0.1 refuses"),
        (("transcribe", "ftp://example.org/a.mp3"), "http://"),
        (("transcribe", "demo", "--server", "ftp://x"), "wss://"),
        (("transcribe", "demo", "--server", "wss://u:p@example.org"), "CAPTTY_API_KEY"),
        (("transcribe", "demo", "--server", "ws://127.0.0.1:9"), "refused"),
        (("sessions", "show", "20200101-000000-aaaa"), "sessions list"),
        (("sessions", "show", "../../etc/passwd"), "sessions list"),
        (("sessions", "show", "last"), "no session"),
        (("serve", "--host", "0.0.0.0"), "CAPTTY_TOKEN"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    assert words in complaint(captty(tmp_path, *arguments), 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "SOURCE"),
        (("transcribe",), "SOURCE"),
        (("transcribe", "demo", "--format", "doc"), "doc"),
        (("demo", "--language", "klingon"), "klingon"),
        (("demo", "--no-such-option"), "--no-such-option"),
    ],
)
def test_wrong_usage_exits_with_2(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in complaint(captty(tmp_path, *arguments), 2)


def test_a_key_for_a_plain_connection_stays_here(tmp_path: Path) -> None:
    arguments = ("transcribe", "demo", "--server", "ws://captions.example.org")
    sentence = complaint(captty(tmp_path, *arguments, CAPTTY_API_KEY="sesame"), 1)
    assert "wss://" in sentence
    assert "sesame" not in sentence


def test_hostile_names_reach_no_terminal(tmp_path: Path) -> None:
    done = captty(tmp_path, "transcribe", "a\x1b]0;b\x07\x9b31m\u202e.wav")
    assert "\x1b" not in done.stderr
    assert "\x9b" not in done.stderr
    assert "\u202e" not in done.stderr
    assert "31m.wav" in complaint(done, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [("server = 5", "text"), ("srever = 'x'", "srever"), ("server = ", "TOML")],
)
def test_a_wrong_configuration_file_is_explained(tmp_path: Path, text: str, words: str) -> None:
    config = tmp_path / ".config" / "captty" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(text)
    assert words in complaint(captty(tmp_path, "sessions", "list"), 1)


@needs_pulse
def test_devices_are_listed_by_name_and_host_api(
    tmp_path: Path,
    pulse: PulseServer,
) -> None:
    pulse.set_default_source("virt.monitor")
    done = captty(tmp_path, "devices", **pulse.environment)
    assert f"Monitor of {MICROPHONE}  (PulseAudio, monitor)  · default" in done.stdout.splitlines()
    found = json.loads(captty(tmp_path, "devices", "--json", **pulse.environment).stdout)
    assert [device["name"] for device in found if device["default"]] == [f"Monitor of {MICROPHONE}"]
    unknown = captty(tmp_path, "transcribe", "mic", "--device", "Bakelite", **pulse.environment)
    assert MICROPHONE in complaint(unknown, 1)


def test_flag_beats_environment_beats_file(tmp_path: Path) -> None:
    config = tmp_path / ".config" / "captty" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('server = "ftp://file"')
    by_file = captty(tmp_path, "transcribe", "demo")
    by_environment = captty(tmp_path, "transcribe", "demo", CAPTTY_SERVER="ftp://environment")
    by_flag = captty(
        tmp_path, "transcribe", "demo", "--server", "ftp://flag", CAPTTY_SERVER="ftp://environment"
    )
    assert "ftp://file" in complaint(by_file, 1)
    assert "ftp://environment" in complaint(by_environment, 1)
    assert "ftp://flag" in complaint(by_flag, 1)


def test_an_output_file_that_holds_something_is_kept(tmp_path: Path) -> None:
    held = tmp_path / "held.srt"
    held.write_text("precious")
    assert "exists" in complaint(captty(tmp_path, "transcribe", "demo", "-o", str(held)), 1)
    assert held.read_text() == "precious"


def test_sessions_list_of_an_empty_home(tmp_path: Path) -> None:
    done = captty(tmp_path, "sessions", "list", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_the_demo_is_transcribed_saved_shown_and_exported(tmp_path: Path) -> None:
    done = captty(tmp_path, "transcribe", "demo", "--fast", "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    captions = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(captions) >= 5
    assert all(set(c) == {"source", "id", "start", "end", "text", "language"} for c in captions)
    assert all(a["start"] <= b["start"] for a, b in pairwise(captions))

    (listed,) = json.loads(captty(tmp_path, "sessions", "list", "--json").stdout)
    assert listed["state"] == "complete"
    assert listed["engine"] == "pocketsphinx"
    assert listed["segments"] == len(captions)
    assert listed["id"] in done.stderr

    shown = json.loads(captty(tmp_path, "sessions", "show", "last", "--json").stdout)
    assert [segment["text"] for segment in shown["segments"]] == [c["text"] for c in captions]
    assert any(segment["revisions"] for segment in shown["segments"])
    assert {"start", "end", "text", "language", "revisions"} <= set(shown["segments"][0])
    assert shown["events"][0]["kind"] == "connected"

    exported = captty(tmp_path, "sessions", "export", listed["id"], "--format", "vtt")
    assert exported.stdout.startswith("WEBVTT\n\n1\n00:00:0")


def test_nothing_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    with wave.open(str(short), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    done = captty(tmp_path, "transcribe", str(short), "--fast", "--no-save")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert json.loads(captty(tmp_path, "sessions", "list", "--json").stdout) == []


@pytest.mark.parametrize("command", ["--version", "sessions list --json", "transcribe {} --fast"])
def test_a_full_output_is_one_sentence(tmp_path: Path, command: str) -> None:
    line = f"{CAPTTY[0]} -m tui {command.format(DEMO)} > /dev/full"
    done = subprocess.run(
        ["bash", "-c", line], env=home(tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the output cannot be written (No space left on device)" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_help_of_commands_names_no_hidden_one(tmp_path: Path) -> None:
    assert "captty open" not in captty(tmp_path, "demo", "--help").stdout
    alone = captty(tmp_path, "sessions")
    assert alone.returncode == 2
    assert len(alone.stderr.splitlines()) > 5


def test_a_closed_pipe_ends_it_quietly(tmp_path: Path) -> None:
    command = f"{CAPTTY[0]} -m tui transcribe demo --fast | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command], env=home(tmp_path), capture_output=True, text=True, check=False
    )
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
