"""When a child is started again: its back-off, and what a supervisor tells itself meanwhile.

OTP has no back-off: a failed start is tried again at once, behind the calls that wait (OTP-9549). Ours waits if the
child's spec says so.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...actors.runtime.mailbox import Mailbox
from ...actors.runtime.ref import Ref
from .child_spec import ChildSpec
from .child_state import Child
from .policy import Backoff, Intensity
from .reports import report


class TryAgain(NamedTuple):
    """Told by a supervisor to itself after a failed restart, so that others get their turn; counts as a restart."""

    child: Child


class BackedOff(NamedTuple):
    """Told by a supervisor to itself when a child's back-off is over; it was counted before."""

    child: Child


def back_off(child: Child, then: TryAgain | BackedOff, backoff: Backoff | None, mailbox: Mailbox, now: float) -> bool:
    """Put ``then`` into the supervisor's ``mailbox`` when the back-off is over; False if there is none just now."""
    delay = 0.0 if backoff is None else child.failures.next_delay(backoff, now, mailbox.host.chance())
    if not delay:
        return False
    child.is_restarting = True
    child.timer = mailbox.host.spawn_later(delay, mailbox.put_anyway, then)
    return True


def try_again(child: Child, backoff: Backoff | None, mailbox: Mailbox, now: float) -> None:
    """Try a failed start again: after the back-off, or behind what waits in the supervisor's ``mailbox``."""
    child.is_restarting = True
    if not back_off(child, TryAgain(child), backoff, mailbox, now):
        mailbox.put_anyway(TryAgain(child))
        mailbox.host.pause()  # a start that fails at once must not keep everybody else from running


def report_limit(supervisor: Ref[Any], intensity: Intensity, spec: ChildSpec) -> None:
    """Say in the log that ``supervisor`` gives up."""
    limit = f"more than {intensity.intensity} restarts in {intensity.period} s"
    report("shutdown", supervisor, f"reached_max_restart_intensity: {limit}", spec)
