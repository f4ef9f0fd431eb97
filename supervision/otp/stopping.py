"""How a supervisor stops a child: asks, waits as long as the spec says, then kills."""

from __future__ import annotations

from typing import Any

from ...actors.runtime.ref import Ref
from ...actors.words.exit_reasons import KILLED, SHUTDOWN, Reason, Shutdown, is_orderly
from .child_spec import BRUTAL_KILL, ChildSpec
from .policy import Restart
from .reports import report

KILL_TIMEOUT = 1.0
"""Seconds to wait for a killed child's end before it is disowned: a handler that never switches cannot be ended."""


def child_reason(reason: Reason) -> Reason:
    """Return the reason that children hear when their supervisor ends for ``reason``."""
    if isinstance(reason, Shutdown):
        return reason
    return SHUTDOWN if is_orderly(reason) else KILLED


def stop_child(ref: Ref[Any], spec: ChildSpec, reason: Reason, supervisor: Ref[Any]) -> Reason:
    """Stop a child as its spec says and return how it ended; anything but what was asked for is reported."""
    if spec.shutdown == BRUTAL_KILL:
        reason = KILLED
        ref.kill()
        ended = ref.wait_down(KILL_TIMEOUT)
    else:
        ref.shut_down(reason)
        ended = ref.wait_down(spec.shutdown)
        if ended is None:
            ref.kill()
            ended = ref.wait_down(KILL_TIMEOUT)
    report_end(ended or KILLED, ref, spec, reason, supervisor)
    return ended or KILLED


def report_end(ended: Reason, ref: Ref[Any], spec: ChildSpec, asked: Reason, supervisor: Ref[Any]) -> None:
    """Report a child that was asked to end for one reason and ended for another that its supervisor must not accept."""
    if ended == asked or (ended == SHUTDOWN and isinstance(asked, Shutdown)):
        return
    # OTP: a permanent child that answers a shutdown with normal has not understood that it was asked.
    if spec.restart is Restart.PERMANENT or not is_orderly(ended):
        report("shutdown_error", supervisor, ended, spec, ref)
