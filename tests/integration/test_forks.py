"""Clients, queues and servers in forked children: the parent's connections never notice."""

from __future__ import annotations

from pathlib import Path

import gevent
import pytest
from support.counting import keep
from support.serving import listen, program

from nuphar import Client, Server, Store
from nuphar.transport.client.connectors.http import long_polling
from nuphar.transport.client.connectors.runtimes import choose

LIST = Store((), keep)

CLIENT = """
import asyncio, contextlib, os, signal, sys, time
import nuphar
signal.alarm(30)
from nuphar.transport.http_client import event_stream, long_polling
url, kind, way, leave = sys.argv[1:5]
store = nuphar.Store((), lambda model, message: (*model, message))
where = {"websocket": url, "fallback": url.replace("ws", "http", 1)}.get(way)
if where is None:
    from nuphar.transport.client.connectors.runtimes import choose
    where = (long_polling if way == "poll" else event_stream)(
        url.replace("ws", "http", 1), runtime=choose("threads" if kind == "asyncio" else kind))

def child(client):
    told = []
    for use in (
        lambda: client.dispatch("list", "child"),
        lambda: client.subscribe("other"),
        lambda: client.unsubscribe("list"),
        lambda: client.model("list"),
        lambda: client.set_local("list"),
    ):
        try:
            use()
            told.append("nothing raised")
        except nuphar.NotRunning as error:
            told.append("after the fork" in str(error))
    print("CHILD", told, flush=True)

def drive(coroutine):
    with contextlib.suppress(StopIteration):  # it does not wait
        coroutine.send(None)

def fork(client, close):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # a fork does not inherit it
        child(client)
        if kind == "greenlets":
            import gevent
            gevent.sleep(0.3)  # its greenlets run here too
        if leave == "exit":
            raise SystemExit(7)
        close()
        os._exit(7)
    print("LEFT", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)

if kind == "asyncio":
    async def main():
        async with nuphar.AsyncClient(where, stores={"list": store}) as client:
            states = []
            client.on_state(lambda state: states.append(str(state)))
            await client.wait_live()
            print("SEQ", await client.dispatch("list", 1), flush=True)
            fork(client, lambda: drive(client.close()))
            for n in range(2, 5):
                print("SEQ", await client.dispatch("list", n), states, flush=True)
    asyncio.run(main())
else:
    with nuphar.Client(where, stores={"list": store}, runtime=kind) as client:
        states = []
        client.wait_live()
        client.on_state(lambda state: states.append(str(state)))
        print("SEQ", client.dispatch("list", 1).get(timeout=5), flush=True)
        fork(client, client.close)
        for n in range(2, 5):
            print("SEQ", client.dispatch("list", n).get(timeout=5), states, flush=True)
"""


@pytest.mark.parametrize("way", ["websocket", "fallback", "poll", "events"])
@pytest.mark.parametrize(
    ("kind", "leave"),
    [
        ("greenlets", "close"),
        ("greenlets", "exit"),
        ("threads", "close"),
        ("threads", "exit"),
        # A child that leaves through `asyncio.run` takes its parent's loop with it: both have one epoll (Python 3.11).
        ("asyncio", "close"),
    ],
)
def test_a_client_in_a_fork_raises_and_its_parent_s_goes_on(server: Server, kind: str, way: str, leave: str) -> None:
    topic = server.topic("list").with_store(LIST)
    port = listen(server)
    with program("-c", CLIENT, f"ws://127.0.0.1:{port}/live", kind, way, leave) as running:
        gevent.get_hub().threadpool.spawn(running.process.wait, 30).get(timeout=31)
        running.wait()
        lines = running.output.splitlines()
    assert "CHILD [True, True, True, True, True]" in lines, running.output
    assert "LEFT 7" in lines, running.output
    heard = ["live"] if kind == "asyncio" else []  # which begins to listen sooner
    expected = ["SEQ 1", *(f"SEQ {n} {heard}" for n in range(2, 5))]
    assert [line for line in lines if line.startswith("SEQ")] == expected, running.output
    assert topic.model == (1, 2, 3, 4)


QUEUE = """
import os, signal, sys
import nuphar
signal.alarm(20)
ready, tell = os.pipe()
queue = nuphar.FileQueue(sys.argv[1])
queue.load()
queue.add(1, 0, "topic:list", b"\\x01")
pid = os.fork()
if pid == 0:
    signal.alarm(20)  # a fork does not inherit it
    try:
        queue.add(2, 0, "topic:list", b"\\x02")
        print("nothing raised", flush=True)
    except nuphar.QueueError as error:
        print("CHILD", "after the fork" in str(error), flush=True)
    try:
        nuphar.FileQueue(sys.argv[1]).load()
        print("nothing raised", flush=True)
    except nuphar.QueueError as error:
        print("CHILD", "in use by another client" in str(error), flush=True)
    os.write(tell, b"x")
    sys.stdin.readline()
    os._exit(0)
os.read(ready, 1)
queue.add(2, 0, "topic:list", b"\\x03")
queue.close()
again = nuphar.FileQueue(sys.argv[1])  # while the child, which had a copy of the lock, is there
print("KEPT", [message[3] for message in again.load().messages], flush=True)
again.close()
os.waitpid(pid, 0)
"""


def test_a_queue_in_a_fork_raises_and_gives_the_lock_back(tmp_path: Path) -> None:
    with program("-c", QUEUE, str(tmp_path / "queue"), stdin=True) as running:
        running.wait_for("CHILD True")
        running.wait_for("CHILD True")
        running.wait_for(r"KEPT \[b'\\x01', b'\\x03'\]")
        running.write("go")
        assert running.wait() == 0, running.output


SERVER = """
import os, signal, sys
import gevent
import nuphar
signal.alarm(30)
server = nuphar.Server()
topic = server.topic("list").with_store(nuphar.Store((), lambda model, message: (*model, message)))

def started(url):
    print("URL", url, flush=True)

def work():
    gevent.get_hub().threadpool.apply(sys.stdin.readline)
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # a fork does not inherit it
        told = []
        for use in (
            lambda: topic.dispatch("child"),
            lambda: server.topic("new"),
            lambda: server.dispatch_to_all(1),
            server.ensure_started,
        ):
            try:
                use()
                told.append("nothing raised")
            except nuphar.NotRunning as error:
                told.append("after the fork" in str(error))
        print("CHILD", told, server.is_running, flush=True)
        gevent.sleep(0.3)  # its greenlets run here too
        sys.exit(5)  # through everything that serves in this process
    print("LEFT", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    topic.dispatch("parent")

gevent.spawn(work)
nuphar.serve(server, port=0, on_start=started)
"""


def test_a_child_of_a_server_that_leaves_says_no_bye_for_its_parent() -> None:
    with program("-c", SERVER, stdin=True) as running:
        threads = gevent.get_hub().threadpool
        url = threads.apply(running.wait_for, (r"URL http://(\S+)",))[1]
        states: list[str] = []
        clients = [
            Client(f"{scheme}://{url}/live", stores={"list": LIST}, runtime="greenlets").wait_live()
            for scheme in ("ws", "ws")
        ]
        clients.append(
            Client(
                long_polling(f"http://{url}/live", wait=0.1, runtime=choose("greenlets")),
                stores={"list": LIST},
                runtime="greenlets",
            ).wait_live()
        )
        try:
            for client in clients:
                client.on_state(lambda state: states.append(str(state)))
            running.write("go")
            threads.apply(running.wait_for, (r"CHILD \[True, True, True, True\] False",))
            threads.apply(running.wait_for, ("LEFT 5",))
            for client in clients:
                client.wait_until(lambda client: client.model("list") == ("parent",), 5.0)
            assert states == []
        finally:
            for client in clients:
                client.close()


PRELOADED = """
import os, signal
import gevent
import nuphar
signal.alarm(20)
server = nuphar.Server(hub_guard=0.5).start()
topic = server.topic("list").with_store(nuphar.Store((), lambda model, message: (*model, message)))
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    try:
        topic.dispatch("early")
    except nuphar.NotRunning as error:
        print("CHILD", "after the fork" in str(error), flush=True)
    print("MOVED", server.ensure_started(), server.ensure_started(), server.is_running, flush=True)
    topic.dispatch("child")
    print("CHILD", topic.model, flush=True)
    server.stop()
    print("STOPPED", server.is_running, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
topic.dispatch("parent")
print("PARENT", topic.model, server.is_running, flush=True)
server.stop()
"""


def test_a_server_that_served_nobody_goes_on_in_the_fork_that_serves() -> None:
    with program("-c", PRELOADED) as running:
        assert running.wait() == 0, running.output
        lines = running.output.splitlines()
    assert lines == [
        "CHILD True",
        "MOVED True False True",
        "CHILD ('child',)",
        "STOPPED False",
        "PARENT ('parent',) True",
    ]
