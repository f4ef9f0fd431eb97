"""Messages that crash their actor twice."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from support.serving import eventually

from nuphar import NotRunning, Server, Store
from nuphar.transport.wire.frames import Acknowledge, ClientMessage, Rejected, Subscribe


class Trap:
    """An update that leaks a BaseException on ``"boom"`` while it is armed: no refused message, but a crash."""

    def __init__(self) -> None:
        self.is_armed = True

    def __call__(self, model: int, message: Any) -> int:
        if message == "boom" and self.is_armed:
            raise gevent.Timeout(0)
        return model + 1


@pytest.fixture
def trap(server: Server) -> Trap:
    trap = Trap()
    server.topic("mine").with_store(Store(0, trap))
    server.topic("other").with_store(Store(0, lambda model, message: model + message))
    return trap


def poison(ada: Any) -> list[Any]:
    ada.send(Subscribe(1, "topic:mine", None, None), ClientMessage(2, "topic:mine", 1))
    ada.take()
    ada.send(ClientMessage(3, "topic:mine", "boom"))
    eventually(lambda: ada.server.dead_letters())
    return ada.take()


def test_a_poison_message_is_set_aside_and_its_author_is_told(trap, client):
    ada = client("ada")
    (answer,) = poison(ada)
    (letter,) = ada.server.dead_letters()
    assert (answer.ref, answer.code) == (3, "crashed")
    assert answer.details == {"trace_id": letter.trace_id}


def test_a_dead_letter_tells_an_operator_everything(trap, client):
    ada = client("ada")
    poison(ada)
    (letter,) = ada.server.dead_letters()
    assert (letter.target, letter.author, letter.message, letter.position) == ("topic:mine", "ada", "boom", (1, 1))
    assert "gevent.timeout.Timeout" in letter.error
    assert "__call__" in letter.error


def test_the_topic_goes_on_without_the_poison_message(trap, client):
    ada = client("ada")
    poison(ada)
    ada.send(ClientMessage(4, "topic:mine", 1))
    assert ada.take() == [Acknowledge("topic:mine", 2, [4], False)]


def test_messages_behind_the_poison_are_applied_once_and_in_order(trap, client):
    ada = client("ada")
    ada.send(Subscribe(1, "topic:mine", None, None))
    ada.take()
    ada.send(ClientMessage(2, "topic:mine", "boom"), *(ClientMessage(ref, "topic:mine", 1) for ref in (3, 4, 5)))
    eventually(lambda: ada.server.dead_letters())
    got = ada.take()
    assert [ref for frame in got if isinstance(frame, Acknowledge) for ref in frame.refs] == [3, 4, 5]
    assert got[-1].seq == 3


def test_a_topic_that_backs_off_answers_busy_and_others_do_not_notice(trap, client):
    ada = client("ada")
    ada.send(Subscribe(1, "topic:mine", None, None), Subscribe(2, "topic:other", None, None))
    ada.take()
    ada.send(ClientMessage(3, "topic:mine", "boom"))
    topic = ada.server.directory.topics["mine"]
    eventually(lambda: topic.mailbox.suspended)
    ada.send(ClientMessage(4, "topic:mine", 1), ClientMessage(5, "topic:other", 1))
    eventually(lambda: len(ada.got) == 2)
    answers = ada.peek()
    assert {(answer.ref, answer.code) for answer in answers if isinstance(answer, Rejected)} == {(4, "busy")}
    assert Acknowledge("topic:other", 1, [5], False) in answers
    eventually(lambda: ada.server.dead_letters())


def test_a_dead_letter_can_be_replayed_once_the_cause_is_mended(trap, client):
    ada = client("ada")
    poison(ada)
    trap.is_armed = False
    (letter,) = ada.server.dead_letters()
    letter.replay()
    (message,) = ada.take()
    assert (message.seq, message.payload) == (2, "boom")
    assert ada.server.dead_letters() == []


def test_a_dead_letter_can_be_discarded(trap, client):
    ada = client("ada")
    poison(ada)
    ada.server.dead_letters()[0].discard()
    assert ada.server.dead_letters() == []
    assert ada.server.stats()["dead_letters"] == 1


def test_a_dead_letter_of_a_stopped_server_cannot_be_replayed(trap, client):
    ada = client("ada")
    poison(ada)
    (letter,) = ada.server.dead_letters()
    ada.server.stop()
    with pytest.raises(NotRunning, match="topic:mine is not running"):
        letter.replay()


def test_a_message_that_cannot_even_be_set_aside_is_dropped_and_the_topic_lives(trap, client, monkeypatch, caplog):
    def broken(*arguments):
        raise OSError("no room for letters")

    ada = client("ada")
    monkeypatch.setattr(ada.server.books.letters, "add", broken)
    ada.send(Subscribe(1, "topic:mine", None, None), ClientMessage(2, "topic:mine", "boom"))
    eventually(lambda: "drops it" in caplog.text)
    ada.send(ClientMessage(3, "topic:mine", 1))
    eventually(lambda: [frame for frame in ada.take() if isinstance(frame, Acknowledge) and frame.refs == [3]])
