"""What is offered as a sound: dropped files, devices, folders, what was used before."""

import os
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.captions import CapttyError
from tui.screens.recent import Recent, remembered
from tui.widgets.dropped import dropped
from tui.widgets.sounds import Device, Offer, Sounds, drawable, shown


@dataclass(frozen=True)
class Mic:
    """A device."""

    name: str
    host_api: str = "PulseAudio"
    default: bool = False
    monitor: bool = False


BUILT_IN = Mic("Built-in Audio", default=True)
HEADSET = Mic("USB Headset", "ALSA")
SPEAKERS = Mic("Monitor of Built-in Audio", monitor=True)

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
PATHS = NAMES.map(lambda name: "/" + name)


def wait(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Let threads work until it holds."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.005)


def looked(sounds: Sounds, text: str) -> list[Offer]:
    """What is offered for a text once its folder is read."""
    found = threading.Event()
    sounds.look(text, found.set)
    assert not sounds.reading(text) or found.wait(20)
    return sounds.offers(text)


def with_devices(*devices: Device, recent: Sequence[str] = ()) -> Sounds:
    """Sounds that have found these devices."""
    sounds, found = Sounds(lambda: devices, lambda: recent), threading.Event()
    sounds.arrive(found.set)
    assert found.wait(20)
    return sounds


# Dropped files


def backslashed(path: str) -> str:
    """As terminals escape each character that a shell would obey; a line break they quote."""
    return "".join(
        "'\n'" if char == "\n" else char if char.isalnum() or char == "/" else f"\\{char}"
        for char in path
    )


def url(path: str) -> str:
    return "file://" + quote(path)


QUOTINGS = (shlex.quote, backslashed, url, lambda path: f"file://localhost{quote(path)}")


@given(st.lists(st.tuples(PATHS, st.sampled_from(QUOTINGS)), min_size=1, max_size=4))
def test_dropped_files_are_named_by_their_real_paths(
    files: list[tuple[str, Callable[[str], str]]],
) -> None:
    pasted = " ".join(quoting(path) for path, quoting in files)
    assert dropped(pasted) == [path for path, _ in files]
    assert dropped(pasted + " ") == [path for path, _ in files]


@given(st.text())
def test_a_paste_of_any_kind_gives_paths_or_nothing(text: str) -> None:
    assert all(path.startswith(("/", "~/")) for path in dropped(text))


@pytest.mark.parametrize(
    ("pasted", "paths"),
    [
        ("/home/me/My Talk.mp3", ["/home/me/My Talk.mp3"]),
        ("/home/me/don't.mp3", ["/home/me/don't.mp3"]),
        ("~/talk.mp3", ["~/talk.mp3"]),
        ("file:///a%20b.mp3\r\nfile:///c.mp3\r\n", ["/a b.mp3", "/c.mp3"]),
        ("file:///a%FFb.mp3", ["/a\udcffb.mp3"]),
        ("https://example.org/talk.mp3", []),
        ("talk.mp3", []),
        ("demo", []),
        ("", []),
        ("file://[", []),
    ],
)
def test_pastes_as_terminals_make_them(pasted: str, paths: list[str]) -> None:
    assert dropped(pasted) == paths


# What is shown of a sound


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("https://example.org/live.mp3", "https://example.org/live.mp3"),
        ("https://me:key@example.org:8000/live?token=key#key", "https://example.org:8000/live?…"),
        ("https://example.org/live#key", "https://example.org/live#…"),
        ("https://example.org?key", "https://example.org?…"),
        ("https://me:ke/y@example.org/live", "https://…"),
        ("http://[::1]:8000/live", "http://[::1]:8000/live"),
        ("/a\x1b]0;x\x07b\u202e.wav", "/a]0;xb.wav"),
        ("", ""),
    ],
)
def test_no_secret_and_no_control_is_shown(source: str, words: str) -> None:
    assert shown(source) == words
    assert drawable(words) == words


KEYS = st.text("abcdef0123456789", min_size=12, max_size=20)


@given(KEYS, KEYS, st.sampled_from("?#"))
def test_a_key_in_an_address_is_neither_shown_nor_kept(key: str, path: str, sign: str) -> None:
    for address in (
        f"https://user:{key}@example.org/{path}",
        f"https://{key}@example.org/{path}",
        f"https://example.org/{path}{sign}token={key}",
    ):
        assert f"{key}@" not in shown(address)
        assert f"token={key}" not in shown(address)
        assert remembered(address) is None
    assert remembered(f"https://example.org/{path}") == f"https://example.org/{path}"


@pytest.mark.parametrize(
    "source",
    [
        *("", "-", "mic", "demo", "rtsp://example.org/x", "http://[", "http:///x", "https://:80/x"),
        "https://example.org/live;jsessionid=8A",
        "https://proxy.example.org/http://me:secret@example.net/x",
        "https://example.org/user@secret/x",
    ],
)
def test_what_needs_no_memory_or_cannot_be_opened_is_not_kept(source: str) -> None:
    assert remembered(source) is None


# What was used before


def test_recent_sounds_come_back_newest_first_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sounds"
    recent = Recent.sounds(path)
    for number in range(25):
        recent.use(f"/talks/{number}.mp3")
    recent.use("mic:USB Headset", "/hostile\n\x1b[2J\udcff.mp3", "https://example.org/live")
    kept = recent.entries
    wait(lambda: not [t for t in threading.enumerate() if t.name == "recent sounds"])
    assert Recent.sounds(path).entries == kept
    assert kept[:4] == [
        "https://example.org/live",
        "/hostile\n\x1b[2J\udcff.mp3",
        "mic:USB Headset",
        "/talks/24.mp3",
    ]
    assert len(kept) == 20
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["sounds"]


def test_a_file_of_sounds_that_somebody_wrote_names_no_secret_and_no_oddity(tmp_path: Path) -> None:
    path = tmp_path / "sounds"
    path.write_bytes(b"/a.mp3\nhttps://x/?key\nrelative.mp3\n\\x\n\xff\n/a.mp3\nmic\n")
    assert Recent.sounds(path).entries == ["/a.mp3"]


# Devices


def test_the_default_microphone_stands_first_monitors_after_microphones() -> None:
    sounds = with_devices(SPEAKERS, HEADSET, BUILT_IN, recent=["mic:USB Headset", "/talks/a.mp3"])
    assert [(offer.source, offer.kind, offer.note) for offer in sounds.offers("")] == [
        ("mic", "mic", "default, PulseAudio"),
        ("mic:USB Headset", "mic", "ALSA"),
        ("mic:Monitor of Built-in Audio", "monitor", "PulseAudio"),
        ("/talks/a.mp3", "file", "/talks"),
        ("demo", "demo", ""),
    ]
    assert [offer.source for offer in sounds.offers("headset")] == ["mic:USB Headset"]
    assert sounds.is_monitor("Monitor of Built-in Audio")
    assert not sounds.is_monitor("USB Headset")


def test_why_there_are_no_devices_stands_in_their_place() -> None:
    def find() -> list[Mic]:
        raise CapttyError("PortAudio is missing: apt install libportaudio2")

    sounds, found = Sounds(find), threading.Event()
    sounds.arrive(found.set)
    assert found.wait(20)
    first, *rest = sounds.offers("")
    assert (first.source, first.name) == ("", "PortAudio is missing: apt install libportaudio2")
    assert [offer.source for offer in rest] == ["demo"]


def test_devices_are_looked_for_on_arrival_but_not_at_every_step() -> None:
    calls: list[int] = []

    def find() -> list[Mic]:
        calls.append(1)
        return [HEADSET] if len(calls) > 1 else []

    sounds = Sounds(find)
    for _ in range(3):
        found = threading.Event()
        sounds.arrive(found.set)
        wait(lambda: not sounds._finding)
    assert len(calls) == 1
    assert "no microphone" in sounds.offers("")[0].name
    sounds.refresh(found.set)
    assert found.wait(20)
    assert sounds.offers("")[0].source == "mic:USB Headset"


# Folders


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("talk one.mp3", "talk two.flac", "table.txt", ".talk", "hidden\x1b[2J.wav"):
        (tmp_path / name).touch()
    (tmp_path / "tapes").mkdir()
    (tmp_path / "tapes" / "first.wav").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("head", ["", "~/", "./", "{}/"])
def test_a_path_is_completed_folders_and_media_first(folder: Path, head: str) -> None:
    head = head.format(folder)
    found = [(o.source, o.kind) for o in looked(Sounds(), head + "ta") if o.kind != "demo"]
    assert found == [
        (f"{head}talk one.mp3", "file"),
        (f"{head}talk two.flac", "file"),
        (f"{head}tapes/", "folder"),
        (f"{head}table.txt", "file"),
    ]


def test_hidden_files_come_only_where_a_dot_is_typed(folder: Path) -> None:
    sounds = Sounds()
    assert not [o for o in looked(sounds, f"{folder}/") if "/.talk" in o.source]
    assert [o.source for o in looked(sounds, f"{folder}/.t")] == [f"{folder}/.talk"]


def test_a_hostile_name_is_offered_clean_and_opens_as_it_is(folder: Path) -> None:
    (offer,) = looked(Sounds(), f"{folder}/hid")
    assert offer.source == f"{folder}/hidden\x1b[2J.wav"
    assert "\x1b" not in offer.name


@pytest.mark.parametrize(
    "text", ["/nonesuch/x", "~nobody-here/x", "/etc/passwd/x", "/\0/x", "mic:/"]
)
def test_what_is_no_folder_offers_nothing(text: str) -> None:
    assert [o for o in looked(Sounds(), text) if o.kind in ("file", "folder")] == []


def test_a_folder_that_does_not_answer_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, real, asked = threading.Event(), os.scandir, list[str]()

    def slow(path: str) -> object:
        asked.append(path)
        if path == "/slow/":
            answer.wait(30)
        return real("/")

    monkeypatch.setattr(os, "scandir", slow)
    sounds = Sounds()
    began = time.monotonic()
    for text in ("/slow/", "/slow/a", "/slow/ab"):
        sounds.look(text, lambda: None)
        assert "reading /slow/ …" in [offer.name for offer in sounds.offers(text)]
    assert time.monotonic() - began < 1
    assert looked(sounds, "/")
    wait(lambda: "/" in asked)
    answer.set()
    wait(lambda: not sounds._reading)
    assert asked.count("/slow/") == 1
    assert not sounds.reading("/")


def test_a_huge_folder_is_offered_in_part(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number:03}.mp3").touch()
    assert len(looked(Sounds(), f"{tmp_path}/")) == 100
    assert looked(Sounds(), f"{tmp_path}/299")[0].source == f"{tmp_path}/299.mp3"
