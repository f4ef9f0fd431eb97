"""How a dynamic supervisor stops its children: all together, so that the slowest one counts and not the sum.

Those that sleep are ended without being woken: a greenlet for each of 100,000 takes longer than the whole stop has.
Whoever has a goodbye to say comes first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pykka

from ...actors.runtime.future import Future
from ...actors.runtime.ref import Ref
from ...actors.words.exit_reasons import KILLED, Reason, Shutdown
from .child_spec import BRUTAL_KILL, ChildSpec
from .stopping import KILL_TIMEOUT, report_end

CHILDREN_AT_ONCE = 500
"""Children looked at before other greenlets get their turn."""

RESERVE = 1.5
"""Seconds of a deadline that are left for whoever stops after us; who sleeps still by then is left alone."""

STUCK = 0.25
"""Seconds without progress after which a goodbye that waits is cut off: it goes through the application."""

FOREVER = float("inf")

Children = Iterable[tuple[Ref[Any], ChildSpec]]


def stop_together(children: Children, how: Reason, supervisor: Ref[Any]) -> None:
    """Stop ``children`` for the reason ``how``, each as its spec says, by the deadline of a `Shutdown` that has one."""
    latest = how.deadline if isinstance(how, Shutdown) and how.deadline is not None else FOREVER
    now = supervisor.host.clock()
    asleep, awake = deque[tuple[Ref[Any], ChildSpec]](), list[tuple[Ref[Any], ChildSpec]]()
    for ref, spec in sorted(children, key=lambda child: not child[0].has_goodbyes):
        (asleep if ref.can_end_asleep and spec.shutdown != BRUTAL_KILL else awake).append((ref, spec))
    for ref, spec in awake:
        _ask(ref, spec, how)
    awake += _end_sleepers(asleep, how, latest - RESERVE, supervisor)
    _wait(awake, how, now, latest, supervisor)


def _ask(ref: Ref[Any], spec: ChildSpec, how: Reason) -> None:
    if spec.shutdown == BRUTAL_KILL:
        ref.kill()
    else:
        ref.shut_down(how)


def _end_sleepers(
    asleep: deque[tuple[Ref[Any], ChildSpec]], how: Reason, until: float, supervisor: Ref[Any]
) -> list[tuple[Ref[Any], ChildSpec]]:
    """End them, a slice at least, as long as there is time; return those that were awake, and were asked to stop."""
    woken: list[tuple[Ref[Any], ChildSpec]] = []
    host = supervisor.host

    def sweep(over: Future) -> None:
        done = 0
        while asleep and not over.is_set:
            ref, spec = asleep.popleft()
            if ref.end_asleep(how):
                report_end(ref.wait_down(0.0) or KILLED, ref, spec, how, supervisor)
            else:  # somebody has talked to it meanwhile
                ref.shut_down(how)
                woken.append((ref, spec))
            done += 1
            if done % CHILDREN_AT_ONCE == 0:
                if host.clock() >= until:
                    asleep.clear()
                    break
                host.pause()
        if not over.is_set:
            over.set()

    while asleep:
        # In a greenlet of its own, since a goodbye may wait; then it is ended, and another goes on behind it.
        over, left = Future(host), -1
        sweeper = host.spawn(sweep, over)
        try:
            while not over.is_set and len(asleep) != left:
                left = len(asleep)
                with suppress(pykka.Timeout):
                    over.get(timeout=STUCK)
        finally:
            if not over.is_set:
                over.set()  # an actor takes a kill for the end of its own time, so it must see this besides
                sweeper.kill(block=False)
        host.pause()
    return woken


def _wait(
    awake: list[tuple[Ref[Any], ChildSpec]],
    how: Reason,
    asked: float,
    latest: float,
    supervisor: Ref[Any],
) -> None:
    """Wait for those that were asked at the time ``asked``; kill who is late."""
    clock = supervisor.host.clock
    late: list[tuple[Ref[Any], ChildSpec]] = []
    for ref, spec in awake:
        is_brutal = spec.shutdown == BRUTAL_KILL
        shutdown = KILL_TIMEOUT if is_brutal else spec.shutdown
        deadline = min(latest, FOREVER if shutdown is None else asked + shutdown)
        ended = ref.wait_down(None if deadline == FOREVER else max(0.0, deadline - clock()))
        if ended is None:
            late.append((ref, spec))
        else:
            report_end(ended, ref, spec, KILLED if is_brutal else how, supervisor)
    for ref, _ in late:
        ref.kill()
    for ref, spec in late:
        report_end(ref.wait_down(KILL_TIMEOUT) or KILLED, ref, spec, how, supervisor)
