"""Options beside a URL: known ones, of the kind that was expected."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import AsyncClient, Client, UsageError
from nuphar.transport.client.connectors.http import long_polling

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


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_a_context_needs_a_url_with_tls(make: Any) -> None:
    import ssl

    with pytest.raises(UsageError, match="expected a wss:// or https:// URL"):
        make(URL, ssl_context=ssl.create_default_context())
