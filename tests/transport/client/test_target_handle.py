"""A handle on one target of a client, of each kind of client, and what its hooks may take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.counting import add, keep
from support.skins import Skin, skin

from nuphar import Refused, Server, Store, TopicHandle, UsageError, states
from nuphar.testing import MemoryConnector

COUNTER, LIST = Store(0, add), Store((), keep)
Start = Callable[..., Skin]


@pytest.fixture(params=["greenlets", "threads", "asyncio"])
def one(request: pytest.FixtureRequest, server: Server) -> Iterator[Skin]:
    """A client that follows the counter."""
    server.topic("counter").with_store(COUNTER)
    server.topic("list").with_store(LIST)
    one = skin(request.param, MemoryConnector(server), {"counter": COUNTER})
    yield one
    one.close()


def test_subscribe_returns_a_handle_with_all_that_a_client_has_of_the_target(server: Server, one: Skin) -> None:
    handle = one.call(lambda client: client.subscribe("list", LIST))
    assert handle.name == "topic:list"
    assert repr(handle).startswith("<topic:list of <")
    one.wait(lambda client: handle.status == states.Following())
    answer = one.answer(lambda client: handle.dispatch("a"))
    assert one.call(lambda client: (handle.model, handle.status)) == (("a",), states.Following())
    assert answer() == 1
    one.wait(lambda client: handle.confirmed == ("a",))
    assert one.call(lambda client: (handle.seq, handle.pending)) == (1, [])
    one.call(lambda client: handle.unsubscribe())
    with pytest.raises(UsageError, match="does not follow 'topic:list'"):
        one.call(lambda client: handle.model)


def test_a_message_that_is_refused_is_so_over_a_handle_too(one: Skin) -> None:
    handle = one.call(lambda client: client.target("counter", COUNTER))
    answer = one.answer(lambda client: handle.dispatch("text"))
    with pytest.raises(Refused, match="crashed"):
        answer()
    one.wait(lambda client: handle.pending == [])


def test_the_hooks_of_a_handle_hear_of_its_target_alone(server: Server, one: Skin) -> None:
    heard: list[Any] = []
    handle = one.call(lambda client: client.subscribe("list", LIST))
    one.wait(lambda client: client._is_settled())
    one.call(lambda client: handle.on_change(lambda model: heard.append(model)))
    one.call(lambda client: handle.on_push(lambda message: heard.append(f"pushed {message}")))
    one.answer(lambda client: client.dispatch("counter", 5))()
    one.answer(lambda client: handle.dispatch("a"))()
    for topic_id in ("counter", "list"):
        TopicHandle(server, server.directory.topics[topic_id]).broadcast(topic_id)
    one.wait(lambda client: len(heard) > 1)
    assert heard == [("a",), "pushed list"]


def test_local_fields_are_set_through_a_handle(server: Server, one: Skin) -> None:
    draft = Store({"draft": ""}, lambda model, message: model, local=("draft",))
    server.topic("draft").with_store(draft)
    handle = one.call(lambda client: client.subscribe("draft", draft))
    one.call(lambda client: handle.set_local(draft="Hel"))
    assert one.call(lambda client: handle.model) == {"draft": "Hel"}


def test_a_handle_on_a_target_is_one_with_its_own_store(one: Skin) -> None:
    with pytest.raises(UsageError, match="counter: expected the store that this client follows it with"):
        one.call(lambda client: client.target("counter", LIST))
    with pytest.raises(UsageError, match="does not follow 'list'"):
        one.call(lambda client: client.target("list"))


@pytest.mark.parametrize("name", ["on_change", "on_push", "on_rejected", "on_refused"])
def test_a_hook_with_a_parameter_that_there_is_not_is_refused_when_it_is_registered(name: str, one: Skin) -> None:
    with pytest.raises(UsageError, match=rf"^{name}: expected a hook with some of .*: there is no 'who'$"):
        one.call(lambda client: getattr(client, name)(lambda who: None))


def test_a_hook_of_a_handle_has_no_target_to_take(one: Skin) -> None:
    handle = one.call(lambda client: client.target("counter"))
    with pytest.raises(UsageError, match=r"^on_change: expected a hook with some of .*: there is no 'target'$"):
        one.call(lambda client: handle.on_change(lambda target: None))


def test_a_hook_of_one_value_calls_it_what_it_likes(server: Server, one: Skin) -> None:
    heard: list[Any] = []
    one.wait(lambda client: client._is_settled())
    one.call(lambda client: client.target("counter").on_push(lambda text: heard.append(text)))
    TopicHandle(server, server.directory.topics["counter"]).broadcast("a word")
    one.wait(lambda client: bool(heard))
    assert heard == ["a word"]


def test_the_hooks_of_a_client_get_what_they_ask_for(server: Server, one: Skin) -> None:
    heard: list[Any] = []
    one.wait(lambda client: client._is_settled())
    one.call(lambda client: client.on_change(lambda message, target: heard.append((message, target))))
    one.call(lambda client: client.on_change(lambda *, model: heard.append(model)))
    one.call(lambda client: client.on_state(lambda: heard.append("a state")))
    one.answer(lambda client: client.dispatch("counter", 5))()
    one.close()
    assert heard == [(5, "topic:counter"), 5, "a state"]
