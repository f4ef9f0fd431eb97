"""Who hears Out, and who only hears Rejected and stays in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from support.scripted import ScriptedClient

from nuphar import Refused, Server, Store, UsageError
from nuphar.actors.targets.messages import Room
from nuphar.transport.serialiser.serialiser import custom
from nuphar.transport.wire.frames import (
    Acknowledge,
    ClientMessage,
    Frame,
    Out,
    Rejected,
    Resync,
    ServerMessage,
    Subscribe,
)

LIMIT = 10.0  # seconds that any wait here may take
Connect = Callable[..., ScriptedClient]
T = "topic:t"


def add(model: int, message: int) -> int:
    return model + message


class Switch:
    """What a test turns on: it raises ``error`` then, wherever it is called."""

    error: BaseException | None = None

    def __call__(self, value: Any = None, *_: Any) -> Any:
        if self.error is not None:
            raise self.error
        return value if value is not None else True


def told(frames: list[Frame]) -> list[tuple[Any, ...]]:
    """Return what says yes, no or out, in short."""
    found: list[tuple[Any, ...]] = []
    for frame in frames:
        match frame:
            case Acknowledge(_, _, refs, _):
                found += [("ok", ref) for ref in refs]
            case Rejected(ref, _, code, _, _):
                found.append((code, ref))
            case Out(_, code, _, join):
                found.append(("out", code, join))
    return found


def wait_set_aside(server: Server) -> None:
    """Wait until a message has crashed its actor twice, and the actor is back."""
    with gevent.Timeout(LIMIT):
        while not server.dead_letters():
            gevent.sleep(0)


class Place:
    """A topic that one client is in, as its Subscribe with ref 1 let it in."""

    def __init__(self, server: Server, connect: Connect) -> None:
        self.server = server
        self.may = Switch()
        self.leaves: list[str] = []
        self.topic = server.topic("t").with_store(Store(0, add))
        self.topic.can_subscribe(self.may)
        self.topic.on_leave(self.leaves.append)
        self.client = connect()
        self.client.send(Subscribe(1, T, None, None))
        assert told(self.client.take()) == [("ok", 1)]

    def ask(self, *frames: Frame) -> list[tuple[Any, ...]]:
        self.client.send(*frames)
        return told(self.client.take())

    @contextmanager
    def full_router(self) -> Iterator[None]:
        """Nobody serves the router meanwhile, and it takes nothing more."""
        router = self.server.books.router
        bound, router.bound = router.bound, 0
        try:
            yield
        finally:
            router.bound = bound

    def assert_in(self) -> None:
        """It hears what is said in the topic, and may say something itself."""
        self.topic.dispatch(1)
        self.client.send(ClientMessage(900, T, 1))
        assert [type(frame) for frame in self.client.take()] == [ServerMessage, Acknowledge]
        assert (self.topic.subscribers, self.leaves) == ([self.client.id], [])

    def assert_out(self) -> None:
        self.topic.dispatch(1)
        assert self.ask(ClientMessage(900, T, 1)) == [("not_subscribed", 900)]
        assert (self.topic.subscribers, self.leaves) == ([], [self.client.id])


@pytest.fixture
def place(server: Server, client: Connect) -> Place:
    return Place(server, client)


@pytest.fixture
def writing() -> Switch:
    return Switch()


@pytest.fixture
def mute(make_server: Callable[..., Server], writing: Switch) -> Place:
    """A place whose models cannot be written while ``writing`` is on."""
    server = make_server(
        serialiser=custom(encode_message=int, decode_message=int, encode_model=writing, decode_model=int)
    )
    place = Place(server, lambda: ScriptedClient(server))
    place.topic.dispatch(1)  # so that the last Snapshot is not of the present model
    place.client.take()
    return place


# Nobody could decide: nothing changes.


def test_a_second_subscribe_whose_hook_crashes_changes_nothing(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.may.error = RuntimeError("the hook is broken")
    assert place.ask(Subscribe(2, T, None, None)) == [("crashed", 2)]
    place.assert_in()


def test_a_second_subscribe_that_the_router_has_no_room_for_changes_nothing(place: Place) -> None:
    with place.full_router():
        assert place.ask(Subscribe(2, T, None, None)) == [("busy", 2)]
    place.assert_in()


def test_a_second_subscribe_that_too_many_hooks_wait_for_changes_nothing(make_server: Callable[..., Server]) -> None:
    server = make_server(max_hooks=1, max_subscriptions=10)
    place = Place(server, lambda: ScriptedClient(server))
    gate = gevent.event.Event()
    place.topic.can_subscribe(lambda *_: gate.wait(LIMIT))
    many = [Subscribe(ref, T, None, None) for ref in range(2, 50)]
    answers = place.ask(*many)
    gate.set()
    assert ("busy", 49) in answers
    assert {code for code, _ in answers} == {"busy"}
    place.client.take()
    place.assert_in()


def test_a_second_subscribe_whose_answer_cannot_be_written_changes_nothing(
    mute: Place, writing: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    writing.error = ValueError("this model cannot be written")
    assert mute.ask(Subscribe(2, T, None, None)) == [("crashed", 2)]
    writing.error = None
    mute.assert_in()


# A Resync has no answer but what it asks for, or Out.


def test_a_resync_whose_hook_crashes_is_answered_with_out(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.may.error = RuntimeError("the hook is broken")
    assert place.ask(Resync({T: None})) == [("out", "crashed", 1)]
    place.assert_out()


def test_a_resync_that_the_router_has_no_room_for_is_answered_with_out(place: Place) -> None:
    with place.full_router():
        assert place.ask(Resync({T: None})) == [("out", "busy", 1)]
    place.assert_out()


def test_a_resync_of_what_one_is_not_in_is_answered_with_out_by_a_full_router(server: Server, client: Connect) -> None:
    place = Place(server, client)
    with place.full_router():
        assert place.ask(Resync({"topic:other": None})) == [("out", "busy", 0)]
    place.assert_in()


def test_a_resync_whose_answer_cannot_be_written_is_answered_with_out(
    mute: Place, writing: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    writing.error = ValueError("this model cannot be written")
    assert mute.ask(Resync({T: None})) == [("out", "crashed", 0)]  # it was the Resync that let it in
    mute.assert_out()


# The right is gone, or the place.


def test_a_right_that_was_withdrawn_is_told_by_out_behind_the_answer(place: Place) -> None:
    place.topic.can_subscribe(lambda *_: False)
    assert place.ask(Subscribe(2, T, None, None)) == [("denied", 2), ("out", "denied", 1)]
    place.assert_out()


def test_a_right_that_was_withdrawn_is_told_by_out_after_a_resync(place: Place) -> None:
    place.topic.can_subscribe(lambda *_: False)
    assert place.ask(Resync({T: None})) == [("out", "denied", 1)]
    place.assert_out()


def test_who_is_put_out_by_the_server_hears_out_and_nothing_else(place: Place) -> None:
    place.topic.unsubscribe(place.client.id)
    assert told(place.client.take()) == [("out", "denied", 1)]
    place.assert_out()


def test_who_was_behind_when_its_snapshot_cannot_be_written_hears_out(
    mute: Place, writing: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    session = mute.server.sessions.get(mute.client.id)
    assert session is not None
    topic = mute.server.directory.topics["t"]
    writing.error = ValueError("this model cannot be written")
    topic.target.fall_behind(session, ())
    topic.mailbox.put_anyway(Room(session))
    assert told(mute.client.take()) == [("out", "crashed", 1)]
    assert "this model cannot be written" in caplog.text
    mute.assert_out()


@pytest.mark.parametrize(
    ("asked", "heard"),
    [
        (Subscribe(2, T, None, None), [("crashed", 2), ("out", "crashed", 2)]),
        (Resync({T: None}), [("out", "crashed", 0)]),
    ],
)
def test_a_join_that_crashed_its_actor_twice_is_set_aside_and_told_by_out(
    mute: Place, writing: Switch, caplog: pytest.LogCaptureFixture, asked: Frame, heard: list[tuple[Any, ...]]
) -> None:
    writing.error = gevent.Timeout()
    mute.client.send(asked)
    wait_set_aside(mute.server)
    assert told(mute.client.take()) == heard
    assert "was set aside" in caplog.text
    writing.error = None
    mute.assert_out()


def test_a_first_join_that_is_set_aside_is_refused_and_nobody_is_in(
    mute: Place, writing: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    writing.error = gevent.Timeout()
    other = ScriptedClient(mute.server)
    other.send(Subscribe(1, T, None, None))
    wait_set_aside(mute.server)
    assert told(other.take()) == [("crashed", 1)]
    writing.error = None
    assert mute.topic.subscribers == [mute.client.id]
    mute.assert_in()


# What an application says when it says no.


def refusing(server: Server, client: ScriptedClient, refused: Refused) -> Rejected:
    """Return what a message is answered with whose update raises ``refused``."""

    def refuse(model: int, message: int) -> int:
        raise refused

    server.topic("no").with_store(Store(0, refuse))
    client.send(Subscribe(50, "topic:no", None, None), ClientMessage(51, "topic:no", 1))
    rejected = client.take()[-1]
    assert isinstance(rejected, Rejected)
    return rejected


@pytest.mark.parametrize("details", [{1, 2}, object(), float("nan"), 2**70])
def test_details_that_are_no_plain_data_are_left_out_and_logged(
    place: Place, details: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rejected = refusing(place.server, place.client, Refused("no", "not now", details))
    assert rejected == Rejected(51, "topic:no", "no", "not now", None)
    assert "expected plain data in its details" in caplog.text
    place.assert_in()


def test_details_may_have_tuples_which_are_arrays_on_the_wire(place: Place) -> None:
    rejected = refusing(place.server, place.client, Refused("no", "not now", ("a", {"b": (1,)})))
    assert rejected == Rejected(51, "topic:no", "no", "not now", ["a", {"b": [1]}])


def test_a_text_that_nobody_can_write_harms_nobody(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    rejected = refusing(place.server, place.client, Refused("no", "\ud800"))
    assert rejected == Rejected(51, "topic:no", "no", "?", None)
    place.assert_in()


@pytest.mark.parametrize(("code", "text"), [(5, "text"), ("code", None), (None, None), (b"code", "text")])
def test_a_refusal_has_a_code_and_a_text(code: Any, text: Any) -> None:
    with pytest.raises(UsageError, match="expected a code and a text"):
        Refused(code, text)
