"""Hooks take the parameters that they want, by name; wrong ones are refused when they are registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.scripted import ScriptedClient, settle

from nuphar import Identity, Server, Slice, Store, UsageError, Wiring
from nuphar.transport.wire.frames import ClientMessage, Subscribe, Unsubscribe

LIST: Store[tuple[Any, ...], Any] = Store((), lambda model, message: (*model, message))
DECORATORS: dict[str, Callable[[Server], Any]] = {
    "on_message": lambda server: server.on_message,
    "on_topic_message": lambda server: server.on_topic_message,
    "on_connect": lambda server: server.on_connect,
    "on_disconnect": lambda server: server.on_disconnect,
    "can_subscribe": lambda server: server.topic("t").can_subscribe,
    "on_join": lambda server: server.topic("t").on_join,
    "on_leave": lambda server: server.topic("t").on_leave,
    "on_end": lambda server: server.topic_kind("room:").on_end,
}


@pytest.mark.parametrize("name", DECORATORS)
def test_a_hook_with_a_parameter_that_there_is_not_is_refused_when_it_is_registered(name: str, server: Server) -> None:
    with pytest.raises(UsageError, match=rf"^{name}: expected a hook with some of .*\(who, why\): there is no 'who'$"):
        DECORATORS[name](server)(lambda who, why: None)


def test_a_hook_of_one_value_may_call_it_what_it_likes(server: Server) -> None:
    def greet(who: str) -> None: ...

    assert server.on_connect(greet) is greet
    Server(identify=lambda whoever: Identity("ada"))


@pytest.mark.parametrize("name", ["can_subscribe", "on_join", "on_leave", "on_end"])
def test_so_it_is_for_the_hooks_of_a_kind(name: str, server: Server) -> None:
    wrong: dict[str, Any] = {name: lambda who: None}
    with pytest.raises(UsageError, match=f"^{name}: expected a hook with some of"):
        server.topic_kind("room:", **wrong)
    server.topic_kind("room:")  # nothing was left behind
    if name != "on_end":
        with pytest.raises(UsageError, match=f"^{name}: expected a hook with some of"):
            getattr(server.topic_kind("other:"), name)(wrong[name])


def test_so_it_is_for_the_function_that_says_whose_a_request_is() -> None:
    with pytest.raises(
        UsageError, match=r"^identify: expected a hook with some of the parameters \(request\), got one"
    ):
        Server(identify=lambda request, address: None)  # type: ignore[arg-type,misc]


def test_the_hooks_of_a_server_get_what_they_ask_for(make_server: Callable[..., Server]) -> None:
    server = make_server((), Wiring(session=Slice(LIST.update)))
    topic = server.topic("t").with_store(LIST)
    heard: list[Any] = []
    server.on_message(lambda client_id, message: heard.append(("message", client_id, message)))
    server.on_message(lambda model: heard.append(("model", model)))
    server.on_topic_message(lambda topic_id, message: heard.append(("topic message", topic_id, message)))
    server.on_disconnect(lambda: heard.append("somebody has gone"))
    topic.can_subscribe(lambda session_model, *, topic_id: heard.append(("may", session_model, topic_id)) or True)
    client = ScriptedClient(server)
    client.send(Subscribe(1, "session", None, None), ClientMessage(2, "session", "draft"))
    settle(server)
    client.send(Subscribe(3, "topic:t", None, None))
    settle(server)
    client.send(ClientMessage(4, "topic:t", "hello"))
    settle(server)
    server.disconnect(client.id)
    settle(server)
    assert heard == [
        ("message", client.id, "draft"),
        ("model", ("draft",)),
        ("may", ("draft",), "t"),
        ("topic message", "t", "hello"),
        "somebody has gone",
    ]


def test_the_hooks_of_a_kind_hear_of_which_topic_they_are_called(server: Server) -> None:
    heard: list[Any] = []
    server.topic_kind(
        "room:",
        store=LIST,
        on_join=lambda topic_id: heard.append(f"into {topic_id}"),
        on_leave=lambda client_id, topic_id: heard.append(f"{client_id} out of {topic_id}"),
    )
    client = ScriptedClient(server)
    client.send(Subscribe(1, "topic:room:7", None, None), Unsubscribe(2, "topic:room:7"))
    settle(server)
    assert heard == ["into room:7", f"{client.id} out of room:7"]
