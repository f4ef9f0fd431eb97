"""With ``debug``, which is on under pytest, a client says at its end what an update did wrong."""

from __future__ import annotations

import asyncio

import gevent
import pytest

from nuphar import AsyncClient, Client, Server, Store, WrongUpdate
from nuphar.testing import MemoryConnector

T = "topic:t"


def append(model: list[str], message: str) -> list[str]:
    return [*model, message]


def in_place(model: list[str], message: str) -> list[str]:
    model.append(message)
    return model


def knows_one_word(model: list[str], message: str) -> list[str]:
    return [*model, {"known": "KNOWN"}[message]]


@pytest.fixture
def topic(server: Server) -> Server:
    server.topic("t").with_store(Store([], append))
    return server


def test_an_update_that_changes_the_shown_model_is_said_at_the_end(topic: Server) -> None:
    client = Client(MemoryConnector(topic), stores={T: Store([], in_place)})
    client.wait_live().dispatch(T, "a").get(timeout=10.0)
    with pytest.raises(WrongUpdate, match=r"topic:t: update changes its model in place on 'a', at .*test_debug.py:\d+"):
        client.close()
    assert client.is_closed
    client.close()


def test_an_update_that_raises_in_the_client_alone_is_said_at_the_end(topic: Server) -> None:
    said = "topic:t: update raised KeyError.'other'. on 'other', at .*test_debug.py:.*, in this client only"
    with pytest.raises(WrongUpdate, match=said) as caught:  # noqa: SIM117  # it is the end of the block that raises
        with Client(MemoryConnector(topic), stores={T: Store([], knows_one_word)}) as client:
            client.wait_live().dispatch(T, "other").get(timeout=10.0)
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_error_of_the_block_itself_is_not_hidden(topic: Server) -> None:
    with (  # noqa: PT012  # what the block does is what is tested
        pytest.raises(ValueError, match="mine"),
        Client(MemoryConnector(topic), stores={T: Store([], in_place)}) as client,
    ):
        client.wait_live().dispatch(T, "a").get(timeout=10.0)
        raise ValueError("mine")


def test_without_debug_nothing_is_watched(topic: Server) -> None:
    with Client(MemoryConnector(topic), stores={T: Store([], in_place)}, debug=False) as client:
        client.wait_live().dispatch(T, "a").get(timeout=10.0)


def test_an_async_client_says_it_too(topic: Server) -> None:
    async def run() -> None:
        async with AsyncClient(MemoryConnector(topic), stores={T: Store([], in_place)}) as client:
            await client.wait_live()
            await client.dispatch(T, "a")

    with pytest.raises(WrongUpdate, match="in place on 'a'"):
        gevent.get_hub().threadpool.apply(asyncio.run, (run(),))  # the server has this thread


def test_a_server_says_it_where_the_message_was_sent() -> None:
    with Server(debug=True) as server:
        topic = server.topic("t").with_store(Store([], in_place))
        with pytest.raises(Exception, match="crashed: topic:t: it crashed on a message") as caught:
            topic.dispatch("a")
        assert isinstance(caught.value.__cause__, WrongUpdate)
        assert topic.model == []
