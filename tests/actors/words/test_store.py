"""A store: a model and its update."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import Store, UsageError
from nuphar.actors.words.store import check_store


def add(model: int, message: int) -> int:
    return model + message


def test_a_store_is_returned_as_it_is() -> None:
    store = Store(0, add)
    assert check_store(store) is store


@pytest.mark.parametrize("given", [None, 0, (0, add), add, Store])
def test_anything_else_is_refused_with_what_was_got(given: Any) -> None:
    with pytest.raises(UsageError, match=r"expected a nuphar\.Store"):
        check_store(given)


@pytest.mark.parametrize(
    ("update", "got"), [(5, "got 5, which cannot be called"), (lambda model: model, r"\(model, message\), got one of")]
)
def test_an_update_takes_a_model_and_a_message(update: Any, got: str) -> None:
    with pytest.raises(UsageError, match=f"a store's update: expected a function.*{got}"):
        check_store(Store(0, update))


def test_a_store_says_its_types_to_those_who_ask() -> None:
    assert Store[int, int](0, add) == Store(0, add)
