"""The types of a model and of its messages go from a store to the handles of topics."""

from dataclasses import dataclass
from typing import assert_type

import nuphar


@dataclass(frozen=True)
class Line:
    text: str


Room = tuple[Line, ...]


def say(room: Room, line: Line) -> Room:
    return (*room, line)


def add(count: int, more: int) -> int:
    return count + more


store = nuphar.Store((), say)
counter = nuphar.Store(0, add)
loose = nuphar.Store(0, lambda count, more: count + more)
bare: nuphar.Store = counter
server = nuphar.Server(store.model)

assert_type(counter.model, int)
assert_type(counter.update(1, 2), int)
nuphar.Store("", add)  # refused
nuphar.Store(0, lambda count: count)  # refused
nuphar.Store(0, 5)  # refused
nuphar.Store(0, add, local="draft")  # refused

assert_type(nuphar.Store((), say), nuphar.Store[Room, Line])
server.topic("lines").with_store(nuphar.Store((), lambda room, line: (*room, line.text)[-50:])).dispatch(Line(""))
nuphar.Store((), add)  # refused


server.topic("newest").with_store(nuphar.Store(None, lambda before, line: line)).dispatch(Line(""))
nuphar.Store(None, lambda before: before)  # refused

topic = server.topic("counter").with_store(counter)
assert_type(topic.model, int)
assert_type(topic.snapshot.model, int)
assert_type(topic.seq, int)
topic.dispatch(5)
topic.dispatch("five")  # refused
topic.broadcast("to everybody", exclude=None)
topic.broadcast("to everybody", 5)  # refused
server.topic("loose").with_store(loose).dispatch(5)
server.topic("wired").with_store().dispatch("anything: the wiring says what")
server.topic("x").with_store(5)  # refused
server.topic(5)  # refused

rooms = server.topic_kind("room:", int, store=lambda key: store)
assert_type(rooms.topic(7).model, Room)
rooms.topic(7).dispatch(Line("hello"))
rooms.topic(7).dispatch("hello")  # refused
for room in rooms.topics():
    assert_type(room.model, Room)
server.topic_kind("same:", store=counter).topic("a").dispatch(1)
server.topic_kind("same:", store=counter).topic("a").dispatch("one")  # refused
server.topic_kind("late:").with_store(counter).topic("a").dispatch("one")  # refused
server.topic_kind("n:", lambda: 5)  # refused


def count_up(handle: "nuphar.TopicHandle[int, int]") -> None:
    handle.dispatch(handle.model + 1)


count_up(topic)
count_up(rooms.topic(1))  # refused
