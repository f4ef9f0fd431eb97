"""Every session's own store."""

from __future__ import annotations

from support.kept import Kept

from nuphar import Store, automatic
from nuphar.actors.routing.own_stores import OwnStore, OwnStores
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.runtime.ref import Stop
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.session import Session
from nuphar.actors.targets.memory_log import MemoryLog
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import Codec


def add(model: int, message: int) -> int:
    return model + message


def new_session(client_id: str = "c") -> Session:
    return Session(client_id, BARE, Kept([]), Mailbox(), Kinds())


def new_stores(started: list[OwnStore]) -> OwnStores:
    return OwnStores(Codec(automatic()), MemoryLog(), lambda: Store(5, add), started.append)


def test_a_store_is_started_with_its_first_message_and_once() -> None:
    started: list[OwnStore] = []
    stores, session = new_stores(started), new_session()
    assert stores.model(session) == 5
    assert started == []
    mailbox = stores.begin(session)
    assert stores.begin(session) is mailbox
    (own,) = started
    assert own.mailbox is mailbox
    assert session in own.target.members
    assert stores.running() == [own]


def test_the_model_is_the_present_one() -> None:
    started: list[OwnStore] = []
    stores, session = new_stores(started), new_session()
    stores.begin(session)
    started[0].target.post(session, 1, 2, b"\x02")
    assert stores.model(session) == 7


def test_a_closed_store_is_asked_to_stop_and_forgotten() -> None:
    started: list[OwnStore] = []
    stores, session = new_stores(started), new_session()
    mailbox = stores.begin(session)
    started[0].target.post(session, 1, 2, b"\x02")
    stores.close(session)
    stores.close(session)
    assert [type(message) for message in mailbox.drain()] == [Stop]
    assert stores.running() == []
    assert stores.model(session) == 5


def test_two_sessions_share_nothing() -> None:
    started: list[OwnStore] = []
    stores, one, other = new_stores(started), new_session("a"), new_session("b")
    stores.begin(one)
    stores.begin(other)
    started[0].target.post(one, 1, 2, b"\x02")
    assert (stores.model(one), stores.model(other)) == (7, 5)
