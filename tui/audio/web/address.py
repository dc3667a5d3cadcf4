"""Web addresses, and which machines they may lead to."""

import posixpath
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from urllib.parse import quote, unquote, urljoin, urlsplit

from tui.audio.source import SourceError
from tui.captions import clean

_PORTS = {"http": 80, "https": 443}
_LONGEST = 8_192
"""Characters of an address that is taken from anybody."""
_CLOSED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
    )
)
"""IANA's IPv4 special-purpose registry, multicast and what is reserved."""
_OPEN_IPV6 = IPv6Network("2000::/3")
"""IANA gives out addresses of the open internet from here only."""
_CLOSED_IPV6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""What is special there: Teredo and other protocols, examples, 6to4."""
_TRANSLATED = tuple(map(IPv6Network, ("64:ff9b::/96", "::ffff:0:0/96")))
"""RFC 6052 and RFC 4291: the last 32 bits are the IPv4 address that is really meant."""
_ISATAP = (0x5EFE, 0x0200_5EFE)
"""RFC 5214 § 6.1: what stands before an IPv4 address to which a router may pass it on."""
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
            target = quote(parts.path or "/", _HARMLESS)
            if parts.query:
                target += "?" + quote(parts.query, _HARMLESS)
        except (ValueError, UnicodeError):
            raise WebError(
                "this is no web address that captty opens: it begins with http:// or https://"
                " and names a host",
                final=True,
            ) from None
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
    def place(self) -> str:
        """Host and port, clean."""
        return clean(f"[{self.host}]" if ":" in self.host else self.host) + f":{self.port}"

    @property
    def file(self) -> str:
        """The last part of the path, clean; empty where it is a folder."""
        return clean(posixpath.basename(unquote(self.target.partition("?")[0])), 80)

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
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_IPV4)
    inner = str(IPv4Address(int(address) & 0xFFFFFFFF))
    if any(address in network for network in _TRANSLATED):
        return is_public(inner)
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP and not is_public(inner):
        return False
    return address in _OPEN_IPV6 and not any(address in network for network in _CLOSED_IPV6)
