"""What was accepted can be written: no message makes a model that no Snapshot can carry, and none is said unread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from support.raw import RawClient
from support.scripted import ScriptedClient
from support.serving import listen

from nuphar import Client, LocalProtocolError, Server, Store, UnregisteredType, automatic, custom
from nuphar.testing import MemoryConnector
from nuphar.transport.wire.frames import ClientMessage, Rejected, Snapshot, Subscribe


def add(model: Any, message: Any) -> Any:
    return model + message


def keep(model: list[Any], message: Any) -> list[Any]:
    return [*model, message]


def swallow(model: list[Any], message: Any) -> list[Any]:
    """Break the rule, and put the model into itself."""
    model.append(model if message == "circle" else message)
    return model


@dataclass(frozen=True)
class Said:
    text: str


@dataclass(frozen=True)
class Comment:
    text: str
    replies: tuple[Comment, ...] = ()


def reply(model: Comment, message: Said) -> Comment:
    """Answer the newest of the newest."""
    if not model.replies:
        return replace(model, replies=(Comment(message.text),))
    return replace(model, replies=(reply(model.replies[0], message),))


def multiply(model: dict[str, int], message: int) -> dict[str, int]:
    return {"product": model["product"] * message}


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


LEGAL: dict[str, tuple[Any, Any, list[Any]]] = {
    "integers beyond the codec": (0, add, [2**64 - 1, 2**64 - 1]),
    "integers beyond it inside": ({"product": 1}, multiply, [2**20] * 4),
    "integers below it": (0, add, [-(2**62)] * 3),
    "too deep": ([], keep, [1, deep(14), deep(15)]),
    "a circle": ([], swallow, ["a", "circle"]),
}


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_message_that_makes_what_no_snapshot_can_carry_is_refused_with_its_ref(
    server: Server, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    model, update, messages = LEGAL[name]
    server.directory.is_debug = False  # one of them is made in place
    topic = server.topic("t").with_store(Store(model, update))
    port = listen(server)
    with RawClient(port) as author, RawClient(port) as reader:
        author.subscribe("topic:t")
        reader.subscribe("topic:t")
        author.post("topic:t", *messages)
        *taken, rejected = author.barrier()
        assert [ref for frame in taken for ref in frame[3]] == list(range(2, len(messages) + 1))
        assert rejected[:4] == [18, len(messages) + 1, "topic:t", "crashed"]
        assert rejected[5]["trace_id"] in rejected[4]
        assert rejected[5]["trace_id"] in caplog.text
        assert len(reader.take(len(messages) - 1)) == len(messages) - 1
        with RawClient(port) as late:
            snapshot, acknowledge = late.subscribe("topic:t")
            assert snapshot[:1] + snapshot[3:4] == [21, len(messages) - 1]
            assert acknowledge[0] == 17
        assert reader.barrier() == []
    assert topic.seq == len(messages) - 1


def test_replies_to_replies_end_where_nobody_could_read_them(make_server: Callable[..., Server]) -> None:
    server = make_server(serialiser=automatic(Said, Comment))
    topic = server.topic("t").with_store(Store(Comment("first"), reply))
    author = ScriptedClient(server)
    author.send(Subscribe(1, "topic:t", None, None))
    author.take()
    author.send(*[ClientMessage(ref, "topic:t", Said("again")) for ref in range(2, 20)])
    refused = [frame.ref for frame in author.take() if isinstance(frame, Rejected)]
    assert refused == list(range(refused[0], 20))
    author.send(ClientMessage(20, "topic:t", Said("again")))
    author.take()
    late = ScriptedClient(server)
    late.send(Subscribe(1, "topic:t", None, None))
    snapshot = late.take()[0]
    assert isinstance(snapshot, Snapshot)
    assert snapshot.state == topic.model
    assert snapshot.seq == refused[0] - 2 > 2


UNREADABLE: Any = Said(None)  # type: ignore[arg-type]


def test_what_a_client_could_not_read_is_an_error_of_whoever_says_it(make_server: Callable[..., Server]) -> None:
    server = make_server(serialiser=automatic(Said))
    topic = server.topic("t").with_store(Store((), lambda model, message: (*model, message)))
    for say in (topic.dispatch, topic.broadcast, server.dispatch_to_all, partial(server.dispatch_to, "somebody")):
        with pytest.raises(LocalProtocolError, match=r"nobody could read this Said: .*expected str, got None"):
            say(UNREADABLE)
        with pytest.raises(UnregisteredType):
            say(object())
    assert topic.seq == 0
    topic.dispatch(Said("hi"))
    assert topic.model == (Said("hi"),)


def test_what_a_server_could_not_read_is_an_error_of_the_client_s_program(make_server: Callable[..., Server]) -> None:
    serialiser = automatic(Said)
    server = make_server(serialiser=serialiser)
    server.topic("t").with_store(Store((), lambda model, message: (*model, message)))
    stores = {"t": Store((), lambda model, message: (*model, message))}
    with (
        Client(MemoryConnector(server), stores=stores, serialiser=serialiser) as client,
        pytest.raises(LocalProtocolError, match="nobody could read this Said"),
    ):
        client.dispatch("t", UNREADABLE)


@pytest.mark.parametrize("model", [2**64, UNREADABLE, deep(16), "\ud800"], ids=str)
def test_a_store_does_not_begin_with_a_model_that_nobody_could_read(
    make_server: Callable[..., Server], model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server(serialiser=automatic(Said))
    with pytest.raises(LocalProtocolError):
        server.topic("t").with_store(Store(model, keep))
    with pytest.raises(LocalProtocolError):
        Server(model, serialiser=automatic(Said))
    server.topic_kind("k:", store=Store(model, keep))
    known = ScriptedClient(server)
    known.send(Subscribe(1, "topic:k:1", None, None))
    (rejected,) = known.take()
    assert isinstance(rejected, Rejected)
    assert rejected[:3] == (1, "topic:k:1", "crashed")
    assert "LocalProtocolError" in caplog.text


def test_a_serialiser_s_own_words_have_to_be_plain_data(make_server: Callable[..., Server]) -> None:
    tuples = custom(encode_message=tuple, decode_message=list, encode_model=list, decode_model=list)
    topic = make_server([], serialiser=tuples).topic("t").with_store(Store([], keep))
    with pytest.raises(LocalProtocolError, match="tuple is not plain data"):
        topic.dispatch([1, 2])
