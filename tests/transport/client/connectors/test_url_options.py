"""Options beside a URL: known ones, of the kind that was expected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nuphar import AsyncClient, Client, UsageError
from nuphar.transport.client.connectors.async_websocket import AsyncLink
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.http import event_stream, long_polling
from nuphar.transport.client.connectors.websocket import websocket

URL = "ws://127.0.0.1:1/live"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"header": ()}, r"got \['header'\]"),
        ({"headers": {"X": "\n"}}, "line ends"),
        ({"backoff": 3}, "backoff: expected a ReconnectBackoff"),
        ({"heartbeat": 0}, "heartbeat: expected seconds above 0"),
        ({"heartbeat": True}, "heartbeat: expected seconds above 0"),
        ({"timeout": float("nan")}, "timeout: expected seconds above 0"),
        ({"timeout": "1"}, "timeout: expected seconds above 0"),
        ({"proxy": 7}, "proxy: expected True, None or a URL"),
        ({"proxy": "socks5://h:1"}, "proxy: expected a URL like"),
        ({"ssl_context": object()}, "ssl_context: expected an ssl.SSLContext"),
    ],
)
@pytest.mark.parametrize("url", [URL, URL.replace("ws", "http")])
@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_a_wrong_option_is_refused_at_once(make: Any, url: str, options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        make(url, **options)


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_options_of_a_connector_are_for_the_connector(make: Any) -> None:
    with pytest.raises(UsageError, match="give them to the connector"):
        make(long_polling("http://127.0.0.1:1/live"), headers=())


@pytest.mark.parametrize("seconds", [0, -1, True, "1", None, float("nan"), float("inf"), 86_400])
def test_whatever_takes_seconds_says_which_it_takes(seconds: Any) -> None:
    takers: dict[str, Callable[[], Any]] = {
        "heartbeat": lambda: websocket(URL, heartbeat=seconds),
        "timeout": lambda: websocket(URL, timeout=seconds),
        "wait": lambda: long_polling("http://h/live", wait=seconds),
        "silence": lambda: event_stream("http://h/live", silence=seconds),
        "base": lambda: ReconnectBackoff(base=seconds),
        "most": lambda: ReconnectBackoff(most=seconds),
    }
    for name, take in takers.items():
        with pytest.raises(UsageError, match=f"^{name}: expected seconds above 0 and below 86400, got "):
            take()
    with pytest.raises(UsageError, match=r"^heartbeat: expected seconds"):
        AsyncLink(URL, heartbeat=seconds)


def test_a_backoff_does_not_shrink() -> None:
    with pytest.raises(UsageError, match=r"factor: expected a number from 1, got 0\.5"):
        ReconnectBackoff(factor=0.5)


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_a_context_needs_a_url_with_tls(make: Any) -> None:
    import ssl

    with pytest.raises(UsageError, match="expected a wss:// or https:// URL"):
        make(URL, ssl_context=ssl.create_default_context())
