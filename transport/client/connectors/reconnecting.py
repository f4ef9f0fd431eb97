"""The loop of every connector as a machine: one connection after the other, with a pause between, to the end. Pure.

A shell tells it what happens and does what it says: `link.Link` on greenlets and threads,
`async_websocket.AsyncLink` on asyncio. What is legal in which state, and what then happens, is `LOOP`.

>>> loop = Reconnecting(ReconnectBackoff(), lambda: 0.5)
>>> loop.started()
[Dial()]
>>> loop.opened(), loop.ended(ConnectionEnd(0, "timed out"))
([TellConnected()], [TellFault(why='timed out'), TellDisconnected(), Rest(seconds=0.5)])
>>> loop.rested()
[Dial()]
>>> loop.ended(ConnectionEnd(403, "not here"))
[TellFault(why='not here'), TellOver(code=403, why='not here')]
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from .backoff import ReconnectBackoff
from .ended import ConnectionEnd


class LoopState(Enum):
    """Where a loop is."""

    IDLE = auto()
    """Not started."""
    DIALLING = auto()
    """A connection is being made."""
    OPEN = auto()
    """A connection is open."""
    RESTING = auto()
    """It waits before it comes back."""
    LEAVING = auto()
    """Closed by the program, while a connection was being made: its end is awaited."""
    CLOSING = auto()
    """Closed by the program, while a connection was open: its end is awaited."""
    REDIALLING = auto()
    """The program wants another connection than the one that is being made: its end is awaited."""
    REOPENING = auto()
    """The program wants another connection than the one that is open: its end is awaited."""
    OVER = auto()
    """Nothing happens any more."""


class Happening(Enum):
    """What a loop is told."""

    STARTED = auto()
    OPENED = auto()
    LOST = auto()
    """The connection ended, or was never open; the client comes back."""
    REFUSED = auto()
    """The connection ended, or was never open, and that is for good."""
    RESTED = auto()
    CLOSED = auto()
    """The program ends it."""
    RENEWED = auto()
    """The program wants another connection, at once: its credentials are new."""


class Dial(NamedTuple):
    """Make a connection; tell `opened` when it is open, and `ended` at its end, whether it was open or not."""


class Rest(NamedTuple):
    """Wait so many seconds, or until the program ends it, and tell `rested`."""

    seconds: float


class TellConnected(NamedTuple):
    """Tell the handler that the connection is there."""


class TellDisconnected(NamedTuple):
    """Tell the handler that the connection is lost."""


class TellFault(NamedTuple):
    """Tell the handler, in words for people, why there is no connection."""

    why: str


class TellOver(NamedTuple):
    """Tell the handler that it is over for good."""

    code: int
    why: str


NextStep = Dial | Rest
"""What a shell does next; always the last of the effects, and never more than one."""

LoopEffect = NextStep | TellConnected | TellDisconnected | TellFault | TellOver

LOOP: dict[tuple[LoopState, Happening], tuple[LoopState, tuple[type[LoopEffect], ...]]] = {
    (LoopState.IDLE, Happening.STARTED): (LoopState.DIALLING, (Dial,)),
    (LoopState.IDLE, Happening.CLOSED): (LoopState.OVER, ()),
    (LoopState.DIALLING, Happening.OPENED): (LoopState.OPEN, (TellConnected,)),
    (LoopState.DIALLING, Happening.LOST): (LoopState.RESTING, (TellFault, Rest)),
    (LoopState.DIALLING, Happening.REFUSED): (LoopState.OVER, (TellFault, TellOver)),
    (LoopState.DIALLING, Happening.CLOSED): (LoopState.LEAVING, ()),
    (LoopState.DIALLING, Happening.RENEWED): (LoopState.REDIALLING, ()),
    (LoopState.OPEN, Happening.LOST): (LoopState.RESTING, (TellFault, TellDisconnected, Rest)),
    (LoopState.OPEN, Happening.REFUSED): (LoopState.OVER, (TellFault, TellDisconnected, TellOver)),
    (LoopState.OPEN, Happening.CLOSED): (LoopState.CLOSING, ()),
    (LoopState.OPEN, Happening.RENEWED): (LoopState.REOPENING, ()),
    (LoopState.RESTING, Happening.RESTED): (LoopState.DIALLING, (Dial,)),
    (LoopState.RESTING, Happening.CLOSED): (LoopState.OVER, ()),
    (LoopState.LEAVING, Happening.LOST): (LoopState.OVER, ()),
    (LoopState.LEAVING, Happening.REFUSED): (LoopState.OVER, ()),
    (LoopState.CLOSING, Happening.LOST): (LoopState.OVER, (TellDisconnected,)),
    (LoopState.CLOSING, Happening.REFUSED): (LoopState.OVER, (TellDisconnected,)),
    (LoopState.REDIALLING, Happening.LOST): (LoopState.DIALLING, (Dial,)),
    (LoopState.REDIALLING, Happening.REFUSED): (LoopState.DIALLING, (Dial,)),
    (LoopState.REDIALLING, Happening.CLOSED): (LoopState.LEAVING, ()),
    (LoopState.REOPENING, Happening.LOST): (LoopState.DIALLING, (TellDisconnected, Dial)),
    (LoopState.REOPENING, Happening.REFUSED): (LoopState.DIALLING, (TellDisconnected, Dial)),
    (LoopState.REOPENING, Happening.CLOSED): (LoopState.CLOSING, ()),
}
"""For a state and what happens: the next state, and what is to be done. What is not here changes nothing."""


class Reconnecting:
    """``chance()`` is random, from 0 to 1; it is asked for each pause.

    One thread at a time may tell it something; `pause` and `received` may be called by any at any time.
    """

    def __init__(self, backoff: ReconnectBackoff, chance: Callable[[], float]) -> None:
        self.state = LoopState.IDLE
        self._backoff = backoff
        self._chance = chance
        self._asked = 0.0  # seconds that the server wants to be left alone after the next loss

    @property
    def is_over(self) -> bool:
        """Whether no further connection will be made."""
        return self.state in (LoopState.LEAVING, LoopState.CLOSING, LoopState.OVER)

    @property
    def is_unwanted(self) -> bool:
        """Whether the connection that is open, or being made, is to be ended."""
        return self.is_over or self.state in (LoopState.REDIALLING, LoopState.REOPENING)

    def started(self) -> list[LoopEffect]:
        """Begin."""
        return self._go(Happening.STARTED)

    def opened(self) -> list[LoopEffect]:
        """The connection is open. Nothing is to be told once it `is_unwanted`: then end it."""
        return self._go(Happening.OPENED)

    def received(self) -> None:
        """A frame has come, so the connection works: the next pause is a short one again."""
        self._backoff.reset()

    def ended(self, ended: ConnectionEnd) -> list[LoopEffect]:
        """The connection is over, or there was none."""
        self._asked = max(self._asked, ended.after)
        return self._go(Happening.REFUSED if ended.code else Happening.LOST, ended)

    def rested(self) -> list[LoopEffect]:
        """The pause is over."""
        return self._go(Happening.RESTED)

    def pause(self, seconds: float) -> None:
        """Come back no sooner than that after the next loss."""
        self._asked = seconds

    def closed(self) -> None:
        """The program ends it: what is open, or being opened, is to be ended, and `ended` told."""
        self._go(Happening.CLOSED)

    def renewed(self) -> None:
        """There are new credentials: what is open, or being opened, is to be ended, and a pause to be cut short."""
        self._asked = 0.0
        self._backoff.reset()
        self._go(Happening.RENEWED)

    def _go(self, happening: Happening, ended: ConnectionEnd = ConnectionEnd(0, "")) -> list[LoopEffect]:  # noqa: B008 (it is frozen)
        self.state, kinds = LOOP.get((self.state, happening), (self.state, ()))
        return [self._effect(kind, ended) for kind in kinds]

    def _effect(self, kind: type[LoopEffect], ended: ConnectionEnd) -> LoopEffect:
        if kind is TellFault:
            return TellFault(ended.why)
        if kind is TellOver:
            return TellOver(ended.code, ended.why)
        if kind is Rest:
            asked, self._asked = self._asked, 0.0
            return Rest(self._backoff.pause(asked, self._chance()))
        return kind()  # type: ignore[call-arg]  # those that are left have no fields
