"""Who restarts whom: child specs, policy, supervisors, and the tree of a server.

Source: OTP Design Principles, Supervisor Behaviour.
"""

from typing import TYPE_CHECKING

from ..lazily import lazily

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
    "tree",
    "which_children",
    "worker",
]

if TYPE_CHECKING:
    from . import look as look
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
    from .root import tree
else:  # not for type checkers, which would believe any name
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "AutoShutdown": ".otp.policy",
            "BRUTAL_KILL": ".otp.child_spec",
            "Backoff": ".otp.policy",
            "ChildAlreadyPresent": ".otp.administration",
            "ChildAlreadyStarted": ".otp.administration",
            "ChildInfo": ".otp.administration",
            "ChildNotFound": ".otp.administration",
            "ChildRestarting": ".otp.administration",
            "ChildRunning": ".otp.administration",
            "ChildSpec": ".otp.child_spec",
            "ChildType": ".otp.child_spec",
            "Counts": ".otp.administration",
            "DynamicSupervisor": ".otp.dynamic",
            "INFINITY": ".otp.child_spec",
            "InvalidChildSpec": ".otp.child_spec",
            "ProcessEnded": ".processes.protocol",
            "RemoteError": ".processes.protocol",
            "Restart": ".otp.policy",
            "StartFailed": ".otp.administration",
            "Strategy": ".otp.policy",
            "Supervisor": ".otp.supervisor",
            "TooManyChildren": ".otp.dynamic",
            "count_children": ".otp.administration",
            "delete_child": ".otp.administration",
            "get_childspec": ".otp.administration",
            "process": ".processes.spec",
            "restart_child": ".otp.administration",
            "start_child": ".otp.administration",
            "supervisor": ".otp.supervisor",
            "terminate_child": ".otp.administration",
            "which_children": ".otp.administration",
            "worker": ".otp.child_spec",
        },
        {"look": ".look", "tree": ".root.tree"},
    )
