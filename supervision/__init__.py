"""Who restarts whom: child specs, policy, supervisors, and the tree of a server.

Source: OTP Design Principles, Supervisor Behaviour.
"""

from .child_spec import BRUTAL_KILL, INFINITY, ChildSpec, InvalidChildSpec, worker
from .dynamic import DynamicSupervisor
from .policy import Backoff, Restart, Strategy
from .supervisor import RestartIntensityExceeded, StartFailed, Supervisor, supervisor

__all__ = [
    "BRUTAL_KILL",
    "INFINITY",
    "Backoff",
    "ChildSpec",
    "DynamicSupervisor",
    "InvalidChildSpec",
    "Restart",
    "RestartIntensityExceeded",
    "StartFailed",
    "Strategy",
    "Supervisor",
    "supervisor",
    "worker",
]
