"""What the server knows: the actor runtime, stores, topics, sessions, the router."""

from .actor import Actor, ThreadActor
from .exits import KILLED, NORMAL, SHUTDOWN, Crashed, Killed, Normal, Reason, Shutdown
from .ref import Down, Ignore, Ref

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
