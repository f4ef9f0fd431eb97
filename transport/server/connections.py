"""The actor that watches over all live connections: one clock for their heartbeats, and a planned end for all of them.

The connections themselves belong to the WSGI server's greenlets: this actor may die and come back without any of
them noticing.
"""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

from ...actors.runtime.actor import Actor
from ...actors.runtime.log_throttle import tell_left_out
from ...actors.runtime.timer_every import TimerEvery
from ...actors.words.exit_reasons import Normal, Reason, Shutdown
from .gateway import Connected, Gateway

CONNECTIONS_AT_ONCE = 500
"""Connections looked at before other greenlets get their turn: about 0.5 ms."""

LOOK_AT_END = 0.05
"""Seconds between two looks at how many connections are left at the end, at most: whoever reads is gone at once."""

ASKED_AGAIN = 0.3
"""Seconds in which a client over HTTP may ask again for the end that it was told: one of ours does so after 0.1."""

STOP_PATIENCE = 1.5
"""Seconds; below the two that the tree gives this actor to stop, or it is killed before it has cut off the rest."""


class LookAtAll(NamedTuple):
    """Look at every connection."""


class ConnectionsActor(Actor):
    """``retry_after`` seconds are what clients are told at the end, ``patience`` seconds what their last bytes get."""

    def __init__(
        self, gateway: Gateway, retry_after: float = 1.0, patience: float = STOP_PATIENCE, **link: Any
    ) -> None:
        super().__init__(**link)
        self._gateway = gateway
        self._retry_after = retry_after
        self._patience = patience
        self._timer: TimerEvery | None = None

    def init(self) -> None:
        interval = min(1.0, self._gateway.limits.heartbeat / 4, self._gateway.limits.hello / 4)
        self._timer = TimerEvery(self, interval, LookAtAll())

    def handle(self, message: Any) -> Any:
        if not isinstance(message, LookAtAll):
            return super().handle(message)
        now = self._gateway.clock()
        self._gateway.reception.tick(now)
        if self._gateway.rates is not None:
            self._gateway.rates.tick(now)
        tell_left_out()
        for at, connection in enumerate(list(self._gateway.connections)):
            connection.tick(now)
            if at % CONNECTIONS_AT_ONCE == CONNECTIONS_AT_ONCE - 1:
                self.host.pause()
        return None

    def terminate(self, reason: Reason) -> None:
        tell_left_out(inf)
        if self._timer is not None:
            self._timer.stop()
        if isinstance(reason, Normal | Shutdown):
            self._gateway.has_stopped = self._gateway.is_closing = True
            self._gateway.reception.stop()
            now = self._gateway.clock()
            deadline = now + self._patience
            if isinstance(reason, Shutdown) and reason.deadline is not None:
                # Leave a little for our own end, and a little for everybody even if the others took it all.
                deadline = max(now + LOOK_AT_END, min(deadline, reason.deadline - 2 * LOOK_AT_END))
            self._close_all(deadline)

    def _close_all(self, deadline: float) -> None:
        """Say Bye to everybody, let what was written reach them, and end whoever does not take it in time."""
        clock, connections = self._gateway.clock, self._gateway.connections
        everybody: list[Connected] = list(connections)
        for connection in everybody:
            connection.say_bye("the server stops", self._retry_after)
        pause = 0.001
        while connections and clock() < deadline:
            self.host.sleep(pause)
            pause = min(2 * pause, LOOK_AT_END)
        for connection in list(connections):
            connection.abort()
        until = min(deadline, clock() + ASKED_AGAIN)
        while self._gateway.lines and clock() < until:
            self.host.sleep(LOOK_AT_END)
        self._gateway.shut_doors()
