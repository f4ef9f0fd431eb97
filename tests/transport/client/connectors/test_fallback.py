"""A client that finds its transport: down to HTTP where WebSockets do not open, and back up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gevent.pywsgi import WSGIServer
from support.counting import add
from support.serving import eventually, listen
from support.skins import AsyncSkin, Skin

from nuphar import Live, Server, Store
from nuphar.transport import Connector, Handler, Transport
from nuphar.transport.client.connectors.fallback import fallback
from nuphar.transport.client.connectors.http import long_polling
from nuphar.transport.client.connectors.runtimes import choose
from nuphar.transport.client.connectors.transport_choice import TransportChoice
from nuphar.transport.client.connectors.websocket import websocket
from nuphar.transport.server.wsgi_handler import WSGIHandler as WSGIHandler

STORES = {"counter": Store(0, add)}


class Script:
    """A connector whose transport does what a test says."""

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self.begun = 0
        self.done: list[str] = []
        self.sent: list[bytes] = []

    def __call__(self, handler: Handler) -> Transport:
        self.begun += 1
        self.handler = handler
        return Transport(
            self.sent.append,
            lambda: self.done.append("close"),
            lambda seconds: self.done.append(f"pause {seconds}"),
            lambda: self.done.append("leave"),
        )

    @property
    def says(self) -> Handler:
        assert self.handler is not None
        return self.handler


class Both:
    """Two scripts behind one fallback, and what it told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.one, self.two = Script(), Script()
        self.told: list[Any] = []
        self.faults: list[str] = []
        handler = Handler(
            self.told.append,
            lambda: self.told.append("open"),
            lambda: self.told.append("lost"),
            lambda code, reason: self.told.append((code, reason)),
            self.faults.append,
        )
        connector = fallback(
            [self.one, self.two],
            runtime=choose("greenlets"),
            choice=lambda ranks: TransportChoice(ranks, tries=1, again=0.01),
        )
        self.transport = connector(handler)


@pytest.fixture
def both() -> Iterator[Both]:
    both = Both()
    yield both
    both.transport.close()


def test_the_first_that_opens_is_used(both: Both) -> None:
    both.one.says.on_reconnect()
    both.one.says.on_receive(b"hello")
    both.transport.send(b"you")
    both.transport.pause(2.0)
    assert both.told == ["open", b"hello"]
    assert (both.one.sent, both.one.done, both.two.begun) == ([b"you"], ["pause 2.0"], 0)


def test_one_that_fails_is_left_for_the_next(both: Both) -> None:
    both.one.says.on_fault("no")
    both.two.says.on_reconnect()
    both.transport.send(b"you")
    eventually(lambda: both.one.done == ["leave"])
    assert both.told == ["open"]
    assert both.two.sent == [b"you"]


def test_what_a_transport_says_after_it_was_left_is_not_heard(both: Both) -> None:
    old = both.one.says
    both.one.says.on_fault("no")
    both.two.says.on_reconnect()
    both.one.done.clear()
    for say in (old.on_reconnect, old.on_disconnect, lambda: old.on_receive(b"x"), lambda: old.on_close(4403, "no")):
        say()
    assert both.told == ["open"]


def test_a_better_one_that_opens_takes_over_and_the_other_leaves_its_session_alive(both: Both) -> None:
    both.one.says.on_fault("no")
    both.two.says.on_reconnect()
    eventually(lambda: both.one.begun == 2)
    both.one.says.on_reconnect()
    both.transport.send(b"you")
    eventually(lambda: both.two.done == ["leave"])
    assert both.told == ["open", "lost", "open"]
    assert both.faults == ["no", "a better transport takes over"]
    assert both.one.sent == [b"you"]


def test_a_probe_that_fails_disturbs_nobody(both: Both) -> None:
    both.one.says.on_fault("no")
    both.two.says.on_reconnect()
    eventually(lambda: both.one.begun == 2)
    both.one.says.on_fault("no")
    eventually(lambda: both.one.begun == 3)
    assert both.told == ["open"]
    assert both.two.done == []


def test_a_connection_that_is_lost_says_nothing_about_its_transport(both: Both) -> None:
    both.one.says.on_reconnect()
    both.one.says.on_fault("reset")
    both.one.says.on_disconnect()
    both.one.says.on_reconnect()
    assert both.told == ["open", "lost", "open"]
    assert both.faults == ["reset"], "why it was lost is for the client to know"
    assert both.two.begun == 0


def test_a_refusal_in_http_is_for_the_next_one_to_see(both: Both) -> None:
    both.one.says.on_close(501, "no upgrades here")
    both.two.says.on_reconnect()
    assert both.told == ["open"]


def test_refused_by_both_it_gives_up(both: Both) -> None:
    both.one.says.on_close(404, "nothing here")
    both.two.says.on_close(404, "nothing here")
    assert both.told == [(404, "nothing here")]


@pytest.mark.parametrize("code", [403, 4401, 4403])
def test_what_all_would_meet_is_for_good(both: Both, code: int) -> None:
    both.one.says.on_close(code, "no")
    assert both.told == [(code, "no")]
    assert both.two.begun == 0


def test_a_transport_that_opens_before_it_is_there_is_heard() -> None:
    sent: list[bytes] = []

    def eager(handler: Handler) -> Transport:
        handler.on_reconnect()
        return Transport(sent.append, lambda: None)

    told: list[str] = []
    handler = Handler(lambda _: None, lambda: told.append("open"), lambda: told.append("lost"))
    transport = fallback([eager], runtime=choose("greenlets"))(handler)
    transport.send(b"x")
    assert (told, sent) == (["open"], [b"x"])
    transport.close()


class Upgrades:
    """A server behind what may know no WebSockets."""

    def __init__(self, server: Server) -> None:
        self.allowed = True
        live = Live(server)

        def app(environ: dict[str, Any], start_response: Any) -> Any:
            if not self.allowed:
                environ.pop("nuphar.upgrade", None)
            return live(environ, start_response)

        self.wsgi = WSGIServer(("127.0.0.1", 0), app, handler_class=WSGIHandler, log=None)
        self.wsgi.start()
        self.url = f"http://127.0.0.1:{self.wsgi.server_port}/live"


@pytest.fixture
def upgrades(server: Server) -> Iterator[Upgrades]:
    server.topic("counter").with_store(STORES["counter"])
    upgrades = Upgrades(server)
    yield upgrades
    server.gateway.abort_all()
    upgrades.wsgi.stop()


def chain(url: str, runtime: str) -> Connector:
    chosen = choose(runtime)
    return fallback(
        [websocket("ws" + url[4:], runtime=chosen), long_polling(url, runtime=chosen)],
        runtime=chosen,
        choice=lambda ranks: TransportChoice(ranks, again=0.05),
    )


@pytest.mark.parametrize("runtime", ["greenlets", "threads", "asyncio"])
def test_a_client_goes_down_to_polling_and_back_up_and_misses_nothing(
    server: Server, upgrades: Upgrades, runtime: str
) -> None:
    upgrades.allowed = False
    if runtime == "asyncio":
        skin: Skin = AsyncSkin(chain(upgrades.url, "threads"), STORES)
    else:
        skin = Skin(runtime, chain(upgrades.url, runtime), STORES)
    try:
        skin.wait(lambda client: client._core.is_settled())
        skin.start("counter", 1)
        skin.wait(lambda client: client.confirmed("counter") == 1)
        assert kinds(server) == {"Line"}
        upgrades.allowed = True
        eventually(lambda: kinds(server) == {"WebSocket"})
        skin.start("counter", 1)
        skin.wait(lambda client: client.confirmed("counter") == 2)
    finally:
        skin.close()


def kinds(server: Server) -> set[str]:
    return {type(each._socket).__name__ for each in server.gateway.connections}


@pytest.mark.parametrize("runtime", ["greenlets", "threads", "asyncio"])
def test_an_http_url_takes_a_websocket_where_there_is_one(server: Server, runtime: str) -> None:
    server.topic("counter").with_store(STORES["counter"])
    url = f"http://127.0.0.1:{listen(server)}/live"
    skin = AsyncSkin(url, STORES) if runtime == "asyncio" else Skin(runtime, url, STORES)
    try:
        skin.wait(lambda client: client._core.is_settled())
        assert kinds(server) == {"WebSocket"}
    finally:
        skin.close()
