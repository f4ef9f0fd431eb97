"""The directory: which topics there are, and of which kinds."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import Refused, Store, TopicExists, UsageError, automatic
from nuphar.actors.routing.topics import Directory, Kind
from nuphar.actors.targets.log import MemoryLog
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
    assert directory.find("t") == (topic, False)
    assert directory.hooks_of("t") is topic.hooks
    assert topic.target.name == "topic:t"
    assert directory.running() == [topic]


def test_what_is_not_there_is_not_found() -> None:
    directory = new_directory()
    assert code_of(lambda: directory.find("t")) == "not_found"
    assert code_of(lambda: directory.hooks_of("t")) == "not_found"


def test_a_kind_s_topic_is_begun_once_with_its_key() -> None:
    directory = new_directory()
    directory.add_kind(rooms())
    topic, is_begun = directory.find("room:7")
    assert is_begun
    assert topic.target.order is not None
    assert topic.target.order.position == (7, 0)
    assert directory.find("room:7") == (topic, False)


def test_asking_for_hooks_begins_no_topic() -> None:
    directory = new_directory()
    kind = rooms()
    directory.add_kind(kind)
    assert directory.hooks_of("room:7") is kind.hooks
    assert directory.running() == []


def test_the_longest_prefix_decides() -> None:
    directory = new_directory()
    directory.add_kind(Kind("room:", str))
    private = Kind("room:private:", str)
    directory.add_kind(private)
    topic, _ = directory.find("room:private:7")
    assert topic.kind is private


@pytest.mark.parametrize("topic_id", ["room:", "room:seven", "rooms:7"])
def test_an_id_that_names_nothing_is_not_found(topic_id: str) -> None:
    directory = new_directory()
    directory.add_kind(rooms())
    assert code_of(lambda: directory.find(topic_id)) == "not_found"


def test_a_parser_that_is_broken_is_logged_and_not_found(caplog: pytest.LogCaptureFixture) -> None:
    directory = new_directory()
    directory.add_kind(Kind("room:", lambda text: 1 / 0))
    assert code_of(lambda: directory.find("room:7")) == "not_found"
    assert "does not parse" in caplog.text


def test_a_store_that_cannot_be_made_is_a_crash_and_no_topic(caplog: pytest.LogCaptureFixture) -> None:
    directory = new_directory()
    directory.add_kind(Kind("room:", str, store=lambda topic_id, key: Store(1 / 0, add)))
    with pytest.raises(Refused) as caught:
        directory.find("room:7")
    assert caught.value.code == "crashed"
    assert "ZeroDivisionError" not in caught.value.text
    assert caught.value.details["trace_id"] in caplog.text
    assert directory.running() == []


def test_too_many_topics_are_busy() -> None:
    directory = new_directory(topics=1)
    directory.add_kind(rooms())
    topic, _ = directory.find("room:1")
    assert code_of(lambda: directory.find("room:2")) == "busy"
    assert code_of(lambda: directory.hooks_of("room:2")) == "busy"
    directory.remove(topic)
    assert directory.find("room:2")[1]


def test_a_topic_that_was_removed_begins_anew_in_another_epoch() -> None:
    directory = new_directory()
    directory.add_kind(rooms())
    first, _ = directory.find("room:7")
    assert first.target.order is not None
    first.target.order.apply(5, b"\x05")
    directory.remove(first)
    second, is_begun = directory.find("room:7")
    assert is_begun
    assert second.target.order is not None
    assert second.target.order.position == (7, 0)
    assert second.target.order.epoch != first.target.order.epoch


def test_removing_a_topic_does_not_touch_the_one_that_took_its_id() -> None:
    directory = new_directory()
    directory.add_kind(rooms())
    first, _ = directory.find("room:7")
    directory.remove(first)
    second, _ = directory.find("room:7")
    directory.remove(first)
    assert directory.find("room:7") == (second, False)


@pytest.mark.parametrize(
    ("topic_id", "prefix", "collide"),
    [("room:1", "room:", True), ("room", "room:", True), ("room", "room/", True), ("rooms", "room:", False)],
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
    directory.find("room:private:1")
    directory.add_kind(Kind("room:private:", str))
    assert set(directory.kinds) == {"room:", "room:private:"}


@pytest.mark.parametrize("id", ["", "a\x00", "x" * 256])
def test_ill_formed_ids_and_prefixes_are_refused(id: str) -> None:
    with pytest.raises(UsageError, match="ill-formed"):
        new_directory().add_topic(id)
    with pytest.raises(UsageError, match="ill-formed"):
        new_directory().add_kind(Kind(id, str))
