"""What the server knows: the actor runtime, stores, topics, sessions, the router."""

from typing import TYPE_CHECKING

from ..lazily import lazily

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

if TYPE_CHECKING:
    from . import delivery as delivery
    from .runtime.actor import Actor, ThreadActor
    from .runtime.ref import Down, Ignore, Ref
    from .words.exit_reasons import KILLED, NORMAL, SHUTDOWN, Crashed, Killed, Normal, Reason, Shutdown
else:  # not for type checkers, which would believe any name
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "Actor": ".runtime.actor",
            "Crashed": ".words.exit_reasons",
            "Down": ".runtime.ref",
            "Ignore": ".runtime.ref",
            "KILLED": ".words.exit_reasons",
            "Killed": ".words.exit_reasons",
            "NORMAL": ".words.exit_reasons",
            "Normal": ".words.exit_reasons",
            "Reason": ".words.exit_reasons",
            "Ref": ".runtime.ref",
            "SHUTDOWN": ".words.exit_reasons",
            "Shutdown": ".words.exit_reasons",
            "ThreadActor": ".runtime.actor",
        },
        {"delivery": ".delivery"},
    )
