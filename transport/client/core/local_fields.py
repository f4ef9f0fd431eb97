"""Local fields: parts of a model that belong to one client, in a dataclass, a NamedTuple or a dict. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ....actors.words.errors import UsageError
from ....actors.words.store import Store


def first_values(store: Store) -> dict[str, Any]:
    """Return what a store's local fields begin with.

    Raises: UsageError for a field that its model does not have.

    >>> first_values(Store({"lines": (), "draft": ""}, max, local=("draft",)))
    {'draft': ''}
    """
    model = store.model
    if not store.local:
        return {}
    if isinstance(model, dict):
        names = tuple(model)
    elif dataclasses.is_dataclass(model) and not isinstance(model, type):
        names = tuple(field.name for field in dataclasses.fields(model) if field.init)
    elif hasattr(model, "_fields"):
        names = model._fields
    else:
        raise UsageError(f"local fields need a dataclass, a NamedTuple or a dict, got {type(model).__name__}")
    if unknown := [name for name in store.local if name not in names]:
        raise UsageError(f"local: expected some of the fields {list(names)}, got {unknown}")
    return {name: model[name] if isinstance(model, dict) else getattr(model, name) for name in store.local}


def with_fields(model: Any, values: Mapping[str, Any]) -> Any:
    """Return ``model`` with other values in some fields; the same object if there are none, or if it is None.

    >>> with_fields({"lines": ("a",), "draft": ""}, {"draft": "b"})
    {'lines': ('a',), 'draft': 'b'}
    """
    if not values or model is None:
        return model
    if isinstance(model, dict):
        return {**model, **values}
    if isinstance(model, tuple):
        return model._replace(**values)  # type: ignore[attr-defined]
    return dataclasses.replace(model, **values)
