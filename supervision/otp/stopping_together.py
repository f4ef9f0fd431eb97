"""How a dynamic supervisor stops its children: all together, so that the slowest one counts and not the sum.

Those that sleep are ended without being woken: a greenlet for each of 100,000 takes longer than the whole stop has.
Whoever has a goodbye to say comes first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import pykka

from ...actors.runtime.future import Future
from ...actors.runtime.ref import Ref
from ...actors.words.exit_reasons import KILLED, Reason, Shutdown
from .child_spec import BRUTAL_KILL, ChildSpec
from .stopping import KILL_TIMEOUT, report_end

SLICE = 500
"""Children looked at before other greenlets get their turn."""

SWEEP = 1.5
"""Seconds for ending those that sleep; whoever is left then and has nobody to tell of its end is left alone."""

FOREVER = float("inf")

Children = Iterable[tuple[Ref[Any], ChildSpec]]


def stop_together(children: Children, how: Reason, supervisor: Ref[Any]) -> None:
    """Stop ``children`` for the reason ``how``, each as its spec says, by the deadline of a `Shutdown` that has one."""
    latest = how.deadline if isinstance(how, Shutdown) and how.deadline is not None else FOREVER
    asleep, awake = deque[tuple[Ref[Any], ChildSpec]](), list[tuple[Ref[Any], ChildSpec]]()
    for ref, spec in sorted(children, key=lambda child: not child[0].has_goodbyes):
        (asleep if ref.can_end_asleep and spec.shutdown != BRUTAL_KILL else awake).append((ref, spec))
    for ref, spec in awake:
        _ask(ref, spec, how)
    awake += _end_sleepers(asleep, how, min(latest, supervisor.host.clock() + SWEEP), supervisor)
    _wait(awake, how, latest, supervisor)


def _ask(ref: Ref[Any], spec: ChildSpec, how: Reason) -> None:
    if spec.shutdown == BRUTAL_KILL:
        ref.kill()
    else:
        ref.shut_down(how)


def _end_sleepers(
    asleep: deque[tuple[Ref[Any], ChildSpec]],
    how: Reason,
    until: float,
    supervisor: Ref[Any],
) -> list[tuple[Ref[Any], ChildSpec]]:
    """End them, a slice at least, as long as there is time; return those that have been asked to stop instead."""
    woken: list[tuple[Ref[Any], ChildSpec]] = []
    host = supervisor.host
    over = Future(host)

    def sweep() -> None:
        done = 0
        while asleep:
            ref, spec = asleep.popleft()
            if ref.end_asleep(how):
                report_end(ref.wait_down(0.0) or KILLED, ref, spec, how, supervisor)
            else:  # somebody has talked to it meanwhile
                ref.shut_down(how)
                woken.append((ref, spec))
            done += 1
            if done % SLICE == 0:
                if host.clock() >= until:
                    break
                host.pause()
        over.set()

    # In a greenlet of its own: a goodbye goes through functions of the application, one of which might wait.
    sweeper = host.spawn(sweep)
    try:
        over.get(timeout=max(0.0, until - host.clock()))
    except pykka.Timeout:
        sweeper.kill(block=True)
    except BaseException:
        sweeper.kill(block=False)
        raise
    for ref, spec in asleep:
        if ref.has_goodbyes:
            ref.shut_down(how)
            woken.append((ref, spec))
    return woken


def _wait(
    awake: list[tuple[Ref[Any], ChildSpec]],
    how: Reason,
    latest: float,
    supervisor: Ref[Any],
) -> None:
    """Wait for those that were asked; kill who is late."""
    clock = supervisor.host.clock
    now, late = clock(), []
    for ref, spec in awake:
        is_brutal = spec.shutdown == BRUTAL_KILL
        shutdown = KILL_TIMEOUT if is_brutal else spec.shutdown
        deadline = min(latest, FOREVER if shutdown is None else now + shutdown)
        ended = ref.wait_down(None if deadline == FOREVER else max(0.0, deadline - clock()))
        if ended is None:
            late.append((ref, spec))
        else:
            report_end(ended, ref, spec, KILLED if is_brutal else how, supervisor)
    for ref, _ in late:
        ref.kill()
    for ref, spec in late:
        report_end(ref.wait_down(KILL_TIMEOUT) or KILLED, ref, spec, how, supervisor)
