"""URLs: one reading for all connectors, and one sentence for those that cannot be reached."""

from __future__ import annotations

import pytest

from nuphar import UsageError
from nuphar.transport.client.connectors.urls import Address, scheme_of


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://h/live", Address("h", 80, False, "h", "/live")),
        ("wss://h", Address("h", 443, True, "h", "/")),
        ("WS://H:81/a?b=c#d", Address("h", 81, False, "h:81", "/a?b=c")),
        ("ws://me:pw@h:81/", Address("h", 81, False, "h:81", "/")),
        ("ws://[::1]:8000/live/", Address("::1", 8000, False, "[::1]:8000", "/live")),
        ("ws://h/live/?a=1", Address("h", 80, False, "h", "/live?a=1")),
        ("ws://h?a=1", Address("h", 80, False, "h", "/?a=1")),
        (
            "wss://b\u00fccher.example/live",
            Address("xn--bcher-kva.example", 443, True, "xn--bcher-kva.example", "/live"),
        ),
        ("ws://my_service:8000/live", Address("my_service", 8000, False, "my_service:8000", "/live")),
    ],
)
def test_a_url_is_taken_apart(url: str, address: Address) -> None:
    assert Address.of(url) == address


@pytest.mark.parametrize("path", ["/live", "/live/", "/live?room=7", "/live/?room=7", "", "/"])
def test_both_schemes_are_read_alike(path: str) -> None:
    assert Address.of(f"ws://h:1{path}") == Address.of(f"http://h:1{path}", "http")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://h/live", "/live/poll?wait=1"),
        ("http://h/live/", "/live/poll?wait=1"),
        ("http://h/live?room=7", "/live/poll?room=7&wait=1"),
        ("http://h", "/poll?wait=1"),
    ],
)
def test_what_is_below_it_keeps_the_query(url: str, place: str) -> None:
    assert Address.of(url, "http").below("poll", "wait=1") == place
    assert Address.of(url, "http").below("send") == place.partition("poll")[0] + "send" + ("?room=7" * ("room" in url))


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://h/live", "expected a URL like ws://"),
        ("h:8000", "expected a URL like ws://"),
        ("ws://", "expected a URL like ws://"),
        ("ws://h:0/", "expected a URL like ws://"),
        ("ws://h:99999/", "Port out of range"),
        ("ws://[::1/", "Invalid IPv6 URL"),
        ("ws://[::zz]/", "IPv6"),
        ("ws://chat..example/live", "no name that can be looked up: label empty or too long"),
        (f"ws://{'a' * 64}.example/live", "no name that can be looked up: label"),
        ("ws://.example/live", "no name that can be looked up"),
        ("ws://a|b/live", "expected letters, digits"),
        ("ws://chat example/live", "space or control character stands at character 9"),
        ("ws://h/li ve", "write %20"),
        ("ws://h/li\nve", "control character"),
        ("ws://h\x00x/", "control character"),
        ("ws://h/caf\u00e9", "write them as '/caf%C3%A9'"),
        ("ws://h/?name=\u20ac", "write them as '/\\?name=%E2%82%AC'"),
    ],
)
def test_what_cannot_be_reached_is_refused_in_one_sentence(url: str, text: str) -> None:
    with pytest.raises(UsageError, match=text) as caught:
        Address.of(url)
    assert "\n" not in str(caught.value)


def test_a_url_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a URL like"):
        Address.of(b"ws://h/live")  # type: ignore[arg-type]


def test_the_names_of_the_protocol_over_http_are_not_for_a_query() -> None:
    with pytest.raises(UsageError, match=r"\['after', 'line'\]"):
        Address.of("http://h/live?line=1&after=2&room=7", "http")
    assert Address.of("ws://h/live?line=1").resource == "/live?line=1"


@pytest.mark.parametrize(("url", "scheme"), [("HTTPS://h", "https"), ("ws://h", "ws"), ("h:80", ""), ("", "")])
def test_the_scheme_is_read_in_small_letters(url: str, scheme: str) -> None:
    assert scheme_of(url) == scheme
