"""What the server knows: the actor runtime, stores, topics, sessions, the router."""

from .actor import Actor, Down, Ref, ThreadActor
from .exits import KILLED, NORMAL, SHUTDOWN, Crashed, Killed, Normal, Reason, Shutdown

__all__ = [
    "KILLED",
    "NORMAL",
    "SHUTDOWN",
    "Actor",
    "Crashed",
    "Down",
    "Killed",
    "Normal",
    "Reason",
    "Ref",
    "Shutdown",
    "ThreadActor",
]
