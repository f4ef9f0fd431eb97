"""A client's message on its way to a target before which something stands: hooks hear it, rules are asked.

This may wait, in the greenlet that reads the client's frames: so none of them is taken meanwhile, and nobody else is
held up. What waits looks again at what it knew before: the client may have left, or have gone on with another
connection, on which the message comes again.
"""

from __future__ import annotations

from typing import Any

from ..targets.messages import new_post
from ..words.errors import Busy, Refused
from .asking import Asking

SERVER_ONLY = "server_only"
"""The code of Rejected for a message of a type that only the server sends."""


class Publishing(Asking):
    """The half of a `Session` that takes messages."""

    __slots__ = ()

    def post(self, ref: int, target: str, message: Any, payload: bytes) -> None:
        """Send a message of this client to its target; ``payload`` is its bytes. A repeated ref is only answered."""
        membership = self.memberships.get(target)
        if membership is None or membership.guard.asks or self.kinds.listeners:
            self._publish(ref, target, message, payload)
            return
        if ref and (fate := self.answers.begin(ref, target)):
            self.repeats.take(fate, ref, target)
            return
        try:
            membership.put(new_post((self, ref, message, payload)))
        except Busy as error:
            self.reject(ref, target, "busy", str(error))

    def enter(self, target: str) -> None:
        """Be in a target of its own, if it is not."""
        if target not in self.memberships:
            self._router.put_anyway(self.ask_trusted(target))

    def _publish(self, ref: int, target: str, message: Any, payload: bytes) -> None:
        """Send a message of this client to its target, if everybody agrees. A repeated ref is only answered."""
        kind = self.kinds.of(target)
        if kind is not None and isinstance(message, kind.reserved(self, target)):
            # Like what cannot be decoded: it is refused before anything else, and not remembered.
            text = f"{type(message).__name__} is sent by the server, not by clients"
            self.say_rejected(ref, target, SERVER_ONLY, text)
            return
        if ref and (fate := self.answers.begin(ref, target)):
            self.repeats.take(fate, ref, target)
            return
        refused: Refused | None = None
        if kind is not None:
            self.in_hand = ref
            try:
                if self.kinds.listeners:
                    kind.hear(self, target, message)
                if target in self.memberships:
                    kind.admit(self, target, message)
            except Refused as error:
                refused = error
            finally:
                self.in_hand = 0
            if self.successor is not None or self.closed:
                return  # it went on with another connection meanwhile, on which the message comes again, or has ended
        if refused is not None:
            self.reject(ref, target, refused.code, refused.text, refused.details)
            return
        membership = self.memberships.get(target)
        if membership is None:
            if kind is None or not kind.is_own:
                self.reject(ref, target, "not_subscribed", f"subscribe to {target} first")
                return
            self.enter(target)
            membership = self.memberships[target]
        try:
            membership.put(new_post((self, ref, message, payload)))
        except Busy as error:
            self.reject(ref, target, "busy", str(error))
