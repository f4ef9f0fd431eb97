"""One suite for the three Python clients, against a real server over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.counting import add, keep
from support.peer import Peer, Proxy
from support.serving import eventually, free_port, listen
from support.skins import AsyncSkin, Skin

from nuphar import AsyncClient, Client, FileQueue, NotRunning, QueueError, Refused, Server, Store, UsageError, states
from nuphar.testing import MemoryConnector
from nuphar.transport.client.core.outgoing import MemoryQueue

COUNTER, LIST = Store(0, add), Store((), keep)
STORES = {"counter": COUNTER, "list": LIST}

Start = Callable[..., Skin]


@pytest.fixture
def port(server: Server) -> int:
    server.topic("counter").with_store(COUNTER)
    server.topic("list").with_store(LIST)
    return listen(server)


@pytest.fixture
def proxy(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    yield proxy
    proxy.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture(params=["greenlets", "threads", "asyncio"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    """A function that starts a client; all are closed at the end."""
    skins: list[Skin] = []

    def start(url: str, queue: Any = None, stores: dict[str, Store] | None = None) -> Skin:
        stores = STORES if stores is None else stores
        asynchronous = request.param == "asyncio"
        skins.append(AsyncSkin(url, stores, queue) if asynchronous else Skin(request.param, url, stores, queue))
        return skins[-1]

    yield start
    for skin in skins:
        skin.close()


def settled(client: Any) -> bool:
    return bool(client._core.is_settled())


def model(server: Server, topic_id: str) -> Any:
    order = server.directory.topics[topic_id].target.order
    assert order is not None
    return order.position.model


def test_a_dispatch_is_shown_at_once_and_answered_with_its_seq(server: Server, proxy: Proxy, start: Start) -> None:
    skin = start(proxy.url)
    shown = skin.call(lambda client: (client.dispatch("counter", 5), client.model("counter"))[1])
    assert shown == 5
    skin.wait(lambda client: client.confirmed("counter") == 5)
    assert skin.start("counter", 2)() == 2
    assert skin.call(lambda client: client.pending("counter")) == []
    assert model(server, "counter") == 7


def test_two_clients_agree(server: Server, proxy: Proxy, start: Start) -> None:
    one, two = start(proxy.url), start(proxy.url)
    one.wait(settled)
    two.wait(settled)
    answers = [skin.start("list", n) for n in range(10) for skin in (one, two)]
    assert sorted(answer() for answer in answers) == list(range(1, 21))
    for skin in (one, two):
        skin.wait(lambda client: client.confirmed("list") == client.model("list") == model(server, "list"))


def test_what_is_refused_is_taken_back_told_to_the_caller_and_to_the_hook(proxy: Proxy, start: Start) -> None:
    skin = start(proxy.url)
    skin.wait(settled)
    told: list[Any] = []
    skin.call(
        lambda client: client.on_rejected(lambda target, message, refused: told.append((target, message, refused)))
    )
    answer = skin.start("list", None)
    good = skin.start("counter", "text")
    answer()
    with pytest.raises(Refused, match="crashed"):
        good()
    eventually(lambda: told)
    assert [(target, message, refused.code) for target, message, refused in told] == [
        ("topic:counter", "text", "crashed")
    ]
    assert skin.call(lambda client: (client.model("counter"), client.pending("counter"))) == (0, [])


def test_the_states_are_told_one_after_the_other(proxy: Proxy, start: Start) -> None:
    skin = start(proxy.url, stores={})
    heard: list[Any] = []
    skin.call(lambda client: client.on_state(heard.append))
    skin.wait(lambda client: client.is_live)
    proxy.refuse = True
    proxy.cut()
    skin.wait(lambda client: isinstance(client.state, states.Offline))
    since = skin.call(lambda client: client.state).since
    proxy.refuse = False
    skin.wait(lambda client: client.is_live)
    skin.close()
    eventually(lambda: isinstance(heard[-1], states.Closed))
    kinds = [type(state) for state in heard]
    assert [kind for at, kind in enumerate(kinds) if kinds[at - 1 : at] != [kind]][-3:] == [
        states.Offline,
        states.Live,
        states.Closed,
    ]
    assert {state.since for state in heard if isinstance(state, states.Offline)} == {since}
    assert heard[-1] == states.Closed(1000, "by this client")


def test_where_nobody_listens_it_is_offline_and_says_why(start: Start) -> None:
    skin = start(f"ws://127.0.0.1:{free_port()}/live", stores={})
    skin.wait(lambda client: isinstance(client.state, states.Offline))
    assert "refused" in skin.call(lambda client: client.state.why).lower() or "111" in skin.call(str)


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4409])
def test_it_does_not_come_back_where_it_is_not_wanted(peer: Peer, start: Start, code: int) -> None:
    skin = start(peer.url, stores={})
    line = peer.accept().greet()
    line.send_close(code, "no")
    skin.wait(lambda client: client.is_closed)
    assert skin.call(lambda client: client.state) == states.Closed(code, "no")
    with pytest.raises(NotRunning, match=str(code)):
        skin.start("counter", 1)


@pytest.mark.parametrize("code", [1001, 1011, 4404, 4500, 4508, 4513, 4529])
def test_it_comes_back_otherwise_and_presents_its_last_token(peer: Peer, start: Start, code: int) -> None:
    skin = start(peer.url, stores={})
    line = peer.accept().greet()
    line.send([7, 3])
    assert line.receive() == [25, 3]
    line.send_close(code, "later")
    again = peer.accept().upgrade()
    assert again.receive() == [1, 1, "s", "t", {}, {}]
    again.send([16, "c" * 32, "s", "t2", True, {}, 20.0, ""])
    skin.wait(lambda client: client.state == states.Live("c" * 32, resumed=True))


def test_a_resumed_session_hears_again_what_was_not_answered(peer: Peer, start: Start) -> None:
    skin = start(peer.url, stores={"counter": COUNTER})
    line = peer.accept().greet()
    assert line.receive() == [2, 1, "topic:counter", None, None]
    line.send([21, "topic:counter", "e", 1, 40, "subscribed"], [17, "topic:counter", 1, [1], False])
    skin.wait(settled)
    answer = skin.start("counter", 2)
    assert line.receive() == [4, 2, "topic:counter", 2]
    line.cut()
    again = peer.accept().upgrade()
    assert again.receive() == [1, 1, "s", "t", {"topic:counter": ["e", 1]}, {}]
    again.send([16, "c" * 32, "s", "t2", True, {}, 20.0, ""], [7, 1])
    assert again.receive() == [4, 2, "topic:counter", 2]
    assert again.receive() == [25, 1]
    again.send([17, "topic:counter", 2, [2], False])
    assert answer() == 2
    assert skin.call(lambda client: client.confirmed("counter")) == 42


def test_cuts_lose_nothing_that_waited_and_apply_nothing_twice(server: Server, proxy: Proxy, start: Start) -> None:
    skin = start(proxy.url)
    skin.wait(settled)
    proxy.refuse = True
    proxy.cut()
    skin.wait(lambda client: not client.is_live)
    answers = [skin.start("list", n) for n in range(50)]
    assert skin.call(lambda client: client.model("list")) == tuple(range(50))
    proxy.refuse = False
    assert [answer() for answer in answers] == list(range(1, 51))
    assert skin.call(lambda client: client.confirmed("list")) == model(server, "list") == tuple(range(50))


def test_a_file_sends_in_the_next_run_what_was_dispatched_without_a_server(
    server: Server, port: int, start: Start, tmp_path: Path
) -> None:
    nowhere = f"ws://127.0.0.1:{free_port()}/live"
    path = tmp_path / "q"
    first = start(nowhere, FileQueue(path))
    for n in range(3):
        first.start("list", n)
    with pytest.raises(QueueError, match="in use"):
        start(nowhere, FileQueue(path))
    first.call(lambda client: client._queue.close())  # what a kill does
    second = start(nowhere, FileQueue(path))
    assert second.call(lambda client: client.pending("list")) == [0, 1, 2]
    second.call(lambda client: client._queue.close())
    third = start(f"ws://127.0.0.1:{port}/live", FileQueue(path))
    third.wait(lambda client: client.confirmed("list") == (0, 1, 2))
    assert model(server, "list") == (0, 1, 2)


# Only asyncio.


def test_changes_are_iterated_and_the_end_of_the_client_ends_them(proxy: Proxy) -> None:
    skin = AsyncSkin(proxy.url, STORES)
    client = skin.client
    heard: list[Any] = []

    async def follow() -> None:
        await client.wait_live()
        following = asyncio.create_task(listen_to())
        await asyncio.sleep(0)
        assert await client.dispatch("counter", 5) == 1
        assert await client.dispatch("counter", 2) == 2
        await client.close()
        await asyncio.wait_for(following, 5)

    async def listen_to() -> None:
        async for model, message in client.changes("counter"):
            heard.append((model, message))

    try:
        skin.run(follow())
    finally:
        skin.close()
    assert heard == [(5, 5), (7, 2)]


def test_a_dispatch_whose_answer_nobody_waits_for_may_be_cancelled_or_refused(proxy: Proxy) -> None:
    skin = AsyncSkin(proxy.url, STORES)
    client = skin.client

    async def go() -> int:
        await client.wait_live()
        client.dispatch("counter", "text")
        client.dispatch("counter", 1).cancel()
        seq: int = await client.dispatch("counter", 2)
        return seq

    try:
        assert skin.run(go()) == 2
    finally:
        skin.close()


def test_an_async_client_is_entered_once_and_used_after_that() -> None:
    async def twice() -> None:
        async with AsyncClient(f"ws://127.0.0.1:{free_port()}/live") as client:
            with pytest.raises(TimeoutError):
                await client.wait_live(timeout=0.01)
            with pytest.raises(UsageError, match="once"):
                await client.__aenter__()

    asyncio.run(twice())


def test_an_async_client_takes_a_connector_that_calls_from_another_thread(server: Server) -> None:
    topic = server.topic("counter").with_store(COUNTER)
    line = MemoryConnector(server)
    skin = AsyncSkin(line, {"counter": COUNTER})
    try:
        skin.wait(settled)
        assert skin.start("counter", 5)() == 1
        line.cut()
        skin.wait(lambda client: isinstance(client.state, states.Offline))
        answer = skin.start("counter", 2)
        line.restore()
        assert answer() == 2
        assert topic.model == 7
    finally:
        skin.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [({"queue": "a/file"}, r"queue=FileQueue\('a/file'\)"), ({"stores": [COUNTER]}, "mapping .*, got list")],
)
def test_options_of_another_kind_are_refused_before_anything_is_opened(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Client("ws://127.0.0.1:1/live", **options)


@pytest.mark.parametrize("bounds", [{"messages": 0}, {"messages": 2.5}, {"size": "x"}])
def test_bounds_of_a_queue_are_integers_from_1(tmp_path: Path, bounds: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="an integer from 1"):
        FileQueue(tmp_path / "queue", **bounds)


class FullDisk(MemoryQueue):
    """A queue whose disk has no room for what is about to be sent, while ``is_full``."""

    is_full = True

    def sent(self, pairs: Any) -> None:
        if pairs and self.is_full:
            raise QueueError("no space left")


def test_a_disk_that_has_room_again_is_used_without_the_program_s_help(
    server: Server, proxy: Proxy, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server says nothing meanwhile: its Ping is not due, as the client is alive."""
    monkeypatch.setattr("nuphar.transport.client.core.keeping.SOON", 0.01)
    monkeypatch.setattr("nuphar.transport.client.core.keeping.LATE", 0.02)
    queue = FullDisk()
    proxy.refuse = True
    skin = start(proxy.url, queue)
    answer = skin.start("counter", 1)
    proxy.refuse = False
    skin.wait(settled)
    tries: list[int] = []
    retry = skin.client._core.retry
    skin.client._core.retry = lambda: (tries.append(1), retry())[1]
    eventually(lambda: len(tries) >= 3)
    assert model(server, "counter") == 0
    queue.is_full = False
    assert answer() == 1
    eventually(lambda: not skin.client._core.keeping.is_short)
    done = len(tries)
    for _ in range(30):
        eventually(lambda: True)
    assert len(tries) == done
