"""The Python clients and the real server: sessions that resume over real sockets, and over the line in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from support.counting import keep
from support.peer import Proxy
from support.serving import listen
from support.skins import AsyncSkin, Skin

from nuphar import Client, FileQueue, Server, Store, states
from nuphar.testing import MemoryConnector

LIST = Store((), keep)


@pytest.fixture(params=["greenlets", "threads", "asyncio"])
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., Skin]]:
    """A function that starts a client; all are closed at the end."""
    skins: list[Skin] = []

    def start(url: str, path: Path) -> Skin:
        stores, queue = {"list": LIST}, FileQueue(path)
        skins.append(
            AsyncSkin(url, stores, queue) if request.param == "asyncio" else Skin(request.param, url, stores, queue)
        )
        return skins[-1]

    yield start
    for skin in skins:
        skin.close()


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    return make_server(history=20)


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    proxy = Proxy(listen(server))
    yield proxy
    proxy.close()


def mine(model: Any) -> list[int]:
    return [message for message in model if message >= 0]


def test_cuts_and_a_restart_lose_nothing_double_nothing_and_keep_the_session(
    server: Server, proxy: Proxy, start: Callable[..., Skin], tmp_path: Path
) -> None:
    topic = server.topic("list").with_store(LIST)
    one = start(proxy.url, tmp_path / "queue")
    one.wait(lambda client: client._core.is_settled())
    client_id = one.call(lambda client: client.client_id)
    answers = []
    for n in range(300):
        answers.append(one.start("list", n))
        if n % 40 == 17:
            proxy.cut()
        if n % 100 == 51:  # more than the history has, so that it comes back behind
            proxy.refuse = True
            proxy.cut()
            for _ in range(40):
                topic.dispatch(-n)
            proxy.refuse = False
        if n % 7 == 0:
            gevent.sleep(0)
    for answer in answers:
        answer()
    one.wait(lambda client: client.is_live and client.model("list") == client.confirmed("list") == topic.model)
    assert one.call(lambda client: client.client_id) == client_id
    assert mine(topic.model) == list(range(300))

    proxy.refuse = True
    proxy.cut()
    one.wait(lambda client: not client.is_live)
    for n in range(300, 310):
        one.start("list", n)
    one.close()
    proxy.refuse = False
    again = start(proxy.url, tmp_path / "queue")
    again.wait(lambda client: client._core.is_settled() and not client.pending("list"))
    again.wait(lambda client: client.confirmed("list") == topic.model)
    assert again.call(lambda client: client.client_id) == client_id
    assert mine(topic.model) == list(range(310))


def test_the_line_in_memory_resumes_too(server: Server) -> None:
    topic = server.topic("list").with_store(LIST)
    line = MemoryConnector(server)
    with Client(line, stores={"list": LIST}) as client:
        client_id = client.wait_live().client_id
        on_its_way = client.dispatch("list", 1)
        line.cut()
        waiting = client.dispatch("list", 2)
        line.restore()
        assert (on_its_way.get(timeout=5), waiting.get(timeout=5)) == (1, 2)
        assert client.state == states.Live(client_id, resumed=True)
        assert topic.model == (1, 2)
