from __future__ import annotations

import math
from typing import Any

import pytest

from nuphar.load.errors import LoadError
from nuphar.load.plan import Plan, WebSocketAddress


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"clients": 0}, "--clients: expected at least 1, got 0"),
        ({"topics": -3}, "--topics: expected at least 1, got -3"),
        ({"seconds": 0.0}, "--seconds: expected a number above 0, got 0"),
        ({"seconds": math.nan}, "--seconds: expected a number above 0, got nan"),
        ({"rate": math.inf}, "--rate: expected a number above 0, got inf"),
        ({"connect_rate": 0.0}, "--connect-rate: expected a number above 0, got 0"),
        ({"kill": -1.0}, "--kill: expected a number above 0, got -1"),
        ({"kill": 0.01}, "--kill: expected at least 0.125 seconds, got 0.01"),
        ({"flaky": 0.1}, "--flaky: expected at least 0.2 seconds, got 0.1"),
        (
            {"kill": 1.0, "url": "ws://h/live"},
            "--kill, --chaos: only the run's own server can be told to, not the one at --url",
        ),
        ({"url": "http://h/live"}, "--url: expected ws://host:port/live, got 'http://h/live'"),
    ],
)
def test_a_plan_that_makes_no_run_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(LoadError) as caught:
        Plan(**options)

    assert str(caught.value) == text


def test_there_may_be_more_topics_than_clients() -> None:
    assert Plan(clients=1, topics=10).topics == 10


def test_each_client_posts_once_a_second_unless_told_otherwise() -> None:
    assert Plan(clients=500).messages_per_second == 500.0
    assert Plan(clients=500, rate=20.0).messages_per_second == 20.0


def test_the_default_rate_is_held_back_where_messages_go_to_many() -> None:
    assert Plan(clients=10_000, topics=200).messages_per_second == 500.0
    assert Plan(clients=10_000, topics=10_000).messages_per_second == 10_000.0
    assert Plan(clients=10_000, topics=200, rate=9_000.0).messages_per_second == 9_000.0


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://localhost:8000/live", WebSocketAddress("localhost", 8000, "/live")),
        ("ws://example.org/live?a=1", WebSocketAddress("example.org", 80, "/live?a=1")),
        ("ws://[::1]:9", WebSocketAddress("::1", 9, "/")),
    ],
)
def test_a_url_is_taken_apart(url: str, address: WebSocketAddress) -> None:
    assert WebSocketAddress.of(url) == address


def test_an_ipv6_host_is_in_brackets() -> None:
    assert WebSocketAddress("::1", 9, "/").authority == "[::1]:9"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "live",
        "ws://",
        "ws://h:99999/",
        "ws://h:x/",
        "ws://[::1",
        "ws://u@h/",
        "ws://h/a b",
        "wss://h/",
        "ws://h/\n",
    ],
)
def test_what_is_no_url_of_ours_is_refused(url: str) -> None:
    with pytest.raises(LoadError, match="--url: "):
        WebSocketAddress.of(url)
