"""The Python client against a real server, on greenlets and on threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pykka
import pytest
from support.counting import add, keep
from support.peer import Peer, Proxy
from support.raw import WAIT
from support.serving import eventually, in_thread, listen, program

from nuphar import Client, NotRunning, Refused, Server, Store, UnregisteredType, UsageError, states
from nuphar.testing import MemoryConnector
from nuphar.transport import Transport
from nuphar.transport.client.client import as_target
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.runtimes import choose
from nuphar.transport.client.connectors.websocket import websocket

COUNTER, LIST = Store(0, add), Store((), keep)

Connect = Callable[..., Client]


@pytest.fixture
def port(server: Server) -> int:
    server.topic("counter").with_store(COUNTER)
    server.topic("list").with_store(LIST)
    server.topic("news")
    return listen(server)


@pytest.fixture
def proxy(port: int) -> Iterator[Proxy]:
    proxy = Proxy(port)
    yield proxy
    proxy.close()


@pytest.fixture(params=["greenlets", "threads"])
def client(port: int, request: pytest.FixtureRequest) -> Iterator[Connect]:
    """A function that connects a client, which comes back at once; all are closed at the end."""
    clients: list[Client] = []

    def connect(stores: dict[str, Store] | None = None, url: str | None = None) -> Client:
        url = url or f"ws://127.0.0.1:{port}/live"
        connector = websocket(url, runtime=choose(request.param), backoff=ReconnectBackoff(0.01), chance=lambda: 0.5)
        stores = {"counter": COUNTER, "list": LIST} if stores is None else stores
        client = Client(connector, stores=stores, runtime=request.param)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


def handle(server: Server, topic_id: str) -> Any:
    from nuphar.actors.routing.topic_handle import TopicHandle

    return TopicHandle(server, server.directory.topics[topic_id])


# Names and mistakes.


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("chat", "topic:chat"),
        ("topic:chat", "topic:chat"),
        ("session", "session"),
        ("tree", "tree"),
        ("page:x", "page:x"),
    ],
)
def test_a_name_that_is_no_target_is_a_topics_id(name: str, target: str) -> None:
    assert as_target(name) == target


@pytest.mark.parametrize("name", ["", "a\x00", "x" * 256])
def test_a_name_that_names_nothing_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError):
        as_target(name)


def test_a_store_that_is_none_is_a_usage_error_before_anything_connects() -> None:
    with pytest.raises(UsageError):
        Client("ws://127.0.0.1:1/live", stores={"counter": 5})  # type: ignore[dict-item]


def test_the_model_of_a_target_that_is_not_followed_is_a_usage_error(client: Connect) -> None:
    with pytest.raises(UsageError, match="topic:counter"):
        client().model("unknown")


# In step.


def test_it_says_who_it_is_and_how_it_is(client: Connect) -> None:
    one = client()
    assert one.state == states.Connecting()
    one.wait_live()
    assert one.state == states.Live(one.client_id, resumed=False)
    assert len(one.client_id) == 32
    assert one.client_id in repr(one)
    one.close()
    assert one.state == states.Closed(1000, "by this client")


def test_two_clients_and_the_server_agree(server: Server, client: Connect) -> None:
    one, two = client().wait_live(), client().wait_live()
    assert [future.get(timeout=5) for future in [one.dispatch("counter", n) for n in (1, 2, 3)]] == [1, 2, 3]
    assert two.dispatch("counter", 4).get(timeout=5) == 4
    handle(server, "counter").dispatch(10)
    for each in (one, two):
        each.wait_until(lambda each: each.seq("counter") == 5)
        assert each.model("counter") == 20


def test_messages_of_many_greenlets_or_threads_are_all_applied_once(server: Server, client: Connect) -> None:
    one = client().wait_live()

    def dispatch(who: int) -> list[int]:
        return [one.dispatch("list", [who, n]).get(timeout=10) for n in range(25)]

    pool = gevent.get_hub().threadpool
    work = [pool.spawn(dispatch, who) for who in range(3)]
    seqs = [seq for each in work for seq in each.get(timeout=20)]
    assert sorted(seqs) == list(range(1, 76))
    model = handle(server, "list").model
    one.wait_until(lambda one: one.model("list") == model)
    for who in range(3):
        assert [n for each, n in model if each == who] == list(range(25))


def test_hooks_hear_every_change_in_order_and_pushes(server: Server, client: Connect) -> None:
    one = client({"counter": COUNTER})
    changes: list[Any] = []
    pushes: list[Any] = []
    one.on_change(lambda *change: changes.append(change))
    one.on_push(lambda *push: pushes.append(push))
    one.wait_live()
    one.subscribe("news")
    one.wait_live()
    handle(server, "counter").dispatch(2)
    one.wait_until(lambda one: one.model("counter") == 2)
    one.dispatch("counter", 3).get(timeout=5)
    handle(server, "news").broadcast("hi")
    eventually(lambda: pushes)
    assert changes == [
        ("topic:counter", 0, None),
        ("topic:counter", 2, 2),
        ("topic:counter", 5, 3),
    ]
    assert pushes == [("topic:news", "hi")]


def test_a_hook_that_raises_hurts_nobody(server: Server, client: Connect, caplog: pytest.LogCaptureFixture) -> None:
    one = client()

    @one.on_change
    def broken(*_: Any) -> None:
        raise RuntimeError("my own fault")

    one.wait_live()
    assert one.dispatch("counter", 3).get(timeout=5) == 1
    one.wait_until(lambda one: one.model("counter") == 3)
    assert "my own fault" in caplog.text


def test_refusals_are_raised_by_the_future_with_their_code(server: Server, client: Connect) -> None:
    one = client().wait_live()
    for target, message, code in (
        ("counter", "text", "crashed"),
        ("unknown", 1, "not_subscribed"),
    ):
        with pytest.raises(Refused) as refused:
            one.dispatch(target, message).get(timeout=5)
        assert refused.value.code == code
    with pytest.raises(UnregisteredType):
        one.dispatch("counter", object())
    assert one.dispatch("counter", 1).get(timeout=5) == 1


def test_unsubscribe_and_subscribe_again(server: Server, client: Connect) -> None:
    one = client().wait_live()
    one.unsubscribe("counter")
    handle(server, "counter").dispatch(5)
    with pytest.raises(UsageError):
        one.model("counter")
    one.subscribe("counter", COUNTER)
    one.wait_until(lambda one: one.model("counter") == 5)


def test_a_client_that_follows_nothing_is_live_after_welcome(client: Connect) -> None:
    assert client({}).wait_live().is_live


def test_a_topic_that_stops_resets_its_slice(server: Server, client: Connect) -> None:
    one = client().wait_live()
    one.dispatch("counter", 5).get(timeout=5)
    handle(server, "counter").stop()
    one.wait_until(lambda one: one.model("counter") == 0)
    assert one.seq("counter") == 0


# Waiting.


def test_wait_live_times_out_where_nobody_listens(client: Connect) -> None:
    peer = Peer()
    peer.close()
    with pytest.raises(pykka.Timeout):
        client(url=peer.url).wait_live(timeout=0.05)


def test_wait_until_times_out_and_forgets_its_condition(client: Connect) -> None:
    one = client().wait_live()
    with pytest.raises(pykka.Timeout):
        one.wait_until(lambda one: False, timeout=0.01)
    assert one._waits == []


def test_a_condition_that_raises_raises_for_its_waiter_and_nobody_else(server: Server, client: Connect) -> None:
    one = client().wait_live()
    with pytest.raises(ZeroDivisionError):
        one.wait_until(lambda one: 1 / one.model("counter") > 0, timeout=1)

    def picky(one: Client) -> bool:
        if one.model("counter"):
            raise LookupError("I did not expect this")
        return False

    waiting = gevent.spawn(one.wait_until, picky)
    gevent.sleep(0)
    handle(server, "counter").dispatch(5)
    with pytest.raises(LookupError):
        waiting.get(timeout=5)
    assert one.dispatch("counter", 1).get(timeout=5) == 2
    assert one.is_live


# Coming back.


def test_after_a_cut_it_is_current_again_and_no_message_was_heard_twice(
    server: Server, client: Connect, proxy: Proxy
) -> None:
    one = client(url=proxy.url).wait_live()
    heard: list[Any] = []
    one.on_change(lambda target, model, message: heard.append(message))
    topic = handle(server, "list")
    for n in range(5):
        topic.dispatch(f"before {n}")
        one.wait_until(lambda one, n=n: f"before {n}" in one.model("list"))
        proxy.cut()
        topic.dispatch(f"during {n}")
        one.dispatch("list", f"mine {n}").get(timeout=5) if not one.is_live else None
        one.wait_until(lambda one, n=n: f"during {n}" in one.model("list"))
    assert one.model("list") == topic.model
    assert len(heard) == len(set(heard))
    assert None not in heard, "the log had everything, so no snapshot was needed"
    assert one.seq("list") == topic.seq
    assert proxy.accepted == 6


def test_what_is_dispatched_while_offline_is_sent_after_the_line_is_back(
    server: Server, client: Connect, proxy: Proxy
) -> None:
    one = client(url=proxy.url).wait_live()
    proxy.refuse = True
    proxy.cut()
    eventually(lambda: isinstance(one.state, states.Offline))
    waiting = [one.dispatch("list", n) for n in range(256)]
    assert one.model("list") == tuple(range(256))
    assert one.pending("list") == list(range(256))
    proxy.refuse = False
    assert [future.get(timeout=5) for future in waiting] == list(range(1, 257))
    assert one.model("list") == handle(server, "list").model == tuple(range(256))


def test_what_was_on_its_way_when_the_line_was_cut_is_answered_once_each(
    server: Server, client: Connect, proxy: Proxy
) -> None:
    one = client(url=proxy.url).wait_live()
    topic = handle(server, "list")
    futures = []
    for n in range(300):
        try:
            futures.append((n, one.dispatch("list", n)))
        except Refused:  # busy: too many wait for the connection
            one.wait_live()
        if n % 60 == 50:
            proxy.cut()
        if n % 7 == 0:
            gevent.sleep(0)
    kept, unknown = [], []
    for n, future in futures:
        try:
            future.get(timeout=5)
            kept.append(n)
        except Refused as refused:
            assert refused.code == "unknown_outcome"  # noqa: PT017
            unknown.append(n)
    one.wait_until(lambda one: one.is_live and one.model("list") == topic.model)
    model = topic.model
    assert len(model) == len(set(model)), "a message was applied twice"
    assert set(kept) <= set(model) <= set(kept) | set(unknown)
    assert list(model) == sorted(model)


def test_a_new_server_at_the_same_address_begins_a_new_epoch(
    server: Server, make_server: Callable[..., Server], client: Connect, proxy: Proxy
) -> None:
    one = client(url=proxy.url).wait_live()
    for n in range(5):
        one.dispatch("list", n).get(timeout=5)
    another = make_server()
    topic = another.topic("list").with_store(LIST)
    another.topic("counter").with_store(COUNTER)
    for n in range(7):
        topic.dispatch(f"new {n}")
    proxy._to = listen(another)
    proxy.cut()
    one.wait_until(lambda one: one.model("list") == topic.model)
    assert one.seq("list") == 7


def test_after_bye_it_comes_back_to_a_new_server(
    make_server: Callable[..., Server], client: Connect, proxy: Proxy
) -> None:
    first, another = make_server(retry_after=0.01), make_server()
    first.topic("counter").with_store(COUNTER)
    proxy._to = listen(first)
    one = client({"counter": COUNTER}, url=proxy.url).wait_live()
    one.dispatch("counter", 5).get(timeout=5)
    another.topic("counter").with_store(Store(40, add))
    proxy._to = listen(another)
    first.stop()
    one.wait_until(lambda one: one.model("counter") == 40)


def test_it_is_closed_with_the_code_when_the_server_does_not_want_it_back(client: Connect) -> None:
    peer = Peer()
    try:
        one = client(url=peer.url)
        line = peer.accept().greet()
        line.receive()
        waiting = one.dispatch("counter", 1)
        line.send_close(4403, "forbidden")
        with pytest.raises(NotRunning, match="4403 forbidden"):
            waiting.get(timeout=5)
        eventually(lambda: one.state == states.Closed(4403, "forbidden"))
        with pytest.raises(NotRunning, match="4403"):
            one.dispatch("counter", 1)
    finally:
        peer.close()


def test_a_frame_that_cannot_be_understood_is_logged_and_the_client_goes_on(
    client: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer()
    try:
        one = client({"counter": COUNTER}, url=peer.url)
        line = peer.accept().greet()
        line.receive()
        line.send(b"\xff", [21, "topic:counter", "e", 1, 5, "subscribed"], [17, "topic:counter", 1, [1], False])
        one.wait_live()
        assert one.model("counter") == 5
        assert "cannot be understood" in caplog.text
    finally:
        peer.close()


# The end.


def test_close_answers_what_waits_and_is_idempotent(client: Connect, proxy: Proxy) -> None:
    one = client(url=proxy.url).wait_live()
    proxy.refuse = True
    proxy.cut()
    eventually(lambda: isinstance(one.state, states.Offline))
    waiting = one.dispatch("counter", 1)
    one.close()
    one.close()
    with pytest.raises(NotRunning, match="by this client"):
        waiting.get(timeout=5)
    with pytest.raises(NotRunning, match="by this client"):
        one.wait_live()


def test_close_is_heard_by_the_server(server: Server, client: Connect) -> None:
    one = client().wait_live()
    assert len(server.sessions) == 1
    one.close()
    eventually(lambda: len(server.sessions) == 0 and not server.gateway.connections)


def test_it_may_be_used_and_closed_from_another_thread(server: Server, client: Connect) -> None:
    one = client().wait_live()

    def use() -> int:
        seq: int = one.dispatch("counter", 5).get(timeout=5)
        one.close()
        return seq

    assert in_thread(use) == 1
    assert one.is_closed


# Without gevent in the client's program.


def test_a_program_without_gevent_follows_a_server_in_another_process() -> None:
    with program("-m", "support.counting", stdin=True) as running:
        url = running.wait_for(r"http(://\S+)")[1]
        failed: list[BaseException] = []

        def follow() -> None:
            try:
                with Client(f"ws{url}/live", stores={"counter": COUNTER}) as client:
                    assert type(client._runtime).__name__ == "ThreadRuntime"
                    client.wait_live()
                    assert client.dispatch("counter", 5).get(timeout=5) == 1
                    running.write("add 7")
                    client.wait_until(lambda client: client.model("counter") == 12)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=follow)
        thread.start()
        thread.join(30)
        assert failed == []
        running.write("model")
        running.wait_for(r"model 12 2")


# What is shown, and the hooks.


def test_local_fields_are_set_here_alone(server: Server, client: Connect) -> None:
    room = Store({"n": 0, "draft": ""}, lambda model, n: {**model, "n": n}, ("draft",))
    topic = server.topic("room").with_store(room)
    one = client({"room": room}).wait_live()
    one.set_local("room", draft="hel")
    topic.dispatch(3)
    one.wait_until(lambda one: one.model("room") == {"n": 3, "draft": "hel"})
    assert topic.model == {"n": 3, "draft": ""}
    with pytest.raises(UsageError, match=r"local fields \['draft'\], got \['n'\]"):
        one.set_local("room", n=5)


def test_a_hook_may_dispatch_and_is_told_of_that_afterwards(client: Connect) -> None:
    one = client({"counter": COUNTER}).wait_live()
    heard: list[Any] = []

    @one.on_change
    def follow(model: int, message: int) -> None:
        heard.append((model, message))
        if message == 1:
            one.dispatch("counter", 10)

    one.dispatch("counter", 1).get(timeout=5)
    one.wait_until(lambda one: one.confirmed("counter") == 11)
    assert heard == [(1, 1), (11, 10)]


def test_a_message_that_is_too_large_is_refused_before_it_could_end_the_connection(client: Connect) -> None:
    one = client().wait_live()
    with pytest.raises(Refused, match="too_large"):
        one.dispatch("list", "x" * 70_000)
    assert one.dispatch("list", "x").get(timeout=5) == 1


def test_a_client_in_memory_reauthenticates_and_keeps_its_session(server: Server) -> None:
    server.topic("list").with_store(LIST)
    with Client(MemoryConnector(server), stores={"list": LIST}) as client:
        name = client.wait_live().client_id
        answers = [client.dispatch("list", n) for n in range(5)]
        client.reauthenticate()
        assert not client.is_live
        answers += [client.dispatch("list", n) for n in range(5, 10)]
        assert [answer.get(timeout=WAIT) for answer in answers] == list(range(1, 11))
        assert client.wait_live().state == states.Live(name, True)
        assert client.confirmed("list") == tuple(range(10))
        with pytest.raises(UsageError, match="sends no headers and no token"):
            client.reauthenticate(token="x")


@pytest.mark.parametrize("has_renew", [False, True])
def test_who_shows_nothing_cannot_show_anything_else(has_renew: bool) -> None:
    class Silent:
        def __call__(self, handler: Any) -> Transport:
            return Transport(print, lambda: None)

    connector = Silent()
    if has_renew:
        connector.renew = print  # type: ignore[attr-defined]
    with Client(connector) as client, pytest.raises(UsageError, match="reopen" if has_renew else "renew"):
        client.reauthenticate(token="x")
