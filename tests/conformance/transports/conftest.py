"""The transports, each as a client that does what it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.http import EventsClient, PollClient
from support.raw import RawClient, close_all
from support.serving import listen

from nuphar import Server, Store

Connect = Callable[..., RawClient]


def websocket(port: int, *, encoding: str = "cbor", **options: Any) -> RawClient:
    return RawClient(port, subprotocol=f"nuphar.v1.{encoding}", **options)


TRANSPORTS: dict[str, Callable[..., RawClient]] = {
    "websocket": websocket,
    "poll": PollClient,
    "events": EventsClient,
}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Close the clients that a test left open, before its servers stop: they would wait for them."""
    close_all()


@pytest.fixture
def serve(make_server: Callable[..., Server]) -> Iterator[Callable[..., tuple[Server, int]]]:
    """A function that starts a server with the topics ``counter`` and ``list``, and returns it and its port."""
    servers: list[Server] = []

    def start(**options: Any) -> tuple[Server, int]:
        server = make_server(**options)
        server.topic("counter").with_store(Store(0, lambda model, message: model + message))
        server.topic("list").with_store(Store((), lambda model, message: (*model, message)))
        servers.append(server)
        return server, listen(server)

    yield start
    for server in servers:
        server.gateway.abort_all()  # a stop would wait for the next poll of clients that are gone


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Callable[..., RawClient]:
    """A function that connects a client of one transport to a port."""
    return TRANSPORTS[request.param]


@pytest.fixture
def server(serve: Callable[..., tuple[Server, int]]) -> Server:
    server, _ = serve()
    return server


@pytest.fixture
def connect(transport: Callable[..., RawClient], server: Server) -> Connect:
    """A function that connects another client to ``server``."""
    port = next(iter(server.lifecycle.listening.values())).server_port
    return lambda **options: transport(port, **options)
