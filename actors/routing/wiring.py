"""How one shared model is split into slices: the session's, fixed topics' by id, topic kinds' by id prefix. Pure.

>>> from dataclasses import dataclass, field
>>> @dataclass(frozen=True)
... class Model:
...     draft: str = ""
...     chat: tuple = ()
...     rooms: dict = field(default_factory=dict)
>>> wiring = Wiring(
...     session=Slice(lambda draft, message: message, field="draft"),
...     topics={"chat": Slice(lambda chat, message: (*chat, message), field="chat")},
...     kinds={"room:": Slice(lambda room, message: room + message, initial=lambda key: 0)},
... )
>>> wiring.topic_store("chat", Model()).model
()
>>> wiring.topic_store("room:7", Model(), key=7).model
0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..words.errors import UsageError
from ..words.store import Store


def _same(model: Any, message: Any) -> Any:
    return model


@dataclass(frozen=True)
class Slice:
    """One part of the shared model, and how messages change it.

    ``update(slice, message) -> slice`` is pure. A slice starts as the attribute (or dict key) ``field`` of the
    shared initial model, or as the whole model if that is None; a topic kind's slice starts as ``initial(key)``,
    once for each key.
    """

    update: Callable[[Any, Any], Any]
    field: str | None = None
    initial: Callable[[Any], Any] | None = None

    def start(self, model: Any, key: Any = None) -> Any:
        """Return the slice as it is before the first message.

        Raises: UsageError if ``model`` has no such field.
        """
        if self.initial is not None:
            return self.initial(key)
        if self.field is None:
            return model
        if isinstance(model, Mapping) and self.field in model:
            return model[self.field]
        if not isinstance(model, Mapping) and hasattr(model, self.field):
            return getattr(model, self.field)
        raise UsageError(f"the initial model {type(model).__name__} has no field {self.field!r}")


@dataclass(frozen=True)
class Wiring:
    """The slices of one shared model. The longest matching prefix wins among ``kinds``."""

    session: Slice | None = None
    topics: Mapping[str, Slice] = field(default_factory=dict)
    kinds: Mapping[str, Slice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, slices in (("topics", self.topics), ("kinds", self.kinds)):
            for key, value in slices.items():
                if not isinstance(value, Slice):
                    raise UsageError(f"Wiring({name}=): expected a Slice for {key!r}, got {value!r}")
        if self.session is not None and not isinstance(self.session, Slice):
            raise UsageError(f"Wiring(session=): expected a Slice, got {self.session!r}")

    def session_store(self, model: Any) -> Store:
        """Return the store that every session starts with; without a session slice no message changes the model."""
        if self.session is None:
            return Store(model, _same)
        return Store(self.session.start(model), self.session.update)

    def topic_store(self, topic_id: str, model: Any, key: Any = None) -> Store:
        """Return the store of one topic, fixed or of a kind.

        Raises: UsageError if nothing is wired for this id.
        """
        wired = self.topics.get(topic_id)
        if wired is None and (prefix := longest_prefix(self.kinds, topic_id)) is not None:
            wired = self.kinds[prefix]
            key = topic_id[len(prefix) :] if key is None else key
        if wired is None:
            known = sorted(self.topics) + sorted(f"{prefix}…" for prefix in self.kinds)
            raise UsageError(
                f"nothing is wired for topic {topic_id!r}; wired are {known}: use with_store(nuphar.Store(...))"
            )
        return Store(wired.start(model, key), wired.update)

    def kind_slice(self, prefix: str) -> Slice:
        """Return the slice of a topic kind.

        Raises: UsageError if nothing is wired for this prefix.
        """
        if prefix not in self.kinds:
            raise UsageError(f"nothing is wired for the topic kind {prefix!r}; wired are {sorted(self.kinds)}")
        return self.kinds[prefix]


def longest_prefix(prefixes: Mapping[str, Any], topic_id: str) -> str | None:
    """Return the longest of ``prefixes`` that ``topic_id`` starts with and goes beyond.

    >>> longest_prefix({"a:": 1, "a:b:": 2}, "a:b:c")
    'a:b:'
    """
    fitting = [prefix for prefix in prefixes if topic_id.startswith(prefix) and len(topic_id) > len(prefix)]
    return max(fitting, key=len, default=None)
