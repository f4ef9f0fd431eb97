"""Every kind of targets keeps its contract: topics, with hooks and without, sessions' own stores, and a toy."""

from __future__ import annotations

from support.sums import Sums, add

from nuphar import Server, Slice, Store, Wiring
from nuphar.testing.contracts import TargetKindCase, TargetKindContract


class TopicCase(TargetKindCase):
    target = "topic:t"
    forbidden = "topic:other"

    def __init__(self) -> None:
        super().__init__(Server())
        self.server.topic("t").with_store(Store(0, add))


class TestTopics(TargetKindContract):
    def make(self) -> TargetKindCase:
        return TopicCase()


class RoomCase(TargetKindCase):
    target = "topic:room:7"
    forbidden = "topic:room:13"

    def __init__(self) -> None:
        super().__init__(Server())
        self.server.topic_kind(
            "room:",
            int,
            store=Store(0, add),
            can_subscribe=lambda topic_id: topic_id != "room:13",
            on_join=lambda: None,
            on_leave=lambda: None,
        )


class TestTopicsOfAKindWithHooks(TargetKindContract):
    def make(self) -> TargetKindCase:
        return RoomCase()


class NewsCase(TargetKindCase):
    target = "topic:news"

    def __init__(self) -> None:
        super().__init__(Server())
        self.server.topic("news")


class TestTopicsWithoutAStore(TargetKindContract):
    def make(self) -> TargetKindCase:
        return NewsCase()


class OwnStoreCase(TargetKindCase):
    target = "session"

    def __init__(self) -> None:
        super().__init__(Server(0, Wiring(session=Slice(add))))


class TestOwnStores(TargetKindContract):
    def make(self) -> TargetKindCase:
        return OwnStoreCase()


class ToyCase(TargetKindCase):
    target = "page:sum"
    forbidden = "page:secret"
    call = ("page:add", [1, 2])

    def __init__(self, kind: type[Sums] = Sums) -> None:
        super().__init__(Server())
        self.server.books.kinds.register("page:", kind(self.server))


class TestAToy(TargetKindContract):
    def make(self) -> TargetKindCase:
        return ToyCase()
