"""Nothing on the web leads captty to where its user did not point."""

import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.audio.sounds import pcm16, tone, wav
from tests.webserver import Exchange, Ranged, Site, moved, serving, whole
from tui.audio.source import SourceError
from tui.audio.web import Client, address_name, open_url
from tui.audio.web import reach as reach_module
from tui.audio.web.address import Address, WebError, is_public
from tui.audio.web.reach import Reach
from tui.captions import clean

PRIVATE = [
    *("0.0.0.0", "10.0.0.1", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1"),
    *("192.168.1.1", "100.64.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255", "192.0.2.1"),
    *("240.0.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
    *("2002:7f00:1::", "2002:a00:1::", "2001:db8::1", "192.88.99.1", "198.18.0.1", "0.1.2.3"),
    *("::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b:1::7f00:1"),
    *("64:ff9b:1:fffe::a00:1", "fec0::1", "fec0:0:0:ffff::1", "5f00::1", "3fff::1", "100::1"),
    *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:192.168.0.1", "2001:0:7f00:1::"),
    *("2001:10::1", "2001:20::1", "4000::1"),
]


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def trap() -> Iterator[Site]:
    """Another server on this machine, which nobody typed."""
    with serving() as trap:
        yield trap


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    return wav(tmp_path / "a.wav", pcm16(tone(1))).read_bytes()


def refusal(url: str) -> str:
    with pytest.raises(SourceError) as error:
        open_url(url).close()
    sentence = str(error.value)
    assert "\n" not in sentence
    assert "sesame" not in sentence
    return sentence


@pytest.mark.parametrize("ip", PRIVATE)
def test_private_addresses_are_known(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize(
    "ip",
    [
        *("1.1.1.1", "8.8.8.8", "192.0.1.1", "2606:4700:4700::1111", "2a00:1450::1"),
        *("64:ff9b::101:101", "2606:4700::5efe:8.8.8.8", "2001:4860:4860::8888"),
    ],
)
def test_public_addresses_are_known(ip: str) -> None:
    assert is_public(ip)


@given(st.ip_addresses(v=4))
def test_an_address_is_as_private_in_ipv6_clothes(ip: object) -> None:
    assert is_public(f"::ffff:{ip}") <= is_public(str(ip))
    assert is_public(f"64:ff9b::{ip}") == is_public(str(ip))


def test_a_redirect_on_the_typed_host_is_followed(site: Site, sound: bytes) -> None:
    site.routes["/a"] = moved("/b?key=sesame")
    site.routes["/b"] = moved(site.url("/c.wav"), 308)
    site.routes["/c.wav"] = Ranged(sound)
    source = open_url(site.url("/a"))
    source.close()
    assert site.paths() == ["/a", "/b?key=sesame", "/c.wav"]


@given(st.ip_addresses())
def test_no_address_is_less_private_than_python_knows(ip: IPv4Address | IPv6Address) -> None:
    translated = str(ip).startswith(("64:ff9b::", "::ffff:"))
    assert is_public(str(ip)) <= (ip.is_global or translated)
    assert not (is_public(str(ip)) and ip.is_multicast)


@pytest.mark.parametrize("host", ["localhost", "[::ffff:127.0.0.1]", "127.1"])
def test_a_redirect_to_another_private_address_is_not_followed(
    site: Site, trap: Site, host: str
) -> None:
    site.routes["/a"] = moved(trap.url("/b?key=sesame", host))
    assert "private network that you did not name" in refusal(site.url("/a"))
    assert not trap.asked


def test_a_redirect_to_another_port_of_a_private_address_is_not_followed(
    site: Site, trap: Site
) -> None:
    site.routes["/a"] = moved(trap.url("/b?key=sesame"))
    sentence = refusal(site.url("/a"))
    assert f"127.0.0.1:{trap.port} is in a private network" in sentence
    assert f"only the port that you named ({site.port})" in sentence
    assert not trap.asked


@pytest.mark.parametrize(
    "target",
    [
        *("file:///etc/passwd", "ftp://127.0.0.1/a", "data:audio/wav;base64,UklGRg=="),
        *("concat:a|b", "crypto+http://127.0.0.1/a", "http://[::1", "gopher://x/"),
    ],
)
def test_a_redirect_to_what_is_no_web_address_is_not_followed(site: Site, target: str) -> None:
    site.routes["/a"] = moved(target)
    assert "no web address" in refusal(site.url("/a"))
    assert len(site.asked) == 1


def test_redirects_without_an_end(site: Site) -> None:
    site.routes["/a"] = moved("/a")
    assert "from one address to the next" in refusal(site.url("/a"))
    assert len(site.asked) == 6


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    with pytest.raises(WebError, match="from a secure to an insecure address"):
        Address.parse("https://a.example/x").join("http://a.example/y")


@pytest.mark.parametrize(
    "url",
    [
        *("", "http:", "ftp://a.example/", "a.example", "http://a:b/", "http://[::1", "http:///a"),
        *("http://127.0.0.1:1/\udcff?key=sesame", "http://127.0.0.1:1/?key=sesame\udcff"),
    ],
)
def test_what_is_no_web_address(url: str) -> None:
    assert "no web address" in refusal(url)


@given(st.text(max_size=60), st.text(max_size=60))
def test_names_hold_neither_password_nor_query(path: str, secret: str) -> None:
    secret = "".join(filter(str.isalnum, secret)) + "sesame"
    try:
        name = address_name(f"http://me:{secret}@host.example/{path}/a.mp3?k={secret}#{secret}")
    except WebError as error:
        name = str(error)
    assert "sesame" not in name or "sesame" in path


@given(st.text(max_size=60))
def test_any_address_has_a_name_or_a_sentence(rest: str) -> None:
    for url in (f"http://host.example{rest}", f"http://host.example/{rest}"):
        try:
            name = address_name(url)
        except WebError as error:
            name = str(error)
        assert name == clean(name)


def test_a_path_that_looks_like_a_host_is_a_path() -> None:
    assert address_name("http://host.example//[x/a.mp3?k") == "host.example/…/a.mp3"


def fake_dns(monkeypatch: pytest.MonkeyPatch, answers: dict[str, list[str]]) -> None:
    """Names lead to each of the addresses in turn; the last one stays."""

    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        found = answers.get(host, [host])
        ip = found.pop(0) if len(found) > 1 else found[0]
        if not ip[0].isdigit():
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_name_for_a_private_address_is_typed_or_refused(
    site: Site, trap: Site, sound: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dns(monkeypatch, {"nas.example": ["127.0.0.1"], "evil.example": ["127.0.0.1"]})
    site.routes["/a.wav"] = Ranged(sound)
    open_url(site.url("/a.wav", "nas.example")).close()
    site.routes["/b"] = moved(trap.url("/a.wav", "evil.example"))
    assert "evil.example is a machine in a private network" in refusal(site.url("/b"))
    assert not trap.asked


def test_a_public_name_must_not_become_private(
    site: Site, sound: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dns(monkeypatch, {"radio.example": ["127.0.0.1", "127.0.0.2"]})
    monkeypatch.setattr(reach_module, "is_public", lambda ip: ip == "127.0.0.1")
    site.routes["/a"] = moved("/b.wav")
    site.routes["/b.wav"] = Ranged(sound)
    assert "private network" in refusal(site.url("/a", "radio.example"))
    assert site.paths() == ["/a"]


def test_a_private_name_must_not_become_another_private_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dns(monkeypatch, {"nas.example": ["127.0.0.1", "127.0.0.1", "127.0.0.2"]})
    site.routes["/a"] = moved("/b")
    site.routes["/b"] = moved("/c")
    assert "nas.example leads to another machine now" in refusal(site.url("/a", "nas.example"))
    assert site.paths() == ["/a", "/b"]


@pytest.mark.parametrize("same_host", [True, False])
def test_the_password_goes_to_the_typed_origin_alone(
    site: Site, trap: Site, sound: bytes, monkeypatch: pytest.MonkeyPatch, same_host: bool
) -> None:
    monkeypatch.setattr(reach_module, "is_public", lambda ip: True)
    site.routes["/a"] = moved("/b")
    site.routes["/b"] = moved(trap.url("/c.wav", "127.0.0.1" if same_host else "localhost"))
    trap.routes["/c.wav"] = Ranged(sound)
    open_url(site.url("/a").replace("//", "//me:sesame@")).close()
    assert all(headers["Authorization"] for _, headers in site.asked)
    assert trap.paths() == ["/c.wav"]
    assert "Authorization" not in trap.asked[0][1]


def test_the_password_goes_to_the_typed_scheme_alone(
    site: Site, secure_site: Site, tmp_path: Path, sound: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        Address.parse("http://a.example:443/").origin != Address.parse("https://a.example").origin
    )
    monkeypatch.setattr(reach_module, "is_public", lambda ip: True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "public.pem"))
    site.routes["/a"] = moved(secure_site.url("/b.wav", "localhost").replace("http:", "https:"))
    secure_site.routes["/b.wav"] = Ranged(sound)
    open_url(site.url("/a", "localhost").replace("//", "//me:sesame@")).close()
    assert site.asked[0][1]["Authorization"]
    assert "Authorization" not in secure_site.asked[0][1]


def test_a_name_is_looked_up_once_for_a_connection(
    site: Site, sound: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dns(monkeypatch, {"radio.example": ["127.0.0.1", "no such name"]})
    site.routes["/a.wav"] = Ranged(sound)
    open_url(site.url("/a.wav", "radio.example")).close()


def test_hosts_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_dns(monkeypatch, {"nowhere.example": ["no such name"]})
    with serving() as gone:
        url = gone.url("/?key=sesame")
    assert "nowhere.example is not known as a host" in refusal("http://nowhere.example/a.mp3")
    assert "127.0.0.1 refuses the connection" in refusal(url)


def test_a_lookup_or_connection_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    freed = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [freed.wait(20)][:0])
    client = Client(Address.parse("http://slow.example/"))
    threading.Timer(0.2, client.close).start()
    began = time.monotonic()
    with pytest.raises(WebError, match="was let go"):
        client.get(client.typed)
    assert time.monotonic() - began < 0.7
    freed.set()


def test_a_connection_that_nobody_accepts_is_left() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        place = listener.getsockname()
        others = [socket.socket() for _ in range(4)]
        for other in others:  # the queue is full: further calls hang
            other.setblocking(False)
            other.connect_ex(place)
        reach = Reach(address := Address.parse(f"http://127.0.0.1:{place[1]}/"))
        threading.Timer(0.2, reach.close).start()
        began = time.monotonic()
        with pytest.raises(WebError, match="was let go"):
            reach.connect(address)
        assert time.monotonic() - began < 0.7
        for other in others:
            other.close()


def test_an_old_radio_that_was_typed_is_asked_with_its_port(site: Site) -> None:
    refusal(site.url("/a?b=c d&e=ü"))
    path, headers = site.asked[0]
    assert path == "/a?b=c%20d&e=%C3%BC"
    assert headers["Host"] == f"127.0.0.1:{site.port}"
    assert headers["User-Agent"].startswith("captty/")
    assert "Cookie" not in headers


@pytest.mark.parametrize("form", ["m3u", "pls"])
def test_a_playlist_leads_to_its_first_address(site: Site, sound: bytes, form: str) -> None:
    site.routes["/a.wav"] = Ranged(sound)
    texts = {
        "m3u": f"#EXTM3U\n#EXTINF:-1,Radio\n{site.url('/a.wav')}\n",
        "pls": f"[playlist]\nNumberOfEntries=1\nFile1={site.url('/a.wav')}\n",
    }
    site.routes["/list"] = whole(texts[form].encode(), kind="audio/x-mpegurl")
    open_url(site.url("/list")).close()
    assert site.paths() == ["/list", "/a.wav"]


@pytest.mark.parametrize("form", ["#EXTM3U\n{}\n", "[playlist]\nFile1={}\n", "{}\n"])
def test_a_playlist_leads_to_no_private_address_or_file(
    site: Site, trap: Site, tmp_path: Path, sound: bytes, form: str
) -> None:
    for target in (trap.url("/a.wav"), (tmp_path / "a.wav").as_uri(), str(tmp_path / "a.wav")):
        site.routes["/list"] = whole(form.format(target).encode(), kind="audio/x-mpegurl")
        refusal(site.url("/list"))
    assert not trap.asked


def test_a_playlist_that_leads_to_a_playlist(site: Site) -> None:
    site.routes["/list"] = whole(f"#EXTM3U\n{site.url('/list')}\n".encode(), kind="audio/x-mpegurl")
    assert "is a playlist without" in refusal(site.url("/list"))
    assert len(site.asked) == 2


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile '{}'\n", "<?xml version='1.0'?>{}"])
def test_other_scripts_lead_nowhere(site: Site, trap: Site, text: str) -> None:
    site.routes["/a.wav"] = whole(text.format(trap.url("/b.wav")).encode())
    assert "no sound or video" in refusal(site.url("/a.wav"))
    assert not trap.asked


def test_nothing_secret_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    refusal(site.url("/a?key=sesame").replace("//", "//me:sesame@"))
    assert "sesame" not in caplog.text


def certificate(folder: Path, name: str) -> Path:
    path = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"]
    command += ["-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    command += ["-keyout", str(path), "-out", str(folder / "public.pem")]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "public.pem").read_text())
    return path


@pytest.fixture
def secure_site(tmp_path: Path) -> Iterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "localhost"))
    with serving(context=context) as site:
        yield site


def test_certificates_are_checked(
    secure_site: Site, tmp_path: Path, sound: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure_site.routes["/a.wav"] = Ranged(sound)
    good = secure_site.url("/a.wav", "localhost").replace("http:", "https:")
    bad = secure_site.url("/a.wav").replace("http:", "https:")
    assert "localhost cannot prove that it is localhost" in refusal(good)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "public.pem"))
    assert "127.0.0.1 cannot prove" in refusal(bad)
    open_url(good).close()


def test_https_that_is_none(site: Site) -> None:
    site.routes["/"] = Exchange.wait
    assert "does not speak https" in refusal(site.url("/").replace("http:", "https:"))


def test_what_is_not_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mail.example ESMTP\r\n")
                connection.recv(4_096)

        thread = threading.Thread(target=greet)
        thread.start()
        assert "does not speak HTTP" in refusal(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join(5)
