"""Proxies: which one the environment names, and what it says about a tunnel."""

from __future__ import annotations

from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import pytest

from nuphar import UsageError
from nuphar.transport.client.connectors.proxies import Proxy, Tunnel, connect_request, proxy_for
from nuphar.transport.client.connectors.urls import Address

PROXY = Proxy("proxy.example", 3128, "")
FOUND = {"http": "http://one.example:1", "https": "two.example:2", "no": "inside.example,.intern"}


def chosen(url: str, found: dict[str, str] = FOUND) -> str | None:
    address = Address.of(url)
    proxy = proxy_for(address, found, proxy_bypass_environment)
    return None if proxy is None else f"{proxy.host}:{proxy.port}"


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("ws://chat.example/live", "one.example:1"),
        ("wss://chat.example/live", "two.example:2"),
        ("ws://inside.example/live", None),
        ("wss://a.intern/live", None),
        ("ws://localhost:8000/live", None),
        ("ws://127.0.0.1:8000/live", None),
        ("ws://[::1]:8000/live", None),
    ],
)
def test_the_environment_names_one_by_scheme_and_host(url: str, where: str | None) -> None:
    assert chosen(url) == where


def test_all_proxy_stands_in_and_no_proxy_excepts_everything() -> None:
    assert chosen("ws://h/", {"all": "http://three.example:3"}) == "three.example:3"
    assert chosen("ws://h/", {**FOUND, "no": "*"}) is None
    assert chosen("ws://h/", {}) is None


@pytest.mark.parametrize("url", ["socks5://h:1", "https://h:1", "http://", "http://h..x:1"])
def test_another_kind_of_proxy_is_refused_and_its_variable_named(url: str) -> None:
    with pytest.raises(UsageError, match="http_proxy: proxy: expected a URL like"):
        chosen("ws://h/", {"http": url})


def test_a_name_and_password_are_for_the_proxy_alone() -> None:
    proxy = Proxy.of("http://me:p%40ss@proxy.example:3128")
    assert proxy == Proxy("proxy.example", 3128, "Basic bWU6cEBzcw==")
    lines = connect_request(Address.of("wss://[::1]/live"), proxy).decode().split("\r\n")
    assert lines == [
        "CONNECT [::1]:443 HTTP/1.1", "Host: [::1]:443", "Proxy-Authorization: Basic bWU6cEBzcw==", "", "",
    ]  # fmt: skip


def test_a_tunnel_opens_in_any_pieces() -> None:
    data = b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n"
    tunnel = Tunnel(PROXY)
    assert [tunnel.feed(data[at : at + 1]) for at in range(len(data))] == [False] * (len(data) - 1) + [True]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\nwho?",
            "3128 answered 407 Proxy Authentication Required: who",
        ),
        (b"HTTP/1.1 502 \r\n\r\n", "answered 502"),
        (b"HTTP/1.1 200 OK\r\n\r\nearly", "before the server was asked"),
        (b"SSH-2.0-x\r\n\r\n", "is no HTTP proxy"),
        (b"HTTP/1.1 " + b"9" * 5000 + b"\r\n\r\n", "is no HTTP proxy"),
        (b"x" * 20_000, "no answer to CONNECT"),
        (b"", "no answer to CONNECT"),
    ],
)
def test_what_opens_no_tunnel_is_an_error_with_its_reason(data: bytes, text: str) -> None:
    with pytest.raises(ConnectionError, match=text):
        Tunnel(PROXY).feed(data)
