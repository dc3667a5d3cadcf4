"""What can be listened to, as far as it is known: devices, files, what was used before."""

import logging
import os
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from os.path import basename, dirname
from time import monotonic
from typing import Protocol

from tui.audio.source import MONITOR
from tui.captions import CapttyError, clean

log = logging.getLogger(__name__)

MIC = "mic"
"""The default microphone; `mic:NAME` is the one of that name."""
DEMO = "demo"
_DEVICES_LAST = 5.0
"""Seconds for which devices that were found are not looked for again: each look costs a process."""
_MOST_ENTRIES = 10_000
"""Entries of a folder that are looked at."""
_MOST_OFFERS = 100
_LONGEST_NAME = 200
_MEDIA = (
    *(".aac", ".ac3", ".aif", ".aiff", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".oga"),
    *(".ogg", ".opus", ".wav", ".weba", ".wma"),
    *(".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".ts", ".webm", ".wmv"),
)
_UNDRAWABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_HOST = re.compile(r"[^:\[\]]*(:\d*)?|\[[0-9a-fA-F:.]*\](:\d*)?")


class Device(Protocol):
    """A microphone, or what a computer plays."""

    @property
    def name(self) -> str:
        """By which it is opened."""
        ...

    @property
    def host_api(self) -> str:
        """The part of the system that offers it."""
        ...

    @property
    def default(self) -> bool:
        """Whether it is taken where none is named."""
        ...

    @property
    def monitor(self) -> bool:
        """Whether it gives what the computer plays."""
        ...


FindDevices = Callable[[], Sequence[Device]]
"""The devices that there are now. Raises `CapttyError`; may take seconds."""

Found = Callable[[], object]
"""Called on a thread when there is more to offer."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A sound, or a folder, that may be meant."""

    source: str
    """What opens it; ends in a slash for a folder; empty where there are only words to read."""
    name: str
    """Clean."""
    kind: str = ""
    """In a word: `mic`, `monitor`, `file`, `folder`, `url`, `demo`."""
    note: str = ""
    """What else tells it from others; clean."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """What was found in a folder."""

    head: str | None = None
    """The folder as it was typed, with its slash; empty for the working folder."""
    entries: Sequence[tuple[str, bool]] = ()
    """Names in order, and whether each is a folder."""


class Sounds:
    """Finds what can be offered, on threads: neither a slow disk nor a dead device holds it up."""

    def __init__(
        self,
        find_devices: FindDevices | None = None,
        recent: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """`recent` gives the sounds that were used before, newest first."""
        self._find_devices = find_devices
        self._recent = recent
        self._devices: Sequence[Device] = ()
        self._trouble = ""
        self._found_at: float | None = None
        self._finding = False
        self._folder = _Folder()
        self._reading: set[str] = set()
        self._wanted: str | None = None

    def arrive(self, found: Found) -> None:
        """Somebody is about to choose: what was known may be old."""
        self._folder = _Folder()
        if self._found_at is None or monotonic() - self._found_at > _DEVICES_LAST:
            self.refresh(found)

    def refresh(self, found: Found) -> None:
        """Look for devices."""
        if self._find_devices and not self._finding:
            self._finding = True
            args = (self._find_devices, found)
            threading.Thread(target=self._find, args=args, name="devices", daemon=True).start()

    def look(self, text: str, found: Found) -> None:
        """Read the folder that a text names, where it is not known yet."""
        self._wanted = head = _head(text)
        if head is None or head == self._folder.head or head in self._reading:
            return
        self._reading.add(head)
        args = (head, found)
        threading.Thread(target=self._read, args=args, name="folder", daemon=True).start()

    def reading(self, text: str) -> bool:
        """Whether the folder of a text is not known yet."""
        head = _head(text)
        return head is not None and head != self._folder.head

    def is_monitor(self, name: str) -> bool:
        """Whether a device is known to give what the computer plays."""
        known = any(device.monitor and device.name == name for device in self._devices)
        return known or name.startswith(MONITOR)

    def offers(self, text: str) -> list[Offer]:
        """What a text may mean, the likeliest first; everything but files where it is empty."""
        known = (offer for offer in self._known() if _may_mean(text, offer))
        return list(islice(dict.fromkeys(chain(self._paths(text), known)), _MOST_OFFERS))

    def _known(self) -> Iterator[Offer]:
        yield from self._microphones()
        named = {f"{MIC}:{device.name}" for device in self._devices}
        yield from (_recent_offer(source) for source in self._recent() if source not in named)
        yield Offer(DEMO, "the recording that comes with captty", DEMO)

    def _microphones(self) -> Iterator[Offer]:
        if self._trouble:
            yield Offer("", self._trouble)
        elif self._found_at is None:
            yield Offer(MIC, "the default microphone", MIC)
            if self._find_devices:
                yield Offer("", "looking for more …")
        else:
            yield from self._found_microphones()

    def _found_microphones(self) -> Iterator[Offer]:
        default = next((device for device in self._devices if device.default), None)
        if default:
            api = clean(default.host_api, _LONGEST_NAME)
            yield Offer(MIC, clean(default.name, _LONGEST_NAME), MIC, f"default, {api}")
        elif not self._devices:
            yield Offer("", "no microphone is there; ctrl+r looks again")
        for device in sorted(self._devices, key=lambda device: device.monitor):
            if device is not default:
                yield _device_offer(device)

    def _paths(self, text: str) -> list[Offer]:
        head = _head(text)
        if head is None:
            return []
        if head != self._folder.head:
            return [Offer("", f"reading {clean(head, _LONGEST_NAME)} …")] if head else []
        begin = text[len(head) :]
        entries = [entry for entry in self._folder.entries if entry[0].startswith(begin)]
        return [_path_offer(head, *entry) for entry in entries if begin or entry[0][0] != "."]

    def _find(self, find: FindDevices, found: Found) -> None:
        """Runs on a thread."""
        try:
            self._devices, self._trouble = find(), ""
        except CapttyError as error:
            self._devices, self._trouble = (), str(error)
        except Exception:
            log.exception("devices cannot be listed")
            self._devices, self._trouble = (), "microphones cannot be listed"
        self._found_at, self._finding = monotonic(), False
        found()

    def _read(self, head: str, found: Found) -> None:
        """Runs on a thread."""
        entries = _entries(head)
        self._reading.discard(head)
        if head == self._wanted:
            self._folder = _Folder(head, entries)
            found()


def _head(text: str) -> str | None:
    """The folder of a path that is being typed; `None` where no path is."""
    if not text or text.startswith(f"{MIC}:") or "://" in text:
        return None
    head, slash, _ = text.rpartition("/")
    return head + slash


def _entries(head: str) -> list[tuple[str, bool]]:
    """Names in a folder and whether each is one: folders and media first, then the others."""
    try:
        with os.scandir(os.path.expanduser(head) or ".") as folder:
            found = [(entry.name, _is_folder(entry)) for entry in islice(folder, _MOST_ENTRIES)]
    except (OSError, ValueError):
        return []
    return sorted(found, key=lambda entry: (not (entry[1] or _is_media(entry[0])), *entry))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_media(name: str) -> bool:
    return name.lower().endswith(_MEDIA)


def _may_mean(text: str, offer: Offer) -> bool:
    wanted = text.strip().casefold()
    return not wanted or (
        bool(offer.source) and wanted in f"{offer.source}\n{offer.name}".casefold()
    )


def _device_offer(device: Device) -> Offer:
    kind = "monitor" if device.monitor else MIC
    name = clean(device.name, _LONGEST_NAME)
    return Offer(f"{MIC}:{device.name}", name, kind, clean(device.host_api, _LONGEST_NAME))


def _path_offer(head: str, name: str, is_folder: bool) -> Offer:
    slash = "/" if is_folder else ""
    shown_name = clean(name, _LONGEST_NAME) + slash
    return Offer(head + name + slash, shown_name, "folder" if is_folder else "file")


def _recent_offer(source: str) -> Offer:
    if source.startswith(f"{MIC}:"):
        return Offer(source, clean(source[len(MIC) + 1 :], _LONGEST_NAME), MIC, "used before")
    if "://" in source:
        return Offer(source, clean(source, _LONGEST_NAME), "url", "used before")
    name, folder = clean(basename(source), _LONGEST_NAME), clean(dirname(source), _LONGEST_NAME)
    return Offer(source, name, "file", folder)


def shown(source: str) -> str:
    """A sound as it may stand on a screen: no control characters, and nothing secret of a URL.

    User, password, query and fragment go: any of them may hold a key.
    """
    scheme, mark, rest = source.partition("://")
    if not mark:
        return drawable(source)
    rest, *hidden = re.split(r"[?#]", rest, maxsplit=1)
    authority, slash, path = rest.partition("/")
    host = authority.rpartition("@")[2]
    if not _HOST.fullmatch(host):  # a password that holds a slash
        return drawable(f"{scheme}://…")
    sign = source[len(scheme + mark + rest)] + "…" if hidden else ""
    return drawable(f"{scheme}://{host}{slash}{path}{sign}")


def drawable(text: str) -> str:
    """The text without control characters; spaces of every kind stay: file names hold them."""
    return "".join(char for char in text if unicodedata.category(char) not in _UNDRAWABLE)
