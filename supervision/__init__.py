"""Who restarts whom: child specs, policy, supervisors, and the tree of a server.

Source: OTP Design Principles, Supervisor Behaviour.
"""

from .calls import (
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
from .child_spec import BRUTAL_KILL, INFINITY, ChildSpec, ChildType, InvalidChildSpec, worker
from .dynamic import DynamicSupervisor, TooManyChildren
from .policy import AutoShutdown, Backoff, Restart, Strategy
from .process import process
from .process_protocol import ProcessEnded, RemoteError
from .supervisor import Supervisor, supervisor

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
