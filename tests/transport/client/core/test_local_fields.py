"""Parts of a model that belong to one client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from nuphar import Store, UsageError
from nuphar.actors.words.store import check_store
from nuphar.transport.client.core.local_fields import first_values, with_fields


@dataclass(frozen=True)
class Room:
    lines: tuple[str, ...] = ()
    draft: str = ""


class Row(NamedTuple):
    lines: tuple[str, ...] = ()
    draft: str = ""


def same(model: Any, message: Any) -> Any:
    return model


@pytest.mark.parametrize("model", [Room(), Row(), {"lines": (), "draft": ""}])
def test_they_are_read_and_replaced_in_every_kind_of_model(model: Any) -> None:
    assert first_values(Store(model, same, ("draft",))) == {"draft": ""}
    changed = with_fields(model, {"draft": "x"})
    assert type(changed) is type(model)
    assert first_values(Store(changed, same, ("lines", "draft"))) == {"lines": (), "draft": "x"}
    assert first_values(Store(model, same, ("draft",))) == {"draft": ""}, "the first one is as it was"


def test_without_any_the_model_is_the_same_object() -> None:
    room = Room()
    assert with_fields(room, {}) is room
    assert with_fields(None, {"draft": "x"}) is None
    assert first_values(Store(5, same)) == {}


@pytest.mark.parametrize("model", [5, [], Room])
def test_another_kind_of_model_has_none(model: Any) -> None:
    with pytest.raises(UsageError):
        first_values(Store(model, same, ("draft",)))


def test_an_unknown_field_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"\['lines', 'draft'\], got \['drafft'\]"):
        first_values(Store(Room(), same, ("drafft",)))


def test_local_is_a_tuple_of_names() -> None:
    with pytest.raises(UsageError, match="tuple"):
        check_store(Store(Room(), same, "draft"))  # type: ignore[arg-type]
