"""Who wrote a message is what the server knows: its update, its log, every subscriber and the author agree on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from nuphar import Client, Identity, Meta, Server, Store
from nuphar.testing import MemoryConnector
from nuphar.testing.logs import ScriptedLog

T = "topic:chat"
Lines = tuple[tuple[Any, ...], ...]


def say(lines: Lines, text: str, meta: Meta) -> Lines:
    return (*lines, (meta.author, text, meta.at, meta.seq))


CHAT = Store((), say)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        running.topic("chat", share=("author", "at")).with_store(CHAT)
        yield running


def follow(server: Server, user: str | None) -> tuple[Client, MemoryConnector]:
    line = MemoryConnector(server, identity=None if user is None else Identity(user))
    return Client(line, stores={T: CHAT}).wait_live(), line


def test_everybody_has_the_same_author_and_time(server: Server) -> None:
    before = time.time()
    (ada, _), (bob, _), (guest, _) = (follow(server, user) for user in ("ada", "bob", None))
    ada.dispatch(T, "hi").get(timeout=10.0)
    guest.dispatch(T, "who?").get(timeout=10.0)
    clients = (ada, bob, guest)
    for client in clients:
        client.wait_until(lambda client: len(client.confirmed(T)) == 2)
    models = [client.model(T) for client in clients]
    assert models[0] == models[1] == models[2]
    assert [line[:2] + line[3:] for line in models[0]] == [("ada", "hi", 1), (None, "who?", 2)]
    assert all(before <= line[2] <= time.time() for line in models[0])
    for client in clients:
        client.close()


def test_a_client_guesses_its_own_until_it_is_told(server: Server) -> None:
    ada, line = follow(server, "ada")
    line.cut()
    early = ada.dispatch(T, "hi")
    ((author, text, at, seq),) = ada.model(T)
    assert (author, text, seq) == ("ada", "hi", 1)
    line.restore()
    early.get(timeout=10.0)
    ((_, _, told, _),) = ada.model(T)
    assert told >= at
    assert ada.confirmed(T) == ada.model(T)
    ada.close()


def test_what_was_missed_and_what_was_its_own_are_told_with_their_authors(server: Server) -> None:
    (ada, line), (bob, _) = follow(server, "ada"), follow(server, "bob")
    ada.dispatch(T, "one").get(timeout=10.0)
    line.cut()
    waiting = ada.dispatch(T, "two")
    bob.dispatch(T, "between").get(timeout=10.0)
    line.restore()
    waiting.get(timeout=10.0)
    bob.wait_until(lambda client: len(client.confirmed(T)) == 3)
    assert ada.model(T) == bob.model(T)
    assert [entry[0] for entry in ada.model(T)] == ["ada", "bob", "ada"]
    late, _ = follow(server, None)
    assert late.model(T) == bob.model(T)
    for client in (ada, bob, late):
        client.close()


def test_what_is_not_shared_is_not_told() -> None:
    with Server() as server:
        topic = server.topic("chat").with_store(CHAT)
        ada, _ = follow(server, "ada")
        plain = Store((), lambda lines, text: (*lines, text))
        with Client(MemoryConnector(server), stores={T: plain}) as other:
            other.wait_live()
            ada.dispatch(T, "hi").get(timeout=10.0)
            other.wait_until(lambda client: client.seq(T) == 1)
            assert other.model(T) == ("hi",)
        assert [line[0] for line in topic.model] == ["ada"]
        ((author, *_),) = ada.model(T)
        assert author is None
        ada.close()


def test_the_server_s_own_messages_have_no_author_and_its_log_knows_who_wrote_what() -> None:
    log = ScriptedLog()
    with Server() as server:
        topic = server.topic("chat", share=("author",)).with_store(CHAT, log=log)
        ada, _ = follow(server, "ada")
        ada.dispatch(T, "hi").get(timeout=10.0)
        topic.dispatch("from the server")
        assert [line[0] for line in topic.model] == ["ada", None]
        first, second = log.records(T)
        assert (first.author, second.author, second.client_id) == ("ada", None, None)
        assert (first.at, second.at) == (topic.model[0][2], topic.model[1][2])
        ada.close()


def test_a_topic_of_a_kind_shares_what_its_kind_does() -> None:
    heard: list[Any] = []
    with Server() as server:
        rooms = server.topic_kind("room:", store=CHAT, share=["author"])
        with Client(MemoryConnector(server, identity=Identity("ada")), stores={"room:1": CHAT}) as ada:
            ada.wait_live().dispatch("room:1", "hi").get(timeout=10.0)
            heard += ada.model("room:1")
        assert [line[0] for line in rooms.topic("1").model] == [line[0] for line in heard] == ["ada"]


def test_a_store_in_place_is_made_again_with_the_same_authors() -> None:
    def grow(lines: list[Any], text: str, meta: Meta) -> list[Any]:
        lines.append((meta.author, meta.at))
        if text == "no":
            raise ValueError("half-way")
        return lines

    quiet = Store((), lambda lines, text: lines)
    with Server(debug=False) as server:
        topic = server.topic("chat").with_store(Store([], grow))
        with Client(MemoryConnector(server, identity=Identity("ada")), stores={T: quiet}) as ada:
            ada.wait_live().dispatch(T, "yes").get(timeout=10.0)
            kept = list(topic.model)
            with pytest.raises(Exception, match="crashed"):
                ada.dispatch(T, "no").get(timeout=10.0)
        assert topic.model == kept
        assert kept[0][0] == "ada"
