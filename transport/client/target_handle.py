"""A target as a client's program holds it, with the types of its store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from ...actors.words.parameters import by_name
from ...actors.words.type_variables import Answer, Answer_co, Message, Model
from .core.target_states import TargetState
from .hook_types import OF_A_TARGET, ChangeOfTargetHook, PushOfTargetHook

C = TypeVar("C", bound=ChangeOfTargetHook)
P = TypeVar("P", bound=PushOfTargetHook)


class Holder(Protocol[Answer_co]):
    """What a handle needs of its client, which explains each."""

    def model(self, target: str) -> Any: ...
    def confirmed(self, target: str) -> Any: ...
    def pending(self, target: str) -> list[Any]: ...
    def seq(self, target: str) -> int: ...
    def status(self, target: str) -> TargetState: ...
    def dispatch(self, target: str, message: Any) -> Answer_co: ...
    def set_local(self, target: str, **values: Any) -> None: ...
    def unsubscribe(self, target: str) -> None: ...
    def on_change(self, hook: Callable[..., Any]) -> Any: ...
    def on_push(self, hook: Callable[..., Any]) -> Any: ...


class TargetHandle(Generic[Model, Message, Answer]):
    """One target of a client: ``TargetHandle[int, str]`` has a model of type int, which messages of type str change.

    ``name`` is the target's, e.g. ``"topic:counter"``. Each method and property is the client's own of that name, and
    raises what that raises: UsageError once the client does not follow the target any more.
    """

    def __init__(self, client: Holder[Answer], name: str) -> None:
        self._client = client
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name} of {self._client!r}>"

    @property
    def model(self) -> Model:
        """What is to be shown: `confirmed` with `pending` applied on top."""
        model: Model = self._client.model(self.name)
        return model

    @property
    def confirmed(self) -> Model:
        """The server's model, as far as it has been heard here."""
        model: Model = self._client.confirmed(self.name)
        return model

    @property
    def pending(self) -> list[Message]:
        """The messages of this client that are not part of `confirmed` yet, in order."""
        return self._client.pending(self.name)

    @property
    def seq(self) -> int:
        """The seq of `confirmed`."""
        return self._client.seq(self.name)

    @property
    def status(self) -> TargetState:
        """How the client stands with it: ``Waiting()``, ``Following()``, ``Out(code, text, details)``."""
        return self._client.status(self.name)

    def dispatch(self, message: Message) -> Answer:
        """Apply a message here at once, and send it; the answer gives its seq, or Refused."""
        return self._client.dispatch(self.name, message)

    def set_local(self, **values: Any) -> None:
        """Give local fields of the model other values, here and nowhere else."""
        self._client.set_local(self.name, **values)

    def unsubscribe(self) -> None:
        """Follow it no more."""
        self._client.unsubscribe(self.name)

    def on_change(self, hook: C) -> C:
        """Decorate ``hook(model, message)``; ``message`` is None when more than one message changed the model."""
        told = by_name("on_change", hook, OF_A_TARGET["on_change"])
        self._client.on_change(lambda target, model, message: told(model, message) if target == self.name else None)
        return hook

    def on_push(self, hook: P) -> P:
        """Decorate ``hook(message)``, for messages outside any order."""
        told = by_name("on_push", hook, OF_A_TARGET["on_push"])
        self._client.on_push(lambda target, message: told(message) if target == self.name else None)
        return hook
