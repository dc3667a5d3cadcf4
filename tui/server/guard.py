"""Who may use the server: pages of other sites and strangers may not."""

import hmac
import re
from collections.abc import Sequence

from aiohttp import hdrs, web

from tui.wire.endpoint import is_loopback

_AUTHORITY = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
_HOST = re.compile(_AUTHORITY)
_ORIGIN = re.compile(rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://{_AUTHORITY}")
_TLS = {"https", "wss"}


class Guard:
    """Checks the headers of requests."""

    def __init__(self, token: str, host: str, port: int) -> None:
        """`host` and `port` are what the server listens on; an empty `token` admits everybody."""
        self._token = token.strip()
        self._loopback = is_loopback(host)
        self._names = {"127.0.0.1", "[::1]", "localhost", host.casefold()}
        self._port = port

    def admit(self, request: web.BaseRequest) -> None:
        """Refuse what a page of another site makes a browser send.

        Raises `web.HTTPForbidden`, or `web.HTTPBadRequest` for headers that are malformed.
        """
        host = _host(request.headers.getall(hdrs.HOST, []))
        if self._loopback and not self._is_here(host):
            raise web.HTTPForbidden(text="this server answers to localhost only")
        origins = request.headers.getall(hdrs.ORIGIN, [])
        if origins and not _same_origin(origins, host):
            raise web.HTTPForbidden(text="pages of other sites may not use this server")

    def authorise(self, request: web.BaseRequest) -> None:
        """Ask for the token, in a header or in the query. Raises `web.HTTPUnauthorized`."""
        offered = [
            *request.headers.getall(hdrs.AUTHORIZATION, []),
            *request.query.getall(hdrs.AUTHORIZATION, []),
        ]
        if self._token and not any(self._is_token(key) for key in offered):
            raise web.HTTPUnauthorized(
                text="send the server's token in the Authorization header",
                headers={hdrs.WWW_AUTHENTICATE: "Bearer"},
            )

    def _is_token(self, offered: str) -> bool:
        key = re.sub(r"^bearer\s+", "", offered.strip(), flags=re.IGNORECASE)
        return hmac.compare_digest(_bytes(key), _bytes(self._token))

    def _is_here(self, host: re.Match[str]) -> bool:
        port = host["port"]
        return host["host"].casefold() in self._names and (port is None or int(port) == self._port)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _host(values: Sequence[str]) -> re.Match[str]:
    match = _HOST.fullmatch(values[0].strip()) if len(values) == 1 else None
    if match is None:
        raise web.HTTPBadRequest(text="the Host header is missing or malformed")
    return match


def _same_origin(values: Sequence[str], host: re.Match[str]) -> bool:
    """Whether the page that asks came from this very server."""
    if values == ["null"]:
        return False
    origin = _ORIGIN.fullmatch(values[0].strip()) if len(values) == 1 else None
    if origin is None:
        raise web.HTTPBadRequest(text="the Origin header is malformed")
    usual = 443 if origin["scheme"].casefold() in _TLS else 80
    return _place(origin, usual) == _place(host, usual)


def _place(match: re.Match[str], usual: int) -> tuple[str, int]:
    return match["host"].casefold(), int(match["port"] or usual)
