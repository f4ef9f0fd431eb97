"""One connector of several: WebSocket first, HTTP where that never opens, and back up when it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any

from ....actors.runtime.forks import HomeProcess
from ....actors.words.close_codes import NORMAL_CLOSURE
from .connector import Connector, Handler, Transport, renewing
from .credentials import Token
from .fields import HeaderOption
from .owner import owned
from .runtimes import ClientRuntime, choose
from .transport_choice import Decision, GiveUp, ProbeRank, StopRank, TransportChoice, UseRank

MET_BY_ALL = frozenset({401, 403})
"""HTTP statuses that every transport would meet; others may come from a proxy that knows no WebSockets."""


def fallback(
    connectors: Sequence[Connector],
    *,
    runtime: ClientRuntime | None = None,
    choice: Callable[[int], TransportChoice] = TransportChoice,
    clock: Callable[[], float] = time.monotonic,
) -> Connector:
    """Return a connector that uses the first of ``connectors`` that opens, and moves up when a better one does."""
    return _Fallback(
        connectors, lambda handler: _Switch(connectors, handler, runtime or choose(), choice(len(connectors)), clock)
    )


class _Fallback:
    def __init__(self, connectors: Sequence[Connector], switch: Callable[[Handler], _Switch]) -> None:
        self._connectors = connectors
        self._switch = switch

    def __call__(self, handler: Handler) -> Transport:
        switch = self._switch(handler)
        switch.start()
        return Transport(switch.send, switch.close, switch.pause, switch.leave, switch.reopen, switch.welcomed)

    def renew(self, headers: HeaderOption | None = None, token: Token = None) -> None:
        """Show these from the next try on, over whichever transport."""
        for each in self._connectors:
            renewing(each)(headers, token)


class _Switch:
    def __init__(
        self,
        connectors: Sequence[Connector],
        handler: Handler,
        runtime: ClientRuntime,
        choice: TransportChoice,
        clock: Callable[[], float],
    ) -> None:
        self._connectors = connectors
        self._handler = handler
        self._runtime = runtime
        self._choice = choice
        self._clock = clock
        self._lock = RLock()
        self._slots: dict[int, _Slot] = {}
        self._home = HomeProcess("this client")
        self._closed = runtime.event()
        self._changed = runtime.event()

    def start(self) -> None:
        with self._lock:
            self._do([UseRank(0)])
        self._runtime.spawn(owned(self._watch, self._is_over, self._broken))

    def send(self, frame: bytes) -> None:
        slot = self._slots.get(self._choice.rank)
        if slot is None or slot.transport is None:
            raise BrokenPipeError("there is no connection")
        slot.transport.send(frame)

    def pause(self, seconds: float) -> None:
        slot = self._slots.get(self._choice.rank)
        if slot is not None and slot.transport is not None:
            slot.transport.pause(seconds)

    def reopen(self) -> None:
        with self._lock:
            slots = list(self._slots.values())
        for slot in slots:
            if slot.transport is not None and slot.transport.reopen is not None:
                slot.transport.reopen()

    def welcomed(self) -> None:
        slot = self._slots.get(self._choice.rank)
        if slot is not None and slot.transport is not None:
            slot.transport.welcomed()

    def close(self) -> None:
        self._end(lambda transport: transport.close)

    def leave(self) -> None:
        self._end(lambda transport: transport.leave or transport.close)

    def opened(self, slot: _Slot) -> None:
        with self._lock:
            if self._is_old(slot):
                return
            old = self._slots.get(self._choice.rank)
            decisions = self._choice.opened(slot.rank, self._clock())
            if decisions and old is not None and old.is_open:
                self._handler.on_fault("a better transport takes over")
                self._handler.on_disconnect()
            self._do(decisions)
        self._handler.on_reconnect()

    def lost(self, slot: _Slot) -> None:
        if self._is_present(slot):
            self._handler.on_disconnect()

    def failed(self, slot: _Slot, why: str) -> None:
        if self._is_present(slot):
            self._handler.on_fault(why)
        if slot.is_open:
            return  # a connection that was lost says nothing about the transport
        with self._lock:
            if not self._is_old(slot):
                self._do(self._choice.failed(slot.rank, self._clock()))

    def ended(self, slot: _Slot, code: int, reason: str) -> None:
        """The transport has given up: for good if the protocol says so, or if all others would meet the same."""
        with self._lock:
            if self._is_old(slot):
                return
            is_final = slot.rank == self._choice.rank and (code >= NORMAL_CLOSURE or code in MET_BY_ALL)
            decisions: list[Decision] = (
                [GiveUp()] if is_final else self._choice.failed(slot.rank, self._clock(), is_refused=True)
            )
            if GiveUp() in decisions:
                self._closed.set()
                self._changed.set()
            else:
                self._do(decisions)
        if GiveUp() in decisions:
            self._handler.on_close(code, reason)

    def _is_old(self, slot: _Slot) -> bool:
        return self._closed.is_set() or self._slots.get(slot.rank) is not slot

    def _is_present(self, slot: _Slot) -> bool:
        return not self._is_old(slot) and slot.rank == self._choice.rank

    def _do(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            match decision:
                case UseRank(rank):
                    for other in [each for each in self._slots if each != rank]:
                        self._drop(other)
                    self._begin(rank)
                case ProbeRank(rank):
                    self._begin(rank)
                case StopRank(rank):
                    self._drop(rank)
        self._changed.set()

    def _begin(self, rank: int) -> None:
        if rank not in self._slots:
            slot = self._slots[rank] = _Slot(self, rank)
            slot.transport = self._connectors[rank](slot.handler)
            if slot.is_open:
                self.opened(slot)

    def _drop(self, rank: int) -> None:
        slot = self._slots.pop(rank)
        if slot.transport is not None:
            # Beside us, since it may wait for its last request; the session goes on over another transport.
            self._runtime.spawn(slot.transport.leave or slot.transport.close)

    def _end(self, how: Callable[[Transport], Callable[[], Any]]) -> None:
        self._closed.set()
        self._changed.set()
        with self._lock:
            slots, self._slots = list(self._slots.values()), {}
        for slot in slots:
            if slot.transport is not None:
                how(slot.transport)()

    def _broken(self, code: int, reason: str) -> None:
        self._end(lambda transport: transport.leave or transport.close)
        self._handler.on_close(code, reason)

    def _is_over(self) -> bool:
        return self._closed.is_set() or self._home.is_foreign

    def _watch(self) -> None:
        while not self._is_over():
            with self._lock:
                self._do(self._choice.tick(self._clock()))
                self._changed.clear()
                due = self._choice.due(self._clock())
            self._changed.wait(due if due is not None else 60.0)


class _Slot:
    """One transport at work, and what it says."""

    def __init__(self, switch: _Switch, rank: int) -> None:
        self.rank = rank
        self.transport: Transport | None = None
        self.is_open = False
        self._switch = switch
        self.handler = Handler(self._receive, self._opened, self._lost, self._ended, self._failed)

    def _receive(self, frame: bytes) -> None:
        if self._switch._is_present(self):
            self._switch._handler.on_receive(frame)

    def _opened(self) -> None:
        with self._switch._lock:
            self.is_open = True
            is_early = self.transport is None  # then whoever begins it will see
        if not is_early:
            self._switch.opened(self)

    def _lost(self) -> None:
        self.is_open = False
        self._switch.lost(self)

    def _failed(self, why: str) -> None:
        self._switch.failed(self, why)

    def _ended(self, code: int, reason: str) -> None:
        self._switch.ended(self, code, reason)
