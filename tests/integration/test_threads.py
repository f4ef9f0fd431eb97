"""A server used from plain OS threads while its hub runs in ours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import cbor2
import gevent
import pytest
from support.raw import RawClient
from support.serving import eventually, listen

from nuphar import NotRunning, Server, Store, generate_client_id

THREADS, EACH = 4, 1_000


def keep(model: list[Any], message: Any) -> list[Any]:
    return [*model, message]


def add(model: Any, message: Any) -> Any:
    return model + message


def run(*functions: Callable[[], Any]) -> None:
    """Run each function in an OS thread of its own while our hub goes on; raises what the first of them raised."""
    failed: list[BaseException] = []

    def guard(function: Callable[[], Any]) -> None:
        try:
            function()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guard, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    eventually(lambda: not any(thread.is_alive() for thread in threads), timeout=30)
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_dispatches_from_four_threads_are_all_applied_in_each_threads_order(server: Server) -> None:
    server.directory.is_debug = False  # looks at the whole list for each message
    topic = server.topic("list").with_store(Store([], keep))
    client = RawClient(listen(server))
    client.subscribe("topic:list")

    def work(who: int) -> None:
        for n in range(EACH):
            topic.dispatch([who, n], wait=n % 10 == 0)

    run(*(lambda who=who: work(who) for who in range(THREADS)))  # type: ignore[misc]
    model, seq = topic.snapshot
    assert seq == len(model) == THREADS * EACH
    for who in range(THREADS):
        assert [n for each, n in model if each == who] == list(range(EACH))
    frames = client.take(THREADS * EACH)
    assert [frame[2] for frame in frames] == list(range(1, THREADS * EACH + 1))
    assert [frame[3] for frame in frames] == model
    client.close()


def test_a_thread_that_dispatched_reads_what_it_wrote(server: Server) -> None:
    topics = [server.topic(f"own {who}").with_store(Store(0, add)) for who in range(THREADS)]

    def work(topic: Any) -> None:
        for n in range(1, 101):
            topic.dispatch(1)
            assert topic.snapshot == (n, n)

    run(*(lambda topic=topic: work(topic) for topic in topics))  # type: ignore[misc]


def test_broadcasts_from_threads_reach_every_subscriber_in_each_threads_order(server: Server) -> None:
    topic = server.topic("news")
    client = RawClient(listen(server))
    client.subscribe("topic:news")

    def work(who: int) -> None:
        for n in range(200):
            topic.broadcast([who, n])

    run(*(lambda who=who: work(who) for who in range(THREADS)))  # type: ignore[misc]
    got = [frame[2] for frame in client.take(200 * THREADS)]
    for who in range(THREADS):
        assert [n for each, n in got if each == who] == list(range(200))
    client.close()


class Bare:
    """A client of ``Server.connect`` that notes the thread in which its frames come."""

    def __init__(self, server: Server) -> None:
        self.id = generate_client_id()
        self.server = server
        self.got: list[Any] = []
        self.threads: set[int] = set()
        server.connect(self.id, self.take)

    def take(self, data: bytes) -> None:
        self.threads.add(threading.get_ident())
        self.got.append(cbor2.loads(data))

    def send(self, *frame: Any) -> None:
        self.server.incoming(self.id, cbor2.dumps(list(frame)))


def test_connect_incoming_and_disconnect_from_threads(server: Server) -> None:
    topic = server.topic("list").with_store(Store([], keep))
    clients: dict[int, Bare] = {}

    def work(who: int) -> None:
        client = clients[who] = Bare(server)
        client.send(2, 1, "topic:list", None, None)
        for n in range(100):
            client.send(4, n + 2, "topic:list", [who, n])

    run(*(lambda who=who: work(who) for who in range(THREADS)))  # type: ignore[misc]
    eventually(lambda: topic.seq == THREADS * 100)
    for who, client in clients.items():
        assert [n for each, n in topic.model if each == who] == list(range(100))
        eventually(lambda client=client: client.got and client.got[-1][2] == THREADS * 100)
        refs = [ref for frame in client.got if frame[0] == 17 for ref in frame[3]]
        assert refs == list(range(1, 102))
        assert client.threads == {threading.get_ident()}, "send is called on the server's own thread"
    run(*(lambda client=client: server.disconnect(client.id) for client in clients.values()))  # type: ignore[misc]
    eventually(lambda: not topic.subscribers and not len(server.sessions))


def test_the_connect_hook_runs_for_a_client_that_a_thread_connects(server: Server) -> None:
    seen: list[str] = []
    gone: list[str] = []
    server.on_connect(seen.append)
    server.on_disconnect(gone.append)
    clients: list[Bare] = []
    run(lambda: clients.append(Bare(server)))
    eventually(lambda: seen == [clients[0].id], timeout=1.0)
    run(lambda: server.disconnect(clients[0].id))
    eventually(lambda: gone == [clients[0].id])


def test_a_client_that_a_thread_connected_is_served_on_the_servers_own_thread(server: Server) -> None:
    seen: list[int] = []
    server.on_topic_message(lambda *_: seen.append(threading.get_ident()))
    server.topic("list").with_store(Store([], keep))
    clients: list[Bare] = []

    def work() -> None:
        clients.append(Bare(server))
        clients[0].send(2, 1, "topic:list", None, None)
        clients[0].send(4, 2, "topic:list", "hi")
        clients[0].send(99)  # refused, and told on the server's thread too

    run(work)
    eventually(lambda: len(clients[0].got) == 4)
    assert seen == [threading.get_ident()]
    assert clients[0].threads == {threading.get_ident()}


def test_incoming_of_many_threads_for_one_client_loses_nothing(server: Server) -> None:
    topic = server.topic("list").with_store(Store([], keep))
    client = Bare(server)
    client.send(2, 1, "topic:list", None, None)

    def work(who: int) -> None:
        for n in range(100):
            client.send(4, 2 + who * 100 + n, "topic:list", [who, n])

    run(*(lambda who=who: work(who) for who in range(THREADS)))  # type: ignore[misc]
    eventually(lambda: topic.seq == THREADS * 100)
    for who in range(THREADS):
        assert [n for each, n in topic.model if each == who] == list(range(100))


def test_topics_may_be_added_and_stopped_by_threads(server: Server) -> None:
    def work(who: int) -> None:
        for n in range(20):
            topic = server.topic(f"{who} {n}").with_store(Store(0, add))
            topic.dispatch(5)
            assert topic.model == 5
            topic.stop()
            with pytest.raises(NotRunning):
                topic.dispatch(5)

    run(*(lambda who=who: work(who) for who in range(THREADS)))  # type: ignore[misc]
    assert server.directory.topics == {}


def test_a_thread_may_stop_the_server_while_others_dispatch(make_server: Callable[..., Server]) -> None:
    server = make_server()
    topic = server.topic("count").with_store(Store(0, add))
    client = RawClient(listen(server))
    client.subscribe("topic:count")

    def work() -> None:
        try:
            while True:
                topic.dispatch(1)
                assert topic.model > 0
        except NotRunning:
            return

    def stop() -> None:
        while topic.seq < 100:
            continue
        server.stop()

    reader = gevent.spawn(client.receive_all)
    reader.link(lambda _: client.cut())
    run(work, work, stop)
    assert not server.is_running
    *frames, bye, closed = reader.get(timeout=5)
    seqs = [frame[2] for frame in frames if frame[0] == 19]
    assert seqs == list(range(1, len(seqs) + 1))
    assert frames[-1] == [17, "topic:count", seqs[-1], [], True]
    assert (bye[0], closed.code) == (26, 1001)
