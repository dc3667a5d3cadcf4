"""Where a server is, and what a connection to it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tui.captions import clean

STREAMING_PATH = "/v1/audio/transcriptions/streaming"
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_KEY_PARAMETERS = {"authorization", "api_key", "apikey", "key", "token"}


class EndpointError(ValueError):
    """An address that cannot be used; the message says why and what to try."""


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
        parts = urlsplit(endpoint.url)
        own = dict(parse_qsl(parts.query))
        return urlunsplit(parts._replace(query=urlencode({**own, **self.query()})))


def endpoint_for(address: str, key: Secret, name: str = "") -> Endpoint:
    """The endpoint that a user's `--server` names: a base URL or a full one.

    Raises `EndpointError` for what is no address, for keys inside the address, and for a key that
    would leave this machine without TLS.
    """
    parts = urlsplit(address.strip())
    shown = clean(address, 200)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise EndpointError(
            f"{shown} is not a server address: write wss://HOST or ws://localhost:PORT"
        )
    _refuse_keys_inside(address)
    scheme = _SCHEMES[parts.scheme]
    if key and scheme == "ws" and not is_loopback(parts.hostname):
        raise EndpointError(
            f"the key would travel to {clean(parts.hostname, 100)} unprotected: use wss://"
        )
    path = parts.path if parts.path.strip("/") else STREAMING_PATH
    if path.rstrip("/").endswith("/v1"):
        path = path.rstrip("/").removesuffix("/v1") + STREAMING_PATH
    url = urlunsplit((scheme, parts.netloc, path, parts.query, ""))
    return Endpoint(url=url, key=key, name=name or clean(parts.netloc, 60))


def _refuse_keys_inside(address: str) -> None:
    parts = urlsplit(address.strip())
    names = {name.casefold() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if parts.username is not None or names & _KEY_PARAMETERS:
        raise EndpointError("the address holds a key: put the key into CAPTTY_API_KEY instead")


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host.casefold() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
