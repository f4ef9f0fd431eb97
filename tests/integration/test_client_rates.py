"""What is too much at once: each client waits, sends it again in order, and its program hears nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.counting import keep
from support.every_client import RUNTIMES, Make, every_client
from support.peer import Line, Peer

from nuphar import Store, states

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
    assert [line.receive() for _ in range(4)] == [[4, 2 + n, T, n] for n in range(4)]
    refuse(line, 5, 0.01)
    line.send([17, T, 3, [2, 3, 4], False])
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
