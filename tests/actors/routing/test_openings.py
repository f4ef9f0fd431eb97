"""Topics of a kind that are being begun: once each, whoever wants them, however long it takes."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.threadpool import ThreadPool

from nuphar import Refused, Store, automatic
from nuphar.actors.routing.openings import Openings
from nuphar.actors.routing.topic import Kind, Topic
from nuphar.actors.routing.topics import Directory
from nuphar.actors.targets.memory_log import MemoryLog
from nuphar.transport.wire.codec import Codec

LIMIT = 10.0  # seconds that any wait here may take


def add(model: int, message: int) -> int:
    return model + message


class Opened(Openings):
    """Openings that keep what they have started."""

    def __init__(self, timeout: float = LIMIT, **options: Any) -> None:
        self.directory = Directory(Codec(automatic()), MemoryLog(), **options)
        self.started: list[Topic] = []
        super().__init__(self.directory, self.started.append, timeout)


class Gate:
    """A function that makes stores once it may, and keeps for which keys it was called."""

    def __init__(self, failures: int = 0) -> None:
        self.open = Event()
        self.keys: list[int] = []
        self._failures = failures

    def __call__(self, topic_id: str, key: int) -> Store:
        self.keys.append(key)
        assert self.open.wait(LIMIT)
        if len(self.keys) <= self._failures:
            raise OSError("no database")
        return Store(key, add)


def rooms(**options: Any) -> Kind:
    return Kind("room:", int, store=lambda topic_id, key: Store(key, add), **options)


def code_of(call: Any) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code


def test_a_kind_s_topic_is_begun_once_with_its_key() -> None:
    openings = Opened()
    openings.directory.add_kind(rooms())
    topic = openings.open("room:7")
    assert topic.target.order is not None
    assert topic.target.order.position == (7, 0)
    assert openings.open("room:7") is topic


def test_a_topic_is_begun_anew_when_the_one_before_has_ended() -> None:
    openings = Opened()
    openings.directory.add_kind(rooms())
    before = openings.open("room:7")
    openings.directory.remove(before)
    begun = gevent.spawn(openings.open, "room:7")
    gevent.idle()
    assert len(openings) == 1
    assert openings.started == [before]
    openings.directory.ended(before)
    assert begun.get(timeout=LIMIT) is not before
    assert len(openings) == 0


def test_who_waits_too_long_for_the_end_of_the_one_before_is_refused() -> None:
    openings = Opened(timeout=0.001)
    openings.directory.add_kind(rooms())
    openings.directory.remove(openings.open("room:7"))
    assert code_of(lambda: openings.open("room:7")) == "busy"


def test_the_longest_prefix_decides() -> None:
    openings = Opened()
    openings.directory.add_kind(Kind("room:", str))
    private = Kind("room:private:", str)
    openings.directory.add_kind(private)
    topic = openings.open("room:private:7")
    assert topic.kind is private


@pytest.mark.parametrize("topic_id", ["room:", "room:seven", "rooms:7"])
def test_an_id_that_names_nothing_is_not_found(topic_id: str) -> None:
    openings = Opened()
    openings.directory.add_kind(rooms())
    assert code_of(lambda: openings.open(topic_id)) == "not_found"


def test_a_parser_that_is_broken_is_logged_and_not_found(caplog: pytest.LogCaptureFixture) -> None:
    openings = Opened()
    openings.directory.add_kind(Kind("room:", lambda text: 1 / 0))
    assert code_of(lambda: openings.open("room:7")) == "not_found"
    assert "does not parse" in caplog.text


def test_a_store_that_cannot_be_made_is_a_crash_and_no_topic(caplog: pytest.LogCaptureFixture) -> None:
    openings = Opened()
    openings.directory.add_kind(Kind("room:", str, store=lambda topic_id, key: Store(1 / 0, add)))
    with pytest.raises(Refused) as caught:
        openings.open("room:7")
    assert caught.value.code == "crashed"
    assert "ZeroDivisionError" not in caught.value.text
    assert caught.value.details["trace_id"] in caplog.text
    assert openings.directory.running() == []


def test_too_many_topics_are_busy() -> None:
    openings = Opened(topics=1)
    openings.directory.add_kind(rooms())
    topic = openings.open("room:1")
    assert code_of(lambda: openings.open("room:2")) == "busy"
    openings.directory.remove(topic)
    assert openings.open("room:2").id == "room:2"


def test_a_topic_that_was_removed_begins_anew_in_another_epoch() -> None:
    openings = Opened()
    openings.directory.add_kind(rooms())
    first = openings.open("room:7")
    assert first.target.order is not None
    first.target.post(None, 0, 5, b"\x05")
    openings.directory.remove(first)
    openings.directory.ended(first)
    second = openings.open("room:7")
    assert second.target.order is not None
    assert second.target.order.position == (7, 0)
    assert second.target.order.epoch != first.target.order.epoch


def test_removing_a_topic_does_not_touch_the_one_that_took_its_id() -> None:
    openings = Opened()
    openings.directory.add_kind(rooms())
    first = openings.open("room:7")
    openings.directory.remove(first)
    openings.directory.ended(first)
    second = openings.open("room:7")
    openings.directory.remove(first)
    openings.directory.ended(first)
    assert openings.open("room:7") is second


def test_those_who_come_at_once_get_the_same_topic_and_its_store_is_made_once() -> None:
    gate, openings = Gate(), Opened()
    openings.directory.add_kind(Kind("room:", int, store=gate))
    greenlets = [gevent.spawn(openings.open, "room:7", f"client {n}") for n in range(5)]
    gevent.idle()
    assert (gate.keys, openings.started, len(openings)) == ([7], [], 1)
    gate.open.set()
    topics = [greenlet.get(timeout=LIMIT) for greenlet in greenlets]
    assert {id(topic) for topic in topics} == {id(openings.directory.topics["room:7"])}
    assert gate.keys == [7]
    assert openings.started == topics[:1]
    assert len(openings) == 0


def test_those_who_wait_for_a_store_that_cannot_be_made_hear_of_it_and_the_next_one_tries_again() -> None:
    gate, openings = Gate(failures=1), Opened()
    openings.directory.add_kind(Kind("room:", int, store=gate))
    greenlets = [gevent.spawn(code_of, lambda: openings.open("room:7", "c")) for _ in range(3)]
    gevent.idle()
    gate.open.set()
    assert [greenlet.get(timeout=LIMIT) for greenlet in greenlets] == ["crashed"] * 3
    assert openings.directory._begun == {}
    assert openings.open("room:7").id == "room:7"
    assert gate.keys == [7, 7]


def test_stores_of_different_topics_are_made_at_the_same_time() -> None:
    gate, openings = Gate(), Opened()
    openings.directory.add_kind(Kind("room:", int, store=gate))
    greenlets = [gevent.spawn(openings.open, f"room:{n}") for n in range(3)]
    gevent.idle()
    assert gate.keys == [0, 1, 2]
    gate.open.set()
    gevent.joinall(greenlets, timeout=LIMIT, raise_error=True)


def test_topics_that_are_being_begun_count_towards_the_bounds() -> None:
    gate, openings = Gate(), Opened(topics=3, topics_each=1)
    openings.directory.add_kind(Kind("room:", int, store=gate))
    greenlets = [gevent.spawn(openings.open, f"room:{n}", f"client {n}") for n in range(2)]
    gevent.idle()
    assert code_of(lambda: openings.open("room:5", "client 0")) == "busy"
    greenlets.append(gevent.spawn(openings.open, "room:6"))
    gevent.idle()
    assert code_of(lambda: openings.open("room:7")) == "busy"
    gate.open.set()
    gevent.joinall(greenlets, timeout=LIMIT, raise_error=True)
    assert code_of(lambda: openings.open("room:7")) == "busy"


def test_a_thread_and_a_greenlet_get_the_same_topic() -> None:
    gate, openings = Gate(), Opened()
    openings.directory.add_kind(Kind("room:", int, store=gate))
    first = gevent.spawn(openings.open, "room:7")
    gevent.idle()
    pool = ThreadPool(1)
    try:
        second = pool.spawn(openings.open, "room:7")
        gate.open.set()
        assert second.get(timeout=LIMIT) is first.get(timeout=LIMIT)
    finally:
        pool.kill()
    assert gate.keys == [7]


def test_a_store_that_takes_too_long_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    openings = Opened(timeout=0.01)
    openings.directory.add_kind(Kind("room:", int, store=Gate()))
    assert code_of(lambda: openings.open("room:7")) == "crashed"
    assert "longer than 0.01 s" in caplog.text


def test_a_parser_that_waits_for_ever_is_given_up() -> None:
    openings = Opened(timeout=0.01)
    openings.directory.add_kind(Kind("room:", lambda text: gevent.sleep(LIMIT)))
    assert code_of(lambda: openings.open("room:7")) == "not_found"
