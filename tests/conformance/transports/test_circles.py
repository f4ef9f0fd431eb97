"""What ends is freed at once: a circle would be left to Python's collector, which stops everybody while it looks."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator

import gevent
import pytest
from support.raw import RawClient
from support.serving import eventually

from nuphar import Server

TIMES = 20


@pytest.fixture
def no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def left_to_the_collector() -> dict[str, int]:
    """Return how many objects of ours only the collector can free, by type, those that are more than one in a run."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    ours = Counter(type(each).__qualname__ for each in gc.garbage if type(each).__module__.startswith("nuphar."))
    gc.garbage.clear()
    return {name: count for name, count in ours.items() if count >= TIMES}


def test_a_connection_that_has_ended_is_no_circle(
    serve: Callable[..., tuple[Server, int]], transport: Callable[..., RawClient], no_collections: None
) -> None:
    server, port = serve(resume_window=0.0)
    left_to_the_collector()
    for _ in range(TIMES):
        client = transport(port)
        client.subscribe("topic:counter")
        client.post("topic:counter", 1)
        assert client.receive()[0] == 17
        client.close()
    eventually(lambda: not server.gateway.connections and not server.sessions.all())
    gevent.sleep(0)
    assert left_to_the_collector() == {}


def test_a_subscription_that_has_ended_is_no_circle(
    serve: Callable[..., tuple[Server, int]], transport: Callable[..., RawClient], no_collections: None
) -> None:
    _, port = serve()
    client = transport(port)
    left_to_the_collector()
    for at in range(TIMES):
        client.subscribe("topic:list")
        client.send([3, 1_000 + at, "topic:list"])
        assert client.receive() == [17, "topic:list", 0, [1_000 + at], False]
    assert left_to_the_collector() == {}
