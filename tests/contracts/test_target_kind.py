"""Every kind of targets keeps its contract: topics, with hooks and without, sessions' own stores, and a toy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.sums import Sums, add

from nuphar import Server, Slice, Store, Wiring
from nuphar.testing.contracts import Scene, TargetKindContract


def scene_of(server: Server, target: str, **more: object) -> Scene:
    kind = server.books.kinds.of(target)
    assert kind is not None
    return Scene(server, kind, target, **more)  # type: ignore[arg-type]


class TestTopics(TargetKindContract):
    @pytest.fixture
    def scene(self) -> Iterator[Scene]:
        with Server() as server:
            server.topic("t").with_store(Store(0, add))
            yield scene_of(server, "topic:t", forbidden="topic:other")


class TestTopicsOfAKindWithHooks(TargetKindContract):
    @pytest.fixture
    def scene(self) -> Iterator[Scene]:
        with Server() as server:
            server.topic_kind(
                "room:",
                int,
                store=Store(0, add),
                can_subscribe=lambda topic_id: topic_id != "room:13",
                on_join=lambda: None,
                on_leave=lambda: None,
            )
            yield scene_of(server, "topic:room:7", forbidden="topic:room:13")


class TestTopicsWithoutAStore(TargetKindContract):
    @pytest.fixture
    def scene(self) -> Iterator[Scene]:
        with Server() as server:
            server.topic("news")
            yield scene_of(server, "topic:news")


class TestOwnStores(TargetKindContract):
    @pytest.fixture
    def scene(self) -> Iterator[Scene]:
        with Server(0, Wiring(session=Slice(add))) as server:
            yield scene_of(server, "session")


class TestAToy(TargetKindContract):
    @pytest.fixture
    def scene(self) -> Iterator[Scene]:
        with Server() as server:
            server.books.kinds.register("page:", Sums(server))
            yield scene_of(server, "page:sum", forbidden="page:secret", call=("page:add", [1, 2]))
