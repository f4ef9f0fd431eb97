"""A store: a model and the pure function that applies a message to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, overload

from .errors import UsageError
from .meta import Meta, takes_meta
from .parameters import check_takes
from .type_variables import Message, Message_contra, Model


class Update(Protocol[Model, Message_contra]):
    """Applies a message to a model; the two come by position, so it may call them what it likes."""

    def __call__(self, model: Model, message: Message_contra, /) -> Model: ...


class UpdateWithMeta(Protocol[Model, Message_contra]):
    """An update that is told who wrote the message, when, and its seq."""

    def __call__(self, model: Model, message: Message_contra, meta: Meta, /) -> Model: ...


class StoreFields(NamedTuple, Generic[Model, Message]):
    """What a `Store` is made of."""

    model: Model
    update: Update[Model, Message]
    local: tuple[str, ...] = ()


class Store(StoreFields[Model, Message]):
    """``update(model, message) -> model`` returns the new model and leaves the old one as it was.

    The model is one object for everybody who reads it, and the start of every topic of a kind that has this store:
    never change it in place. An update that raises refuses its message: `nuphar.Refused` in your own words, anything
    else as ``crashed`` with its traceback in the log.

    >>> counter = Store(0, lambda model, message: model + message)
    >>> counter.update(counter.model, 5)
    5

    An ``update(model, message, meta)`` is told who wrote the message, when, and its seq (`nuphar.Meta`).

    A type checker takes the types of model and messages from ``update``, and passes them on to the handles of topics
    (docs/typing.md).

    ``local`` names fields of the model that are each client's own, such as a draft: Snapshots and messages leave them
    alone there, `nuphar.Client.set_local` sets them, and the server knows only what they begin with.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        # A model that is None or a tuple at first says less of its type than what ``update`` makes of it.

        @overload
        def __new__(
            cls, model: None, update: Callable[[Any, Message], Model], local: tuple[str, ...] = ()
        ) -> Store[Model, Message]: ...
        @overload
        def __new__(
            cls, model: Model, update: Update[Model, Message], local: tuple[str, ...] = ()
        ) -> Store[Model, Message]: ...
        @overload
        def __new__(
            cls, model: tuple[Any, ...], update: Update[tuple[Any, ...], Any], local: tuple[str, ...] = ()
        ) -> Store[Any, Any]: ...
        @overload
        def __new__(
            cls, model: Model, update: UpdateWithMeta[Model, Message], local: tuple[str, ...] = ()
        ) -> Store[Model, Message]: ...
        @overload
        def __new__(
            cls, model: tuple[Any, ...], update: UpdateWithMeta[tuple[Any, ...], Any], local: tuple[str, ...] = ()
        ) -> Store[Any, Any]: ...
        def __new__(cls, model: Any, update: Any, local: tuple[str, ...] = ()) -> Any: ...


def check_store(store: Any) -> Store:
    """Return ``store`` if it is one, with an update that can be called with a model and a message.

    Raises: UsageError that says what was got.
    """
    if not isinstance(store, Store):
        raise UsageError(f"expected a nuphar.Store(model, update), got {store!r}")
    names = ("model", "message", "meta") if takes_meta(store.update) else ("model", "message")
    check_takes("a store's update", store.update, *names)
    if not isinstance(store.local, tuple) or not all(isinstance(name, str) for name in store.local):
        raise UsageError(f"a store's local is a tuple of names of fields, got {store.local!r}")
    return store
