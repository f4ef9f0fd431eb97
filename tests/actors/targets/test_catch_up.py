"""Nobody is left without a Snapshot: if the present cannot be written, the checkpoint is, and what came after it."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import LocalProtocolError, Store, automatic
from nuphar.actors.sessions.answers import Answers
from nuphar.actors.targets.carrying import Allowance, Unwritable
from nuphar.actors.targets.effects import Crash, Effects, Pay, Send
from nuphar.actors.targets.order import Order
from nuphar.actors.targets.pace import Pace
from nuphar.actors.targets.target import Target
from nuphar.transport.client.core.replica import Replica
from nuphar.transport.server.framing import BARE
from nuphar.transport.wire.codec import Codec, read
from nuphar.transport.wire.frames import Acknowledge, Frame, ServerMessage, Snapshot

NAME = "topic:t"
CODEC = Codec(automatic())


def wrap(model: Any, message: int) -> Any:
    """Put the model into one more list: of more than 15 no Snapshot can carry it. -1 takes them all away."""
    return message if message < 0 else [model]


class Someone:
    def __init__(self) -> None:
        self.encoding = BARE
        self.answers = Answers()
        self.pace = Pace()
        self.frames: list[Frame] = []

    def take(self) -> list[Frame]:
        taken, self.frames = self.frames, []
        return taken


def perform(effects: Effects) -> list[BaseException]:
    """Hand over what is to be sent, and return what went wrong."""
    errors = []
    for effect in effects:
        match effect:
            case Send(subscribers, joined):
                for subscriber in subscribers:
                    subscriber.frames += [read(frame) for frame in joined]
            case Pay(subscriber, joined):
                subscriber.frames += [read(frame) for frame in joined]
            case Crash(_, _, error):
                errors.append(error)
    return errors


def nested(levels: int, history: int = 1_000) -> Target:
    """Return a target whose model was nested so deeply while there was no time to look at it."""
    allowance = Allowance(lambda: 0.0)
    allowance.ready_at = float("inf")
    target = Target(NAME, CODEC, Order(Store(0, wrap), "e", history), allowance)
    for at in range(levels):
        assert post(target, at) == []
    return target


def post(target: Target, message: int, author: Someone | None = None, ref: int = 0) -> list[BaseException]:
    return perform(target.post(author, ref, message, CODEC.encode_message(message)) + target.flush())


def followed(frames: list[Frame]) -> Replica:
    """Return what a client makes of frames."""
    replica = Replica(Store(0, wrap))
    for frame in frames:
        match frame:
            case Snapshot(_, epoch, seq, state, _):
                replica.snapshot(epoch, seq, state)
            case ServerMessage(_, seq, payload):
                assert seq == replica.seq + 1
                assert replica.apply(seq, payload) is None
    return replica


def test_who_joins_gets_the_checkpoint_and_what_came_after_it() -> None:
    target, one = nested(20), Someone()
    with pytest.raises(LocalProtocolError):
        CODEC.encode_model(target.order.position.model)  # type: ignore[union-attr]
    perform(target.join(one, 1, None))
    first, *messages, last = one.take()
    assert first == Snapshot(NAME, "e", 0, 0, "subscribed")
    assert messages == [ServerMessage(NAME, at + 1, at) for at in range(20)]
    assert last == Acknowledge(NAME, 20, [1], False)
    replica = followed([first, *messages])
    assert (replica.confirmed, replica.seq) == target.order.position  # type: ignore[union-attr]
    assert post(target, 5) == []
    assert one.take() == [ServerMessage(NAME, 21, 5)]


@pytest.mark.parametrize(("since", "reason"), [(("old", 3), "restarted"), (("e", 99), "behind"), (("e", 18), None)])
def test_who_comes_back_is_brought_up_to_date_whatever_it_knew(since: tuple[str, int], reason: str | None) -> None:
    target, one = nested(20), Someone()
    perform(target.join(one, None, since))
    frames = one.take()
    if reason is None:
        assert frames == [ServerMessage(NAME, at + 1, at) for at in (18, 19)]
    else:
        assert isinstance(frames[0], Snapshot)
        assert frames[0].reason == reason
        assert followed(frames).confirmed == target.order.position.model  # type: ignore[union-attr]


def test_who_was_behind_and_whoever_is_behind_with_it_are_brought_up_to_date_too() -> None:
    target, some = nested(20), [Someone(), Someone()]
    for each in some:
        perform(target.join(each, None, None))
        each.take()
        target.fall_behind(each, ())
    for each in some:
        joined = target.visit(each, target._laned[each], 0.0, has_room=True)
        assert followed([read(frame) for frame in joined]).confirmed == target.order.position.model  # type: ignore[union-attr]


def test_nothing_more_is_taken_when_the_history_would_lose_the_checkpoint_but_what_makes_it_writable_again() -> None:
    target, one = nested(20, history=20), Someone()
    perform(target.join(one, 1, None))
    one.take()
    for ref in (2, 3):
        (error,) = post(target, 5, one, ref)
        assert isinstance(error, Unwritable)
    assert one.take() == []
    other = Someone()
    perform(target.join(other, 1, None))
    assert followed(other.take()).seq == 20
    assert post(target, -1, one, 4) == []
    assert one.take() == [Acknowledge(NAME, 21, [4], False)]
    assert other.take() == [ServerMessage(NAME, 21, -1)]
    perform(target.join(other, 2, None))
    assert other.take()[0] == Snapshot(NAME, "e", 21, -1, "subscribed")


def test_a_model_that_has_no_copy_and_cannot_be_written_is_said_to_be_so() -> None:
    class Uncopied:
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("no copies")

    target, one = Target(NAME, CODEC, Order(Store(Uncopied(), wrap), "e")), Someone()
    with pytest.raises(Exception, match="Uncopied"):
        target.join(one, 1, None)
    assert target.subscribers == []
