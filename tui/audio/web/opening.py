"""From a web address to a source, by what comes from there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from tui.audio.source import Source, SourceError, SourceInfo
from tui.audio.web.client import Address, Client, Response, WebError
from tui.audio.web.file import WebFile
from tui.audio.web.hls import LARGEST_PLAYLIST, Hls
from tui.audio.web.radio import HEADERS, Radio, is_radio
from tui.audio.web.source import WebSource
from tui.captions import SAMPLE_RATE

_OPENING_SECONDS = 45.0
"""For everything before the first sound, however many servers and lists are asked."""
_HEAD = 1_024
_LARGEST_LIST = 2**16
"""Bytes of a playlist that names stations."""
_HLS_KINDS = {"application/vnd.apple.mpegurl", "application/x-mpegurl"}
_PAGES = (b"<!doctype html", b"<html")
_ENTRY = re.compile(r"^\s*(?:file\d*\s*=\s*)?(https?://\S+)\s*$", re.IGNORECASE | re.MULTILINE)


def open_url(url: str, start: float = 0.0, client: Client | None = None) -> Source:
    """Open the file, station or HLS playlist at an address, and wait for its first sound.

    `start` is in seconds, for files. Whoever makes the client himself, for the same address, may
    close it from another thread to end the opening. Raises `SourceError`, within 45 s, in a
    sentence that holds nothing of the address but host and file name.
    """
    client = client or Client(Address.parse(url))
    try:
        with _in_time(client):
            return _opened(client, client.typed, start, follow=True)
    except BaseException:
        client.close()
        raise


@contextmanager
def _in_time(client: Client) -> Iterator[None]:
    """Closes the client if what is done meanwhile takes too long. Raises `WebError`, then."""
    reason = f"{client.typed.shown} gives no sound: check the address, or try again later"
    late = Timer(_OPENING_SECONDS, client.close, [reason])
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()
        late.join()
    client.reach.check()


def _opened(client: Client, address: Address, start: float, *, follow: bool) -> Source:
    response = client.get(address, HEADERS)
    try:
        head = b"" if is_radio(response) else _head(response)
        _refuse_page(response, head)
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if text.startswith(b"#EXTM3U") or _names_list(response, text):
            return _listed(client, response, head, start, follow=follow)
        if is_radio(response):
            _refuse_start(address, start)
            radio = Radio(client, address, response, head)
            return WebSource(
                client, radio, SourceInfo("stream", "", live=True, waits=False), seams=True
            )
        file = WebFile(client, address, response, head)
        return WebSource(client, file, SourceInfo("url", file.name), start, seams=False)
    except BaseException:
        response.close()
        raise


def _head(response: Response) -> bytes:
    head = b""
    while len(head) < _HEAD and (data := response.read(_HEAD - len(head))):
        head += data
    if not head:
        raise WebError(f"{response.address.name} is empty: check the address", final=True)
    return head


def _refuse_page(response: Response, head: bytes) -> None:
    if response.kind == "text/html" or head.lstrip().lower().startswith(_PAGES):
        raise WebError(
            f"{response.address.name} is a web page: look on it for the address of the sound"
            " itself",
            final=True,
        )


def _names_list(response: Response, text: bytes) -> bool:
    """Whether it is a playlist of stations, or HLS by its type."""
    if text.lower().startswith(b"[playlist]") or response.kind in _HLS_KINDS:
        return True
    kinds = ("audio/x-mpegurl", "audio/mpegurl", "audio/x-scpls")
    return response.kind in kinds or text.lower().startswith((b"http://", b"https://"))


def _listed(
    client: Client, response: Response, head: bytes, start: float, *, follow: bool
) -> Source:
    address = response.address
    text = head + response.read_all(LARGEST_PLAYLIST)
    response.close()
    if b"#EXT-X-" in text:
        _refuse_start(address, start)
        return _hls(client, address, text)
    entry = _ENTRY.search(text[:_LARGEST_LIST].decode("utf-8", "replace"))
    if not entry or not follow:
        raise WebError(
            f"{address.name} is a playlist without an address that captty opens: open the sound"
            " itself",
            final=True,
        )
    return _opened(client, address.join(entry[1]), start, follow=False)


def _hls(client: Client, address: Address, text: bytes) -> Source:
    hls = Hls(client, address, text)
    if hls.live:
        info = SourceInfo("stream", hls.name, live=True, waits=False)
    else:
        info = SourceInfo("url", hls.name, round(hls.seconds * SAMPLE_RATE) or None)
    return WebSource(client, hls, info, seams=False)


def _refuse_start(address: Address, start: float) -> None:
    if start:
        raise SourceError(
            f"{address.name} is a stream or playlist, of which captty hears what comes: open it"
            " without a start"
        )
