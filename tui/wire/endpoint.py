"""Where a server is, and what a connection to it asks for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from tui.captions import CapttyError, clean

STREAMING_PATH = "/v1/audio/transcriptions/streaming"
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_KEY_PARAMETERS = {
    *("authorization", "auth", "key", "apikey", "xapikey", "token", "authtoken", "accesstoken"),
    *("secret", "password"),
}
"""Without dashes and underscores."""


class EndpointError(CapttyError):
    """An address that cannot be used."""


class ServerUnavailable(CapttyError):
    """No server can be had."""


class Secret:
    """A key that shows itself to nobody who prints, logs or formats it."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself, for the header that carries it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server to stream to."""

    url: str
    """Full websocket URL of the streaming path, without a query that could hold a key."""
    key: Secret = field(default_factory=lambda: Secret(""))
    name: str = ""
    """What the screen and the journal call it."""
    engine: str = ""
    """The engine behind it, as far as it is known."""

    def headers(self) -> Mapping[str, str]:
        """The headers of the handshake."""
        return {"Authorization": self.key.reveal()} if self.key else {}


@dataclass(frozen=True, slots=True)
class Request:
    """What the client wants of the recogniser."""

    language: str | None = None
    prompt: str = ""
    model: str = ""

    def query(self) -> dict[str, str]:
        """The parameters of the `segments` protocol; times are always asked for."""
        wanted = {"language": self.language, "prompt": self.prompt, "model": self.model}
        return {
            **{name: value for name, value in wanted.items() if value},
            "response_format": "verbose_json",
            "timestamp_granularities": "word,segment",
        }

    def url(self, endpoint: Endpoint) -> str:
        """The endpoint's URL with these parameters behind its own."""
        parts, query = urlsplit(endpoint.url), self.query()
        own = parse_qsl(parts.query, keep_blank_values=True)
        kept = [(name, value) for name, value in own if name not in query]
        return urlunsplit(
            parts._replace(query=urlencode([*kept, *query.items()], errors="replace"))
        )


def endpoint_for(address: str, key: Secret, name: str = "") -> Endpoint:
    """The endpoint that a user's `--server` names: a base URL or a full one.

    Raises `EndpointError` for what is no address, for keys inside the address, and for a key that
    would leave this machine without TLS.
    """
    parts = _parts(address.strip())
    _refuse_keys_inside(parts)
    scheme, host = _SCHEMES[parts.scheme], parts.hostname or ""
    if key and scheme == "ws" and not is_loopback(host):
        raise EndpointError(
            f"the key would travel to {clean(host, 100)} unprotected: "
            "use wss://, or unset CAPTTY_API_KEY and FIREWORKS_API_KEY"
        )
    path = parts.path if parts.path.strip("/") else STREAMING_PATH
    if path.rstrip("/").endswith("/v1"):
        path = path.rstrip("/").removesuffix("/v1") + STREAMING_PATH
    url = urlunsplit((scheme, parts.netloc, path, parts.query, ""))
    return Endpoint(url=url, key=key, name=name or clean(parts.netloc, 60))


def _parts(address: str) -> SplitResult:
    """The parts of a usable address."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or clean(address) != address or " " in address:
        raise EndpointError(
            f"{_shown(address)} is not a server address: write wss://HOST or ws://localhost:PORT"
        )
    return parts


def _shown(address: str) -> str:
    """The address without the parts that may hold a key."""
    return clean(re.split("[?#]", address)[0].rpartition("@")[2], 200) or "an empty text"


def _refuse_keys_inside(parts: SplitResult) -> None:
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if parts.username is not None or any(map(_names_a_key, names)):
        raise EndpointError("the address holds a key: put the key into CAPTTY_API_KEY instead")


def _names_a_key(parameter: str) -> bool:
    return parameter.casefold().replace("-", "").replace("_", "") in _KEY_PARAMETERS


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host.casefold() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
