"""A store: a model and the pure function that applies a message to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import UsageError


class Store(NamedTuple):
    """``update(model, message) -> model`` returns the new model and leaves the old one as it was.

    The model is one object for everybody who reads it, and the start of every topic of a kind that has this store:
    never change it in place. An update that raises refuses its message: `nuphar.Refused` in your own words, anything
    else as ``crashed`` with its traceback in the log.

    >>> counter = Store(0, lambda model, message: model + message)
    >>> counter.update(counter.model, 5)
    5

    ``local`` names fields of the model that are each client's own, such as a draft: Snapshots and messages leave them
    alone there, `nuphar.Client.set_local` sets them, and the server knows only what they begin with.
    """

    model: Any
    update: Callable[[Any, Any], Any]
    local: tuple[str, ...] = ()


def check_store(store: Any) -> Store:
    """Return ``store`` if it is one.

    Raises: UsageError that says what was got.
    """
    if not isinstance(store, Store):
        raise UsageError(f"expected a nuphar.Store(model, update), got {store!r}")
    if not callable(store.update):
        raise UsageError(f"a store's update must be callable, got {store.update!r}")
    if not isinstance(store.local, tuple) or not all(isinstance(name, str) for name in store.local):
        raise UsageError(f"a store's local is a tuple of names of fields, got {store.local!r}")
    return store
