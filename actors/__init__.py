"""What the server knows: the actor runtime, stores, topics, sessions, the router."""

from .runtime.actor import Actor, ThreadActor
from .runtime.ref import Down, Ignore, Ref
from .words.exit_reasons import KILLED, NORMAL, SHUTDOWN, Crashed, Killed, Normal, Reason, Shutdown

__all__ = [
    "KILLED",
    "NORMAL",
    "SHUTDOWN",
    "Actor",
    "Crashed",
    "Down",
    "Ignore",
    "Killed",
    "Normal",
    "Reason",
    "Ref",
    "Shutdown",
    "ThreadActor",
]
