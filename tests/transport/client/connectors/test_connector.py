"""A client over a connector of one's own: the protocol in memory, without any socket."""

from __future__ import annotations

import doctest
from typing import Any

import pykka
import pytest
from support.serving import eventually

from nuphar import Client, NotRunning, Refused, Server, Store, generate_client_id, states
from nuphar.transport import Connector, Handler, Transport, decode, encode
from nuphar.transport import frames as f
from nuphar.transport.client.connectors import connector


def add(model: Any, message: Any) -> Any:
    return model + message


class Memory:
    """Connects a client to a server in the same process, by ``connect``, ``incoming`` and ``disconnect`` alone."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._id = ""
        self.handler: Handler | None = None
        self.is_closed = False
        self.paused: list[float] = []

    def __call__(self, handler: Handler) -> Transport:
        self.handler = handler
        self.restore()
        return Transport(self.send, self.close, self.paused.append)

    def restore(self) -> None:
        assert self.handler is not None
        self._id = generate_client_id()
        self._server.connect(self._id, self.handler.on_receive)
        self.handler.on_reconnect()

    def lose(self) -> None:
        assert self.handler is not None
        self._server.disconnect(self._id)
        self._id = ""
        self.handler.on_disconnect()

    def send(self, data: bytes) -> None:
        if not self._id:
            raise BrokenPipeError("there is no connection")
        frame = decode(data, self._server.codec.serialiser)
        if isinstance(frame, f.Hello):  # the handshake belongs to transports
            welcome = f.Welcome(self._id, "s", "t", False, {}, 20.0, "")
            assert self.handler is not None
            self.handler.on_receive(encode(welcome, self._server.codec.serialiser))
        else:
            self._server.incoming(self._id, data)

    def close(self) -> None:
        self.is_closed = True
        if self._id:
            self._server.disconnect(self._id)
            self._id = ""


def test_the_examples_in_its_docs_are_true() -> None:
    assert doctest.testmod(connector).failed == 0


def test_a_connector_may_connect_before_it_returns(server: Server) -> None:
    topic = server.topic("counter").with_store(Store(0, add))
    memory = Memory(server)
    with Client(memory, stores={"counter": Store(0, add)}) as client:
        client.wait_live()
        assert client.dispatch("counter", 5).get(timeout=5) == 1
        topic.dispatch(2)
        client.wait_until(lambda client: client.model("counter") == 7)
        assert client.seq("counter") == 2
    assert memory.is_closed


def test_a_connector_that_loses_the_line_brings_the_client_back_to_the_present(server: Server) -> None:
    topic = server.topic("counter").with_store(Store(0, add))
    memory = Memory(server)
    with Client(memory, stores={"counter": Store(0, add)}) as client:
        client.wait_live()
        first = client.client_id
        memory.lose()
        assert isinstance(client.state, states.Offline)
        topic.dispatch(5)
        waiting = client.dispatch("counter", 2)
        memory.restore()
        assert waiting.get(timeout=5) == 2
        assert client.is_live
        assert client.model("counter") == 7
        assert client.client_id != first


def test_a_transport_that_gives_up_closes_the_client_and_answers_what_waits(server: Server) -> None:
    memory = Memory(server)
    client = Client(memory, stores={})
    client.wait_live()
    memory.lose()
    waiting = client.dispatch("counter", 2)
    assert memory.handler is not None
    memory.handler.on_close(4403, "forbidden")
    assert client.state == states.Closed(4403, "forbidden")
    with pytest.raises(NotRunning):
        waiting.get(timeout=5)
    with pytest.raises(NotRunning):
        client.dispatch("counter", 2)
    client.close()


def test_what_was_on_its_way_when_the_line_was_lost_is_told_to_be_unknown(server: Server) -> None:
    class Deaf(Memory):
        def send(self, data: bytes) -> None:
            if not isinstance(decode(data, self._server.codec.serialiser), f.ClientMessage):
                super().send(data)

    server.topic("counter").with_store(Store(0, add))
    memory = Deaf(server)
    with Client(memory, stores={"counter": Store(0, add)}) as client:
        client.wait_live()
        lost = client.dispatch("counter", 5)
        memory.lose()
        memory.restore()
        with pytest.raises(Refused) as refused:
            lost.get(timeout=5)
        assert refused.value.code == "unknown_outcome"


def test_bye_pauses_the_transport(server: Server) -> None:
    memory = Memory(server)
    with Client(memory) as client:
        client.wait_live()
        assert memory.handler is not None
        memory.handler.on_receive(encode(f.Bye("the server stops", 2.5), server.codec.serialiser))
        assert memory.paused == [2.5]


def test_a_connector_that_never_connects_leaves_a_client_that_waits() -> None:
    silent: Connector = lambda handler: Transport(send=lambda data: None, close=lambda: None)  # noqa: E731
    with Client(silent) as client:
        assert client.state == states.Connecting()
        with pytest.raises(pykka.Timeout):
            client.wait_live(timeout=0.01)
    assert client.state == states.Closed(1000, "by this client")


def test_a_transport_that_raises_keeps_what_was_not_sent(server: Server) -> None:
    server.topic("counter").with_store(Store(0, add))
    memory = Memory(server)
    with Client(memory, stores={"counter": Store(0, add)}) as client:
        client.wait_live()
        real, memory._id = memory._id, ""  # the line is dead, and nobody has noticed
        lost = client.dispatch("counter", 1)
        memory._id = real
        memory.lose()
        memory.restore()
        with pytest.raises(Refused, match="unknown_outcome"):
            lost.get(timeout=5)
        assert client.dispatch("counter", 1).get(timeout=5) == 1
        eventually(lambda: client.model("counter") == 1)
