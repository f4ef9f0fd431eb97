"""A Python client of 1,000 topics with long names: after a cut it hears what it missed of each, and no Snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.serving import eventually, listen

from nuphar import Client, Server, Store
from nuphar.actors.routing.topic_handle import TopicHandle
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.http import event_stream, long_polling

COUNT, LENGTH = 1_000, 100
"""As many as a session may be in; their cursors take two messages of 64 KiB."""

SUM = Store(0, lambda model, message: model + message)
QUICK: dict[str, Any] = {"backoff": ReconnectBackoff(0.01), "chance": lambda: 0.5}

WAYS: dict[str, Callable[[int], Any]] = {
    "websocket": lambda port: f"ws://127.0.0.1:{port}/live",
    "poll": lambda port: long_polling(f"http://127.0.0.1:{port}/live", **QUICK),
    "events": lambda port: event_stream(f"http://127.0.0.1:{port}/live", **QUICK),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_client_of_a_thousand_topics_comes_back_with_what_it_missed(
    make_server: Callable[..., Server], way: str
) -> None:
    server = make_server()
    server.topic_kind("asset-", store=SUM)
    targets = [f"topic:asset-{n}-".ljust(LENGTH, "x") for n in range(COUNT)]
    where = WAYS[way](listen(server))
    options = QUICK if isinstance(where, str) else {}
    with Client(where, stores=dict.fromkeys(targets, SUM), **options) as client:
        client.wait_live(timeout=30.0)
        me, changes = client.client_id, list[Any]()
        client.on_change(lambda *change: changes.append(change))
        for connection in list(server.gateway.connections):
            connection.abort()
        for target in targets:
            TopicHandle(server, server.directory.topics[target[len("topic:") :]]).dispatch(5)
        eventually(lambda: len(changes) >= COUNT, 30.0)
        client.wait_live(timeout=30.0)
        assert client.client_id == me
        assert sorted(changes) == sorted((target, 5, 5) for target in targets)
        assert client.dispatch(targets[0], 1).get(timeout=10.0) == 2
