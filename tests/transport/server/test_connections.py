"""The actor that watches over all connections: their clock, and their planned end."""

from __future__ import annotations

from typing import Any

import gevent
import pytest
from support.hosts import AtTime

from nuphar import Limits, automatic
from nuphar.actors import KILLED, SHUTDOWN, Shutdown
from nuphar.actors.runtime.hooks import ServerHooks
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.kinds import Kinds
from nuphar.actors.sessions.reception import Reception
from nuphar.actors.sessions.sessions import Sessions
from nuphar.transport.server.connections import CONNECTIONS_AT_ONCE, ConnectionsActor, LookAtAll
from nuphar.transport.server.gateway import Gateway
from nuphar.transport.wire.codec import Codec

LIMIT = 10.0  # seconds that any wait here may take


class Clock:
    """A clock that moves by itself only while somebody looks at it, a little each time."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 100.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class FakeConnection:
    """Keeps what it is told; ``stays`` says that it does not take its Bye."""

    def __init__(self, gateway: Gateway, stays: bool = False) -> None:
        self.gateway, self.stays = gateway, stays
        self.ticks: list[float] = []
        self.told: list[Any] = []
        gateway.connections.add(self)  # type: ignore[arg-type]

    def tick(self, now: float) -> None:
        self.ticks.append(now)

    def say_bye(self, reason: str, retry_after: float) -> None:
        self.told.append(("bye", retry_after))
        if not self.stays:
            self.gateway.connections.discard(self)  # type: ignore[arg-type]

    def abort(self) -> None:
        self.told.append("abort")
        self.gateway.connections.discard(self)  # type: ignore[arg-type]


def new_gateway(clock: Clock) -> Gateway:
    # Long limits, so that the timer is not due during a test.
    limits = Limits(hello=1000.0, heartbeat=1000.0)
    sessions = Sessions(Mailbox(), ServerHooks(), Kinds())
    return Gateway(Codec(automatic()), sessions, limits, Reception(sessions, 0.0), AtTime(clock))


def test_every_connection_is_looked_at_with_one_time() -> None:
    gateway = new_gateway(Clock())
    connections = [FakeConnection(gateway) for _ in range(3)]
    ref = ConnectionsActor.start_link(gateway)
    ref.ask(LookAtAll())
    assert [connection.ticks for connection in connections] == [[100.0]] * 3
    ref.kill()
    ref.wait_down(LIMIT)


def test_others_get_their_turn_while_many_connections_are_looked_at() -> None:
    gateway = new_gateway(Clock())
    connections = [FakeConnection(gateway) for _ in range(2 * CONNECTIONS_AT_ONCE)]
    ref = ConnectionsActor.start_link(gateway)
    ref.tell(LookAtAll())
    gevent.sleep(0)
    looked_at = sum(len(connection.ticks) for connection in connections)
    assert 0 < looked_at < 2 * CONNECTIONS_AT_ONCE
    ref.ask(LookAtAll())
    assert sum(len(connection.ticks) for connection in connections) == 4 * CONNECTIONS_AT_ONCE
    ref.kill()
    ref.wait_down(LIMIT)


def test_an_orderly_end_says_bye_to_everybody() -> None:
    gateway = new_gateway(Clock())
    connections = [FakeConnection(gateway) for _ in range(3)]
    ref = ConnectionsActor.start_link(gateway, 2.5)
    ref.shut_down(SHUTDOWN)
    assert ref.wait_down(LIMIT) == SHUTDOWN
    assert [connection.told for connection in connections] == [[("bye", 2.5)]] * 3


def test_who_does_not_take_its_bye_in_time_is_cut_off() -> None:
    gateway = new_gateway(Clock(step=1.0))
    quick, slow = FakeConnection(gateway), FakeConnection(gateway, stays=True)
    ref = ConnectionsActor.start_link(gateway, 1.0, 2.0)
    ref.shut_down(SHUTDOWN)
    assert ref.wait_down(LIMIT) == SHUTDOWN
    assert quick.told == [("bye", 1.0)]
    assert slow.told == [("bye", 1.0), "abort"]


def test_the_deadline_of_a_shutdown_counts_if_it_is_earlier() -> None:
    gateway = new_gateway(Clock(step=0.5))
    slow = FakeConnection(gateway, stays=True)
    ref = ConnectionsActor.start_link(gateway, 1.0, 1_000_000.0)
    reason = Shutdown(deadline=101.0)
    ref.shut_down(reason)
    assert ref.wait_down(LIMIT) == reason
    assert slow.told[-1] == "abort"


@pytest.mark.parametrize("end", ["kill", "crash"])
def test_connections_do_not_notice_that_it_died(end: str, caplog: pytest.LogCaptureFixture) -> None:
    gateway = new_gateway(Clock())
    connection = FakeConnection(gateway)
    ref = ConnectionsActor.start_link(gateway)
    if end == "kill":
        ref.kill()
        assert ref.wait_down(LIMIT) == KILLED
    else:
        ref.tell("unknown")
        ref.wait_down(LIMIT)
    assert connection.told == []
    assert connection in gateway.connections


def test_who_comes_after_everybody_was_cut_off_is_not_taken() -> None:
    """Also if the actor that says Bye had crashed just before the stop."""
    gateway = new_gateway(Clock())
    connection = FakeConnection(gateway)
    gateway.abort_all()
    assert connection.told == ["abort"]
    assert gateway.has_stopped
