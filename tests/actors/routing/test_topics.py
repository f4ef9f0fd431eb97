"""The directory: which topics there are, and of which kinds."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import Refused, Store, TopicExists, UsageError, automatic
from nuphar.actors.routing.topic import Kind
from nuphar.actors.routing.topics import Directory
from nuphar.actors.targets.memory_log import MemoryLog
from nuphar.transport.wire.codec import Codec


def add(model: int, message: int) -> int:
    return model + message


def new_directory(**options: Any) -> Directory:
    return Directory(Codec(automatic()), MemoryLog(), **options)


def rooms(**options: Any) -> Kind:
    return Kind("room:", int, store=lambda topic_id, key: Store(key, add), **options)


def code_of(call: Any) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code


def test_a_topic_that_was_added_is_found() -> None:
    directory = new_directory()
    topic = directory.add_topic("t")
    assert directory.topics["t"] is topic
    assert topic.target.name == "topic:t"
    assert directory.running() == [topic]


def test_an_id_is_free_when_the_last_goodbye_is_said() -> None:
    directory = new_directory()
    topic = directory.add_topic("t")
    directory.remove(topic)
    assert directory.running() == []
    assert directory.living() == [topic], "a supervisor that is restarted brings it to its end"
    with pytest.raises(TopicExists, match="'t' is still stopping"):
        directory.add_topic("t")
    assert code_of(lambda: directory.wait_until_free("t", 0.0)) == "busy"
    directory.ended(topic)
    directory.wait_until_free("t", 0.0)
    assert directory.living() == []
    assert directory.add_topic("t") is not topic


def test_only_who_is_ending_can_have_ended() -> None:
    directory = new_directory()
    topic = directory.add_topic("t")
    directory.ended(topic)
    assert directory.running() == [topic]
    directory.remove(topic)
    directory.ended(new_directory().add_topic("t"))
    assert directory.living() == [topic]


def test_what_is_not_there_is_not_found() -> None:
    directory = new_directory()
    assert code_of(lambda: directory.kind_of("t")) == "not_found"


@pytest.mark.parametrize(
    ("topic_id", "prefix", "collide"),
    [("room:1", "room:", True), ("room", "room:", False), ("room", "room", True), ("rooms", "room:", False)],
)
def test_topics_and_prefixes_collide_whichever_is_first(topic_id: str, prefix: str, collide: bool) -> None:
    one, other = new_directory(), new_directory()
    one.add_topic(topic_id)
    other.add_kind(Kind(prefix, str))
    for call in (lambda: one.add_kind(Kind(prefix, str)), lambda: other.add_topic(topic_id)):
        if collide:
            with pytest.raises(TopicExists):
                call()
        else:
            call()


def test_a_kind_s_own_topics_do_not_collide_with_a_longer_prefix() -> None:
    directory = new_directory()
    directory.add_kind(Kind("room:", str))
    directory.add("room:private:1", directory.kinds["room:"], None)
    directory.add_kind(Kind("room:private:", str))
    assert set(directory.kinds) == {"room:", "room:private:"}


@pytest.mark.parametrize("id", ["", "a\x00", "x" * 256])
def test_ill_formed_ids_and_prefixes_are_refused(id: str) -> None:
    with pytest.raises(UsageError, match="ill-formed"):
        new_directory().add_topic(id)
    with pytest.raises(UsageError, match="ill-formed"):
        new_directory().add_kind(Kind(id, str))


def test_a_kind_is_found_by_an_id_that_may_not_even_parse() -> None:
    directory = new_directory()
    kind = rooms()
    directory.add_kind(kind)
    assert directory.kind_of("room:seven") is kind
    assert directory.running() == []


def test_what_one_session_has_begun_is_counted_until_it_ends() -> None:
    directory = new_directory(topics_each=2)
    kind = rooms()
    directory.add_kind(kind)
    for key in (1, 2):
        directory.reserve("c")
        directory.add(f"room:{key}", kind, None, "c")
    assert code_of(lambda: directory.reserve("c")) == "busy"
    directory.reserve("another")
    directory.reserve(None)
    directory.remove(directory.topics["room:1"])
    directory.reserve("c")
    directory.release("c")
    directory.remove(directory.topics["room:2"])
    directory.release("another")
    assert directory._begun == {}
