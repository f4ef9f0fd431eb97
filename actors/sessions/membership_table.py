"""The states of a session in one target, as tables: what happens to it, and which state follows. Pure.

A membership begins with a Subscribe, with a Resync, with the server's own wish, or as that of an older connection which
is resumed. It is in one of these states:

    UNNAMED       It resumes one that is in, and its client is still to say from where on (`unnamed.py`). Nothing is
                  considered yet; the first that has to be held wakes it.
    ASKING        It is not in, and at least one request is being considered. What the client sends is held, in order
                  and bounded; Unsubscribes and what the server wants stand among it.
    JOINED        It is in, and nothing is being considered. What the client sends goes straight to the target.
    ASKING_AGAIN  It is in, and a request is being considered: another Subscribe, a Resync.
    ENDED         Refused, left, put out, or gone with its session or its target. Nothing leads out of it: who asks
                  again has another membership, and what was asked through this one is answered without an effect.

`NEXT` says which state follows upon an event; the other two tables are steps that follow by themselves. What is not in
`NEXT` cannot happen, and raises `Illegal`. What is done in each case is in `membership.py`, and in words in
docs/design/membership.md.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, NamedTuple

from ..targets.messages import Join, Leave
from ..targets.subscriber import Subscriber
from ..words.guard import UNKNOWN, Guard
from ..words.member import NOTHING, Asked
from .messages import Verdict


class Predecessor(NamedTuple):
    """An older connection of the session that is still in the target, and the target's mailbox."""

    subscriber: Subscriber
    mailbox: Any


class MembershipState(Enum):
    UNNAMED = auto()
    ASKING = auto()
    JOINED = auto()
    ASKING_AGAIN = auto()
    ENDED = auto()


# Events.


class Ask(NamedTuple):
    """A request goes to the router; ``trusted`` if it is the server's own."""

    trusted: bool = False


class Trust(NamedTuple):
    """The server wants it in, and it is: that is brought up to date when its client names it."""


class Greet(NamedTuple):
    """The join hook is being called for it, on behalf of one of its requests."""


class Wait(NamedTuple):
    """Another request may let it in, and waits until it has been greeted; ``verdict`` is what was said of that."""

    verdict: Verdict


class Greeted(NamedTuple):
    """The join hook has returned, or failed: what waits for that is decided anew."""


class Grant(NamedTuple):
    """A request is granted: ``join`` goes to ``mailbox``, and so does what is sent from now on.

    ``join`` None: the target knows that it is in. ``leaves`` is how often the client had left when it asked, ``asked``
    what hooks are told of its Subscribe. ``guard`` says whether its kind is to be asked about each message.
    """

    mailbox: Any
    join: Join | None
    leaves: int = 0
    trusted: bool = False
    asked: Asked = NOTHING
    guard: Guard = UNKNOWN


class Refuse(NamedTuple):
    """A request is refused: who was in is out, by ``leave``."""

    leave: Leave


class Bar(NamedTuple):
    """Its right is gone, as its ``nth`` request has found: it is out, and what was asked before is refused."""

    leave: Leave
    nth: int


class Dismiss(NamedTuple):
    """A request is answered that changes nothing: nobody could decide it, or the client has left since."""


class Unsubscribe(NamedTuple):
    """The client leaves."""

    leave: Leave


class PutOut(NamedTuple):
    """The server takes it out; one that is still joining leaves in its turn."""

    leave: Leave


class End(NamedTuple):
    """The target has ended, or has let it go by itself."""


class Close(NamedTuple):
    """The session ends."""

    leave: Leave


class Supersede(NamedTuple):
    """The session goes on with another connection, and there with the `Membership.heir`."""


AboutRequests = Ask | Trust | Greet | Wait | Greeted | Bar | Grant | Refuse | Dismiss
MembershipEvent = AboutRequests | Unsubscribe | PutOut | End | Close | Supersede


# Effects.


class Forward(NamedTuple):
    """Put ``message`` into a target's mailbox, even over its bound."""

    mailbox: Any
    message: Any


class AnswerHeld(NamedTuple):
    """Answer what was held: the Subscribe on whose strength it was sent is refused."""

    message: Any


class Release(NamedTuple):
    """Forget that there was a message with this ref: nobody has begun it, and the client sends it again."""

    ref: int


class Wake(NamedTuple):
    """Ask for it: something is held, and must not wait until the client names its target."""


class Decide(NamedTuple):
    """Have the router decide once more about a request that has waited."""

    verdict: Verdict


MembershipEffect = Forward | AnswerHeld | Release | Wake | Decide


class Illegal(RuntimeError):
    """An event that cannot happen in the state: a fault of ours."""


NEXT: dict[MembershipState, dict[type[MembershipEvent], MembershipState]] = {
    MembershipState.UNNAMED: {
        Ask: MembershipState.ASKING,
        Trust: MembershipState.UNNAMED,
        Unsubscribe: MembershipState.UNNAMED,
        PutOut: MembershipState.UNNAMED,
        End: MembershipState.UNNAMED,
        Close: MembershipState.ENDED,
        Supersede: MembershipState.ENDED,
    },
    MembershipState.ASKING: {
        Ask: MembershipState.ASKING,
        Greet: MembershipState.ASKING,
        Wait: MembershipState.ASKING,
        Greeted: MembershipState.ASKING,
        Bar: MembershipState.ASKING,
        Grant: MembershipState.ASKING_AGAIN,
        Refuse: MembershipState.ASKING,
        Dismiss: MembershipState.ASKING,
        Unsubscribe: MembershipState.ASKING,
        PutOut: MembershipState.ASKING,
        End: MembershipState.ASKING,
        Close: MembershipState.ENDED,
        Supersede: MembershipState.ENDED,
    },
    MembershipState.JOINED: {
        Ask: MembershipState.ASKING_AGAIN,
        Unsubscribe: MembershipState.ENDED,
        PutOut: MembershipState.ENDED,
        End: MembershipState.ENDED,
        Close: MembershipState.ENDED,
        Supersede: MembershipState.ENDED,
    },
    MembershipState.ASKING_AGAIN: {
        Ask: MembershipState.ASKING_AGAIN,
        Bar: MembershipState.ASKING,
        Grant: MembershipState.ASKING_AGAIN,
        Refuse: MembershipState.ASKING,
        Dismiss: MembershipState.ASKING_AGAIN,
        Unsubscribe: MembershipState.ENDED,
        PutOut: MembershipState.ASKING,
        End: MembershipState.ASKING,
        Close: MembershipState.ENDED,
        Supersede: MembershipState.ENDED,
    },
    MembershipState.ENDED: {},
}

WHEN_A_LEAVE_WAS_HELD = {MembershipState.ASKING_AGAIN: MembershipState.ASKING}
"""A Grant plays back what was held, up to a Leave: that takes it out again, and what came behind stays held."""

WHEN_NOTHING_IS_ASKED = {
    MembershipState.ASKING: MembershipState.ENDED,
    MembershipState.ASKING_AGAIN: MembershipState.JOINED,
}
"""The last request has its answer."""
