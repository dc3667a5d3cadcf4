"""Addresses of servers, and keys that stay where they belong."""

import traceback
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui.captions import clean
from tui.wire.endpoint import (
    STREAMING_PATH,
    Endpoint,
    EndpointError,
    Request,
    Secret,
    endpoint_for,
    is_loopback,
)

NO_KEY = Secret("")
KEY = "sk-verysecret-123"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("wss://host", f"wss://host{STREAMING_PATH}"),
        ("wss://host/", f"wss://host{STREAMING_PATH}"),
        ("https://host:8443", f"wss://host:8443{STREAMING_PATH}"),
        ("http://127.0.0.1:9000/v1", f"ws://127.0.0.1:9000{STREAMING_PATH}"),
        ("wss://host/speech/v1/", f"wss://host/speech{STREAMING_PATH}"),
        (f"ws://localhost:1{STREAMING_PATH}", f"ws://localhost:1{STREAMING_PATH}"),
        ("wss://host/my/own/path", "wss://host/my/own/path"),
        ("  WSS://Host:443/?tier=fast#top ", f"wss://Host:443{STREAMING_PATH}?tier=fast"),
        ("ws://[::1]:8080", f"ws://[::1]:8080{STREAMING_PATH}"),
    ],
)
def test_base_and_full_addresses(address: str, url: str) -> None:
    assert endpoint_for(address, NO_KEY).url == url


def test_an_endpoint_is_called_by_its_host_or_as_it_was_named() -> None:
    assert endpoint_for("wss://host:1/v1", NO_KEY).name == "host:1"
    assert endpoint_for("wss://host", NO_KEY, "my server").name == "my server"


@pytest.mark.parametrize(
    "address",
    [
        *("", "host", "host:80", "ftp://host", "wss://", "wss://:80", "file:///etc/passwd"),
        *("ws:host", "wss://[::1", "wss://host:port", "wss://host:99999", "wss://host:0"),
        *("wss://ho st", "wss://ho\x00st", "wss://ho\ud800st", "wss://h\u2100st"),
        "wss://host/\x1b[31m",
    ],
)
def test_what_is_no_address_is_refused_in_one_clean_sentence(address: str) -> None:
    with pytest.raises(EndpointError, match="is not a server address: write wss://HOST") as caught:
        endpoint_for(address, NO_KEY)
    assert str(caught.value) == clean(str(caught.value))


@given(st.text(st.characters(codec=None, exclude_categories=())), st.sampled_from(["", "wss://"]))
@example("[", "wss://")
def test_any_address_is_an_endpoint_or_an_error_in_words(text: str, scheme: str) -> None:
    try:
        endpoint = endpoint_for(scheme + text, NO_KEY)
    except EndpointError as error:
        told = str(error)
        assert told == clean(told)
    else:
        assert urlsplit(Request().url(endpoint)).hostname


@pytest.mark.parametrize(
    "address",
    [
        f"wss://host/?Authorization={KEY}",
        f"wss://host/?api_key={KEY}",
        f"wss://host/?x=1&API-Key={KEY}",
        f"wss://host/?access_token={KEY}",
        f"wss://host/?token=&key={KEY}",
        f"wss://{KEY}@host",
        f"wss://user:{KEY}@host",
        f"host?api_key={KEY}",
        f"user:{KEY}@host",
        f"ftp://user:{KEY}@host#{KEY}",
        f"wss://user:{KEY}@[::1",
        f"wss://host:port/#{KEY}",
    ],
)
def test_keys_inside_are_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(EndpointError) as caught:
        endpoint_for(address, NO_KEY)
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("address", ["ws://host", "http://10.0.0.1:80", "ws://localhost.evil.com"])
def test_a_key_never_leaves_this_machine_without_tls(address: str) -> None:
    with pytest.raises(EndpointError, match="unprotected: use wss://"):
        endpoint_for(address, Secret(KEY))
    assert endpoint_for(address, NO_KEY).url.startswith("ws://")


@pytest.mark.parametrize(
    "address",
    ["ws://localhost", "ws://LOCALHOST:1", "ws://127.8.8.8", "ws://[::1]:1", "wss://host"],
)
def test_a_key_travels_on_this_machine_or_over_tls(address: str) -> None:
    endpoint = endpoint_for(address, Secret(KEY))
    assert endpoint.headers() == {"Authorization": KEY}
    assert KEY not in Request(prompt="p").url(endpoint)


def test_without_a_key_there_is_no_header() -> None:
    assert endpoint_for("wss://host", NO_KEY).headers() == {}


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *(("localhost", True), ("127.0.0.1", True), ("::1", True), ("0.0.0.0", False)),
        *(("localhost.example", False), ("127.0.0.1.example", False), ("", False), ("::", False)),
    ],
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(KEY)
    endpoint = Endpoint("wss://host", secret)
    shown = [repr(secret), str(secret), f"{secret}", format(secret), f"{secret!r}", f"{secret!s}"]
    shown += [f"{endpoint}", repr([endpoint]), "%s" % secret, "{}".format(secret)]  # noqa: UP031, UP032
    assert not [text for text in shown if KEY in text]
    assert secret.reveal() == KEY
    assert (bool(secret), bool(NO_KEY)) == (True, False)


def test_a_secret_stays_out_of_tracebacks_that_print_variables() -> None:
    def connect(endpoint: Endpoint, secret: Secret) -> None:
        raise OSError("refused")

    with pytest.raises(OSError, match="refused") as caught:
        connect(Endpoint("wss://host", Secret(KEY)), Secret(KEY))
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(told.format())
    assert "Secret(" in text
    assert KEY not in text


class TestRequest:
    """The query that goes with the handshake."""

    def test_times_and_words_are_always_asked_for(self) -> None:
        assert Request().query() == {
            "response_format": "verbose_json",
            "timestamp_granularities": "word,segment",
        }

    def test_what_the_user_chose_goes_along(self) -> None:
        query = Request("de", "Fach & Wort", "whisper-v3").query()
        chosen = (query["language"], query["prompt"], query["model"])
        assert chosen == ("de", "Fach & Wort", "whisper-v3")

    def test_the_addresss_own_parameters_stay_and_ours_win(self) -> None:
        endpoint = endpoint_for("wss://host/p?a=1&a=2&flag=&language=fr&model=m", NO_KEY)
        parts = urlsplit(Request(language="de").url(endpoint))
        assert (parts.scheme, parts.netloc, parts.path) == ("wss", "host", "/p")
        assert parse_qsl(parts.query, keep_blank_values=True) == [
            *[("a", "1"), ("a", "2"), ("flag", ""), ("model", "m"), ("language", "de")],
            *Request().query().items(),
        ]

    @given(st.text(st.characters(codec=None, exclude_categories=())))
    def test_any_prompt_fits_into_the_url(self, prompt: str) -> None:
        url = Request(prompt=prompt).url(Endpoint("wss://host/p"))
        assert url.isascii()
        readable = prompt.encode("utf-8", "replace").decode()
        assert dict(parse_qsl(urlsplit(url).query)).get("prompt", "") == readable
