"""What a program holds of a topic kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nuphar import NotRunning, Refused, Server, Slice, Store, UsageError, Wiring


def add(model: int, message: int) -> int:
    return model + message


def test_a_handle_says_what_it_is(server: Server) -> None:
    assert repr(server.topic_kind("room:")) == "<topic kind 'room:'>"


def test_with_store_returns_the_handle_itself(server: Server) -> None:
    rooms = server.topic_kind("room:")
    assert rooms.with_store(Store(0, add)) is rooms


def test_a_kind_starts_a_topic_for_the_program_and_lists_its_own(server: Server) -> None:
    rooms = server.topic_kind("room:", int, store=lambda key: Store(key, add))
    server.topic("t")
    room = rooms.topic(7)
    assert room.id == "room:7"
    assert room.model == 7
    assert [topic.id for topic in rooms.topics()] == ["room:7"]
    assert rooms.topic(7).seq == room.seq


@pytest.mark.parametrize("suffix", ["\x00", "x" * 300, "e\u0301"])
def test_a_suffix_that_makes_an_ill_formed_id_starts_nothing(server: Server, suffix: str) -> None:
    rooms = server.topic_kind("room:", store=Store(0, add))
    with pytest.raises(UsageError, match="ill-formed"):
        rooms.topic(suffix)
    assert rooms.topics() == []


def test_a_suffix_that_does_not_parse_is_refused(server: Server) -> None:
    with pytest.raises(Refused, match="not_found"):
        server.topic_kind("room:", int).topic("seven")


def test_a_kind_s_store_may_be_one_for_all_a_function_or_wired(make_server: Callable[..., Server]) -> None:
    server = make_server(None, Wiring(kinds={"wired:": Slice(add, initial=lambda key: 3)}))
    one = server.topic_kind("one:").with_store(Store(1, add))
    made = server.topic_kind("made:", int).with_store(lambda key: Store(key, add))
    wired = server.topic_kind("wired:").with_store()
    assert [one.topic("x").model, made.topic(2).model, wired.topic("x").model] == [1, 2, 3]


def test_a_kind_that_is_not_wired_says_what_is(server: Server) -> None:
    with pytest.raises(UsageError, match=r"nothing is wired for the topic kind 'room:'; wired are \[\]"):
        server.topic_kind("room:").with_store()


def test_a_kind_of_a_server_that_does_not_run_starts_nothing() -> None:
    server = Server()
    rooms = server.topic_kind("room:")
    with pytest.raises(NotRunning):
        rooms.topic("a")


def test_a_function_that_makes_stores_takes_a_key(server: Server) -> None:
    with pytest.raises(UsageError, match=r"a kind's store: expected a function of \(key\), got one of \(\)"):
        server.topic_kind("room:").with_store(lambda: Store(0, add))  # type: ignore[arg-type,misc]
    with pytest.raises(UsageError, match=r"expected a nuphar\.Store, a function from key to Store, or None, got 5"):
        server.topic_kind("other:").with_store(5)  # type: ignore[arg-type]


def test_a_parser_takes_a_text(server: Server) -> None:
    with pytest.raises(UsageError, match=r"parse: expected a function of \(text\), got one of \(\)"):
        server.topic_kind("room:", lambda: 5)  # type: ignore[arg-type,misc]
