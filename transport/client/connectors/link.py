"""A connector at work on greenlets or threads: the loop of `reconnecting`, around one connection after the other."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

from ....actors.words.close_codes import GOING_AWAY, NORMAL_CLOSURE
from .backoff import ReconnectBackoff
from .connector import Handler, Transport
from .dialing import Dialing
from .ended import CLOSED_HERE, ConnectionEnd
from .owner import owned, reason, tell
from .reconnecting import Dial, LoopEffect, NextStep, Reconnecting, Rest
from .runtimes import ClientRuntime, choose


class Attempt(Protocol):
    """One connection of a connector, from before it is dialled to its end.

    It tells its `Link` that it is ``opened()``, and each frame that it has ``received(frame)``.
    """

    def serve(self) -> ConnectionEnd:
        """Make the connection, serve it, and return its end; leave nothing open.

        Raises: whatever ended it; the client comes back.
        """

    def send(self, frame: bytes) -> None:
        """Send one frame, from any greenlet or thread. Raises: OSError if it is not open."""

    def close(self, code: int) -> None:
        """Say goodbye with ``code`` if it is open, and have `serve` return soon; from any greenlet or thread."""


class Link:
    """``connect(link)`` returns a connection that is not dialled yet."""

    def __init__(
        self,
        connect: Callable[[Link], Attempt],
        dialing: Dialing,
        handler: Handler,
        runtime: ClientRuntime,
        loop: Reconnecting,
    ) -> None:
        self.runtime = runtime
        self._connect = connect
        self._dialing = dialing
        self._handler = handler
        self._loop = loop
        self._turn = threading.Lock()  # nothing waits while it is held, so a hub may take it, too
        self._awake = runtime.event()  # no pause goes on
        self._connection: Attempt | None = None

    @property
    def is_over(self) -> bool:
        """Whether no further connection will be made."""
        return self._loop.is_over or self._dialing.home.is_foreign

    @property
    def is_unwanted(self) -> bool:
        """Whether the connection that is being made is to be ended at once."""
        return self._loop.is_unwanted or self._dialing.home.is_foreign

    def start(self) -> Transport:
        """Connect in the background."""
        self.runtime.spawn(owned(self._run, lambda: self.is_over, self._handler.on_close))
        leave = partial(self._close, GOING_AWAY)
        welcomed = self._dialing.credentials.welcomed
        return Transport(self._send, self._close, self._loop.pause, leave, self._reopen, welcomed)

    def opened(self) -> bool:
        """The connection is open: say so. False if it is to be ended at once."""
        with self._turn:
            effects = self._loop.opened()
        self._tell(effects)
        return bool(effects)

    def received(self, frame: bytes) -> None:
        """A frame has come: hand it on."""
        self._loop.received()
        self._handler.on_receive(frame)

    def _send(self, frame: bytes) -> None:
        connection = self._connection
        if connection is None:
            raise BrokenPipeError("there is no connection")
        connection.send(frame)

    def _close(self, code: int = NORMAL_CLOSURE) -> None:
        with self._turn:
            self._loop.closed()
            self._awake.set()
        if (connection := self._connection) is not None:
            connection.close(code)

    def _reopen(self) -> None:
        with self._turn:
            self._loop.renewed()
            self._awake.set()
        if (connection := self._connection) is not None and self._loop.is_unwanted:
            connection.close(GOING_AWAY)

    def _run(self) -> None:
        with self._turn:
            effects = self._loop.started()
        step = self._tell(effects)
        while step is not None and not self._dialing.home.is_foreign:
            step = self._take(step)

    def _take(self, step: NextStep) -> NextStep | None:
        match step:
            case Dial():
                ended = self._serve()
                with self._turn:
                    if not self._loop.is_unwanted:
                        ended = self._dialing.credentials.judge(ended)
                    effects = self._loop.ended(ended)
                    self._awake.clear()  # what was to be woken so far knows of it
            case Rest(seconds):
                if not self.is_over:
                    self._awake.wait(seconds)
                with self._turn:
                    effects = self._loop.rested()
        return self._tell(effects)

    def _tell(self, effects: list[LoopEffect]) -> NextStep | None:
        return tell(self._handler, self._dialing.address.netloc, effects)

    def _serve(self) -> ConnectionEnd:
        connection = self._connection = self._connect(self)
        if self.is_unwanted:  # whoever wants its end may not have seen this connection
            return CLOSED_HERE
        try:
            return connection.serve()
        except Exception as error:
            return ConnectionEnd(0, reason(error))
        finally:
            self._connection = None


class LinkConnector:
    """A connector that makes its connections with ``connect``."""

    def __init__(
        self,
        connect: Callable[[Link], Attempt],
        dialing: Dialing,
        runtime: ClientRuntime | None = None,
        backoff: ReconnectBackoff | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.renew = dialing.credentials.renew
        self._connect = connect
        self._dialing = dialing
        self._runtime = runtime
        self._backoff = backoff
        self._chance = chance

    def __call__(self, handler: Handler) -> Transport:
        loop = Reconnecting(self._backoff or ReconnectBackoff(), self._chance)
        return Link(self._connect, self._dialing, handler, self._runtime or choose(), loop).start()
