"""What a hook of a client may take, for type checkers: some of its parameters, by name, in any order. Pure.

As for a server's hooks: `nuphar.actors.words.hook_types`.
"""

from __future__ import annotations

from typing import Any, Protocol

from ...actors.words.errors import Refused
from ...actors.words.hook_types import HearsMessage, HearsMessageModel, HearsModel, HearsNothing
from .core.states import State

CLIENT_PARAMETERS = {
    "on_change": ("target", "model", "message"),
    "on_push": ("target", "message"),
    "on_rejected": ("target", "message", "refused"),
    "on_refused": ("target", "refused"),
    "on_state": ("state",),
}
"""What each hook of a client may take, in the order in which it is called."""

OF_A_TARGET = {"on_change": ("model", "message"), "on_push": ("message",)}
"""The same for the hooks of one target's handle."""


class HearsTarget(Protocol):
    def __call__(self, *, target: str) -> object: ...


class HearsTargetMessage(Protocol):
    def __call__(self, *, target: str, message: Any) -> object: ...


class HearsTargetModel(Protocol):
    def __call__(self, *, target: str, model: Any) -> object: ...


class HearsTargetModelMessage(Protocol):
    def __call__(self, *, target: str, model: Any, message: Any) -> object: ...


class HearsRefused(Protocol):
    def __call__(self, *, refused: Refused) -> object: ...


class HearsTargetRefused(Protocol):
    def __call__(self, *, target: str, refused: Refused) -> object: ...


class HearsMessageRefused(Protocol):
    def __call__(self, *, message: Any, refused: Refused) -> object: ...


class HearsTargetMessageRefused(Protocol):
    def __call__(self, *, target: str, message: Any, refused: Refused) -> object: ...


class HearsState(Protocol):
    def __call__(self, *, state: State) -> object: ...


PushOfTargetHook = HearsNothing | HearsMessage
"""``on_push`` of a handle."""

ChangeOfTargetHook = PushOfTargetHook | HearsModel | HearsMessageModel
"""``on_change`` of a handle."""

PushHook = PushOfTargetHook | HearsTarget | HearsTargetMessage
"""``on_push``: a message outside any order."""

ChangeHook = ChangeOfTargetHook | HearsTarget | HearsTargetMessage | HearsTargetModel | HearsTargetModelMessage
"""``on_change``: a model that is new; ``message`` is None if it was not one message that made it."""

RefusedHook = HearsNothing | HearsTarget | HearsRefused | HearsTargetRefused
"""``on_refused``: a target that the server does not let this client follow."""

RejectedHook = RefusedHook | HearsMessage | HearsTargetMessage | HearsMessageRefused | HearsTargetMessageRefused
"""``on_rejected``: a message of this client that was not applied."""

StateHook = HearsNothing | HearsState
"""``on_state``: every new state."""
