"""What is too much at once: each client waits, sends it again in order, and its program hears nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.counting import keep
from support.every_client import RUNTIMES, TRANSPORTS, Make, every_client
from support.peer import Line, Peer
from support.serving import eventually, listen
from support.skins import Skin, skin

from nuphar import Rate, Rates, Server, Store, states
from nuphar.testing import MemoryConnector

STORES = {"list": Store((), keep)}
T = "topic:list"


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture(params=RUNTIMES)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    with every_client(request.param, "websocket", STORES) as make:
        yield make


def joined(peer: Peer) -> Line:
    """Accept a client, and let it into its topic."""
    line = peer.accept().greet()
    assert line.receive() == [2, 1, T, None, None]
    line.send([21, T, "e", 0, [], "subscribed"], [17, T, 0, [1], False])
    return line


def refuse(line: Line, ref: int, seconds: Any) -> None:
    line.send([18, ref, T, "rate_limited", "too much at once", {"retry_after": seconds}])


def test_what_was_refused_comes_again_in_order_with_those_behind_it(peer: Peer, make: Make) -> None:
    client = make(f"://127.0.0.1:{peer.port}/live")
    line = joined(peer)
    told: list[Any] = []
    client.call(lambda client: client.on_rejected(lambda message: told.append(message)))
    answers = [client.start("list", n) for n in range(3)]
    assert [line.receive() for _ in range(3)] == [[4, 2 + n, T, n] for n in range(3)]
    for ref in (2, 3, 4):
        refuse(line, ref, 0.05)
    line.send([7, 99])
    assert line.receive() == [25, 99]  # it has heard all of that
    answers.append(client.start("list", 3))
    assert client.call(lambda client: client.model("list")) == (0, 1, 2, 3)
    for n in range(3):
        assert line.receive() == [4, 2 + n, T, n]
        line.send([17, T, 1 + n, [2 + n], False])
    assert line.receive() == [4, 5, T, 3]  # not before what was refused has its answers
    refuse(line, 5, 0.01)
    assert line.receive() == [4, 5, T, 3]
    line.send([17, T, 4, [5], False])
    assert [answer() for answer in answers] == [1, 2, 3, 4]
    assert told == []
    client.wait(lambda client: client.confirmed("list") == (0, 1, 2, 3))


def test_a_target_that_is_too_much_is_asked_for_again(peer: Peer, make: Make) -> None:
    client = make(f"://127.0.0.1:{peer.port}/live")
    line = peer.accept().greet()
    for _ in range(3):
        assert line.receive() == [2, 1, T, None, None]
        refuse(line, 1, 0.01)
    assert line.receive() == [2, 1, T, None, None]
    assert client.call(lambda client: str(client.status("list"))) == "waiting"
    line.send([21, T, "e", 0, [], "subscribed"], [17, T, 0, [1], False])
    client.wait(lambda client: isinstance(client.status("list"), states.Following))


def test_a_client_that_was_closed_for_too_much_comes_back_and_loses_nothing(peer: Peer, make: Make) -> None:
    client = make(f"://127.0.0.1:{peer.port}/live")
    told: list[Any] = []
    client.call(lambda client: client.on_state(told.append))
    line = joined(peer)
    answer = client.start("list", 0)
    assert line.receive() == [4, 2, T, 0]
    refuse(line, 2, 1000)
    line.send_close(4529, "too many frames")
    again = peer.accept().upgrade()
    assert again.receive() == [1, 1, "s", "t", {T: ["e", 0]}, {}]
    again.send([16, "c" * 32, "s", "t2", True, {}, 20.0, ""])
    assert again.receive() == [4, 2, T, 0]
    again.send([17, T, 1, [2], False])
    assert answer() == 1
    assert any(isinstance(each, states.Offline) and "4529: too many frames" in each.why for each in told)
    assert client.call(lambda client: client.is_live)


def test_a_client_that_ends_while_it_waits_leaves_nothing_behind(peer: Peer, make: Make) -> None:
    client = make(f"://127.0.0.1:{peer.port}/live")
    line = joined(peer)
    client.start("list", 0)
    assert line.receive() == [4, 2, T, 0]
    refuse(line, 2, 1000)
    line.send([7, 99])
    assert line.receive() == [25, 99]
    client.close()


# Against a real server.

SLOW = Rates(messages=Rate(100, 5), subscribes=Rate(20, 1))
MANY = 40


def slow(make_server: Callable[..., Server]) -> Server:
    server = make_server(rates=SLOW)
    server.topic("list").with_store(STORES["list"])
    for n in range(3):
        server.topic(f"more{n}").with_store(STORES["list"])
    return server


def floods(client: Skin) -> None:
    """Send far too much at once, and see that all of it is applied in order and nobody heard of it."""
    told: list[Any] = []
    client.call(lambda client: client.on_rejected(lambda message: told.append(message)))
    client.call(lambda client: client.on_refused(lambda target: told.append(target)))
    more = [client.call(lambda client, n=n: client.subscribe(f"more{n}", STORES["list"])) for n in range(3)]
    answers = [client.start("list", n) for n in range(MANY)]
    assert [answer() for answer in answers] == list(range(1, MANY + 1))
    client.wait(lambda client: client.confirmed("list") == tuple(range(MANY)))
    client.wait(lambda client: all(isinstance(each.status, states.Following) for each in more))
    assert told == []


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_flood_is_taken_in_order_as_fast_as_the_server_likes(
    make_server: Callable[..., Server], runtime: str, transport: str
) -> None:
    port = listen(slow(make_server))
    with every_client(runtime, transport, STORES) as make:
        floods(make(f"://127.0.0.1:{port}/live"))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_flood_in_memory_is_taken_in_order_too(make_server: Callable[..., Server], runtime: str) -> None:
    client = skin(runtime, MemoryConnector(slow(make_server)), STORES)
    try:
        floods(client)
    finally:
        client.close()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_flood_that_is_cut_again_and_again_is_taken_once(make_server: Callable[..., Server], runtime: str) -> None:
    server = slow(make_server)
    line = MemoryConnector(server)
    client = skin(runtime, line, STORES)
    try:
        answers = [client.start("list", n) for n in range(MANY)]
        topic = server.directory.topics["list"].target.order
        for part in range(1, 5):
            eventually(lambda: topic.position.seq >= 5 * part)  # noqa: B023 (it is called at once)
            client.call(lambda client: line.cut())
            client.call(lambda client: line.restore())
        assert [answer() for answer in answers] == list(range(1, MANY + 1))
        client.wait(lambda client: client.confirmed("list") == tuple(range(MANY)))
    finally:
        client.close()
