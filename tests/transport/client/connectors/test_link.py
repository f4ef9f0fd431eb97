"""The shell of the loop on greenlets and threads, around connections that do what the test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.raw import WAIT
from support.serving import eventually

from nuphar.transport import Handler, Transport
from nuphar.transport.client.connectors.backoff import ReconnectBackoff
from nuphar.transport.client.connectors.credentials import Token
from nuphar.transport.client.connectors.dialing import Dialing
from nuphar.transport.client.connectors.ended import ConnectionEnd
from nuphar.transport.client.connectors.greenlets import GreenletRuntime
from nuphar.transport.client.connectors.link import Link, LinkConnector
from nuphar.transport.client.connectors.runtimes import ClientRuntime, ThreadRuntime
from nuphar.transport.client.connectors.urls import Address

Serve = Callable[["Scripted"], ConnectionEnd]


class Scripted:
    """A connection that is served by a function of the test's, until somebody closes it."""

    def __init__(self, link: Link, serve: Serve) -> None:
        self.link = link
        self.sent: list[bytes] = []
        self.codes: list[int] = []
        self.closed = link.runtime.event()
        self.send = self.sent.append
        self._serve = serve

    def serve(self) -> ConnectionEnd:
        return self._serve(self)

    def close(self, code: int) -> None:
        self.codes.append(code)
        self.closed.set()


class World:
    """A connector of scripted connections, and what its handler was told."""

    def __init__(self, runtime: ClientRuntime) -> None:
        self.runtime = runtime
        self.told: list[Any] = []
        self.made: list[Scripted] = []
        self.transports: list[Transport] = []
        self.ended: list[bool] = []

    def start(self, *serve: Serve, backoff: ReconnectBackoff | None = None, token: Token = None) -> Transport:
        script = list(serve)

        def connect(link: Link) -> Scripted:
            self.made.append(Scripted(link, script.pop(0)))
            return self.made[-1]

        told = self.told
        handler = Handler(
            told.append,
            lambda: told.append("connected"),
            lambda: told.append("lost"),
            lambda *why: told.append(why),
            lambda why: told.append(f"fault: {why}"),
        )
        dialing = Dialing(Address.of("ws://127.0.0.1:9/live"), token=token)
        make = LinkConnector(connect, dialing, self.runtime, backoff or ReconnectBackoff(0.001), lambda: 1.0)
        self.transports.append(make(handler))
        return self.transports[-1]


@pytest.fixture(params=[GreenletRuntime, ThreadRuntime])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    class Counted(request.param):  # type: ignore[misc]
        """It counts the loops that have ended."""

        def spawn(self, function: Callable[[], Any]) -> Any:
            return super().spawn(lambda: (function(), world.ended.append(True)))

    world = World(Counted())
    yield world
    for transport in world.transports:
        transport.close()
    eventually(lambda: len(world.ended) == len(world.transports))


def opened_until_closed(connection: Scripted) -> ConnectionEnd:
    if connection.link.opened():
        connection.closed.wait(WAIT)
    return ConnectionEnd(0, "hung up")


def forbidden(connection: Scripted) -> ConnectionEnd:
    return ConnectionEnd(4403, "forbidden")


def test_one_connection_is_made_after_the_other_until_one_is_refused_for_good(world: World) -> None:
    def opened(connection: Scripted) -> ConnectionEnd:
        connection.link.opened()
        connection.link.received(b"x")
        return ConnectionEnd(0, "cut")

    def refused(connection: Scripted) -> ConnectionEnd:
        raise ConnectionRefusedError("nobody is there")

    world.start(opened, refused, forbidden)
    story = ["connected", b"x", "fault: cut", "lost", "fault: nobody is there", "fault: forbidden", (4403, "forbidden")]
    eventually(lambda: len(world.told) >= len(story))
    assert world.told == story


def test_what_is_sent_goes_to_the_connection_that_is_open(world: World) -> None:
    transport = world.start(opened_until_closed)
    eventually(lambda: world.told == ["connected"])
    transport.send(b"x")
    assert world.made[0].sent == [b"x"]
    transport.close()
    eventually(lambda: world.told == ["connected", "lost"])
    with pytest.raises(OSError, match="no connection"):
        transport.send(b"y")


def test_close_and_leave_say_which_it_is(world: World) -> None:
    for code, how in ((1000, "close"), (1001, "leave")):
        transport = world.start(opened_until_closed)
        eventually(lambda: world.told == ["connected"])
        getattr(transport, how)()
        eventually(lambda: world.told == ["connected", "lost"])
        assert world.made[-1].codes == [code]
        world.told.clear()


def test_what_is_closed_while_it_is_being_opened_is_not_told(world: World) -> None:
    ends: list[bool] = []

    def slow(connection: Scripted) -> ConnectionEnd:
        connection.closed.wait(WAIT)
        ends.append(connection.link.opened())
        return ConnectionEnd(0, "closed")

    transport = world.start(slow)
    eventually(lambda: world.made)
    transport.close()
    eventually(lambda: ends == [False])
    assert world.told == []


def test_what_is_closed_before_its_first_connection_makes_none(world: World) -> None:
    class Later(type(world.runtime)):  # type: ignore[misc]
        def spawn(self, function: Callable[[], Any]) -> Any:
            waiting.append(lambda: (function(), world.ended.append(True)))

    waiting: list[Callable[[], Any]] = []
    world.runtime = Later()
    world.start(forbidden).close()
    waiting[0]()
    assert (world.made, world.told) == ([], [])


def test_a_pause_ends_with_a_close(world: World) -> None:
    transport = world.start(
        lambda _: ConnectionEnd(0, "full"), forbidden, backoff=ReconnectBackoff(1_000.0, 1.0, 1_000.0)
    )
    eventually(lambda: world.told == ["fault: full"])
    transport.close()
    eventually(lambda: world.ended)
    assert len(world.made) == 1


def test_a_line_that_is_reopened_says_that_it_comes_back_and_is_lost_and_opened_once(world: World) -> None:
    transport = world.start(opened_until_closed, opened_until_closed)
    eventually(lambda: world.told == ["connected"])
    assert transport.reopen is not None
    transport.reopen()
    eventually(lambda: world.told == ["connected", "lost", "connected"])
    assert [each.codes for each in world.made] == [[1001], []]


def test_a_line_that_is_reopened_while_it_is_being_opened_is_opened_once(world: World) -> None:
    ends: list[bool] = []

    def slow(connection: Scripted) -> ConnectionEnd:
        connection.closed.wait(WAIT)
        ends.append(connection.link.opened())
        return ConnectionEnd(403, "nobody heeds what was shown before")

    transport = world.start(slow, opened_until_closed)
    eventually(lambda: world.made)
    assert transport.reopen is not None
    transport.reopen()
    eventually(lambda: world.told == ["connected"])
    assert ends == [False]


def test_a_line_that_is_reopened_rests_no_longer(world: World) -> None:
    transport = world.start(
        lambda _: ConnectionEnd(0, "full", 1_000.0),
        opened_until_closed,
        backoff=ReconnectBackoff(1_000.0, 1.0, 1_000.0),
    )
    eventually(lambda: world.told == ["fault: full"])
    assert transport.reopen is not None
    transport.reopen()
    eventually(lambda: world.told == ["fault: full", "connected"])


def test_a_refusal_is_answered_once_by_a_fresh_token(world: World) -> None:
    def expired(connection: Scripted) -> ConnectionEnd:
        return ConnectionEnd(401, "expired")

    transport = world.start(expired, opened_until_closed, expired, expired, token=lambda: "t")
    eventually(lambda: "connected" in world.told)
    transport.welcomed()
    world.made[-1].closed.set()
    eventually(lambda: (401, "expired") in world.told)
    again = "fault: refused with 401, and asks for a fresh token: expired"
    assert world.told == [again, "connected", "fault: hung up", "lost", again, "fault: expired", (401, "expired")]


def test_an_error_of_the_loop_itself_ends_the_client(world: World) -> None:
    class Broken(ReconnectBackoff):
        def delay(self, chance: float) -> float:
            raise ZeroDivisionError("bad back-off")

    world.start(lambda _: ConnectionEnd(0, "full"), backoff=Broken())
    eventually(lambda: (1011, "ZeroDivisionError: bad back-off") in world.told)
