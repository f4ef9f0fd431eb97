"""Who restarts whom: child specs, policy, supervisors, and the tree of a server.

Source: OTP Design Principles, Supervisor Behaviour.
"""

from .otp.administration import (
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildInfo,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    Counts,
    StartFailed,
    count_children,
    delete_child,
    get_childspec,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from .otp.child_spec import BRUTAL_KILL, INFINITY, ChildSpec, ChildType, InvalidChildSpec, worker
from .otp.dynamic import DynamicSupervisor, TooManyChildren
from .otp.policy import AutoShutdown, Backoff, Restart, Strategy
from .otp.supervisor import Supervisor, supervisor
from .processes.protocol import ProcessEnded, RemoteError
from .processes.spec import process

__all__ = [
    "BRUTAL_KILL",
    "INFINITY",
    "AutoShutdown",
    "Backoff",
    "ChildAlreadyPresent",
    "ChildAlreadyStarted",
    "ChildInfo",
    "ChildNotFound",
    "ChildRestarting",
    "ChildRunning",
    "ChildSpec",
    "ChildType",
    "Counts",
    "DynamicSupervisor",
    "InvalidChildSpec",
    "ProcessEnded",
    "RemoteError",
    "Restart",
    "StartFailed",
    "Strategy",
    "Supervisor",
    "TooManyChildren",
    "count_children",
    "delete_child",
    "get_childspec",
    "process",
    "restart_child",
    "start_child",
    "supervisor",
    "terminate_child",
    "which_children",
    "worker",
]
