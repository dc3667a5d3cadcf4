"""Web addresses, and which machines they may lead to."""

import posixpath
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, unquote, urljoin, urlsplit

from tui.audio.source import SourceError
from tui.captions import clean

_PORTS = {"http": 80, "https": 443}
_LONGEST = 8_192
"""Characters of an address that is taken from anybody."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address that is really meant."""
_HARMLESS = "!#$%&'()*+,/:;=?@[]~"
"""What stays as it is in a path or query; the rest is escaped."""


class WebError(SourceError):
    """Something that the web did not give."""

    def __init__(self, sentence: str, *, final: bool = False) -> None:
        """`sentence` is clean; `final` where it is of no use to ask again."""
        super().__init__(sentence)
        self.final = final


@dataclass(frozen=True, slots=True)
class Address:
    """An address of http or https. Its `str` and `repr` show the host only."""

    scheme: str
    host: str
    """In lower case, as DNS knows it; IPv6 without brackets."""
    port: int
    target: str = field(repr=False)
    """Path and query, escaped."""
    userinfo: str = field(default="", repr=False)
    """`name:password`, unescaped."""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises `WebError`, which repeats nothing but the host."""
        try:
            parts = urlsplit(text.strip())
            host, port = parts.hostname, parts.port
            if len(text) > _LONGEST or not host or parts.scheme not in _PORTS:
                raise ValueError
            plain = host if ":" in host else host.encode("idna").decode("ascii")
        except (ValueError, UnicodeError):
            raise WebError(
                "this is no web address that captty opens: it begins with http:// or https://"
                " and names a host",
                final=True,
            ) from None
        target = quote(parts.path or "/", _HARMLESS)
        if parts.query:
            target += "?" + quote(parts.query, _HARMLESS)
        user = unquote(parts.netloc.rpartition("@")[0])
        port = _PORTS[parts.scheme] if port is None else port
        return cls(parts.scheme, plain.lower(), port, target, user)

    def join(self, reference: str) -> "Address":
        """Where a redirect or playlist that stands here leads.

        Raises `WebError` for anything but http and https, and for https that leads to http.
        """
        try:
            address = Address.parse(urljoin(self.full, reference.strip()))
        except (ValueError, WebError):
            raise WebError(
                f"{self.shown} leads to something that is no web address, which captty does not"
                " open: name the address of the sound itself",
                final=True,
            ) from None
        if self.scheme == "https" and address.scheme == "http":
            raise WebError(
                f"{self.shown} leads from a secure to an insecure address ({address.shown}):"
                " name that one itself if you trust it",
                final=True,
            )
        return address

    @property
    def full(self) -> str:
        """The whole of it without userinfo: for requests, never for people."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """Host and port as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """What may see the password."""
        return self.scheme, self.host, self.port

    @property
    def shown(self) -> str:
        """The host, clean."""
        return clean(self.host)

    @property
    def file(self) -> str:
        """The last part of the path, clean; empty where it is a folder."""
        return clean(posixpath.basename(unquote(urlsplit(self.target).path)), 80)

    @property
    def name(self) -> str:
        """Host and last part of the path: what people may see of it."""
        return f"{self.shown}/…/{self.file}" if self.file else self.shown

    @property
    def authorization(self) -> str:
        """The value of the header of that name; empty where the address holds no password."""
        if not self.userinfo:
            return ""
        return "Basic " + b64encode(self.userinfo.encode("utf-8", "replace")).decode("ascii")

    def same_host(self, other: "Address") -> bool:
        """Whether host and port agree; the default port of https counts as that of http."""
        if self.host != other.host:
            return False
        upgraded = (self.scheme, self.port) == ("http", 80)
        return self.port == other.port or (
            upgraded and (other.scheme, other.port) == ("https", 443)
        )

    def __str__(self) -> str:
        return self.name


def is_address(text: str) -> bool:
    """Whether the user means a web address and no file."""
    return text.strip().lower().startswith(("http://", "https://"))


def address_name(url: str) -> str:
    """Host and last part of the path, clean: without userinfo, query and fragment.

    Raises `WebError` where it is no web address.
    """
    return Address.parse(url).name


def is_public(ip: str) -> bool:
    """Whether an IP address is on the open internet, and no machine or service nearby."""
    address = ip_address(ip.partition("%")[0])
    return address.is_global and not address.is_multicast and all(map(_open, _meant(address)))


def _open(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast


def _meant(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address leads to through a gateway."""
    if isinstance(address, IPv4Address):
        return []
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [ip for ip in inner if ip is not None]
