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


def test_an_update_is_callable() -> None:
    with pytest.raises(UsageError, match="must be callable, got 5"):
        check_store(Store(0, 5))  # type: ignore[arg-type]
