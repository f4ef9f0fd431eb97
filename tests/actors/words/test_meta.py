"""What is known of a message: an update asks for it by its arity, and a topic says what is told of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from nuphar import Store, UsageError
from nuphar.actors.words.meta import Meta, check_share, extra_of, extras_of, meta_of, signed, takes_meta
from nuphar.actors.words.store import check_store
from nuphar.actors.words.watched_updates import watch

ADA = Meta("ada", "c1", 5.0, 3)


def two(model: Any, message: Any) -> Any: ...


def three(model: Any, message: Any, who: Any) -> Any: ...


def optional(model: Any, message: Any, meta: Any = None) -> Any: ...


def bound(model: Any, message: Any, step: int = 5) -> Any: ...


class Method:
    def update(self, model: Any, message: Any, meta: Any) -> Any: ...


@pytest.mark.parametrize(
    ("update", "takes"),
    [
        (two, False),
        (three, True),
        (optional, True),
        (bound, False),
        (Method().update, True),
        (partial(three, who=1), False),
        (max, False),
        (lambda model, message: model, False),
        (lambda model, message, meta: model, True),
    ],
)
def test_an_update_that_needs_three_values_or_names_the_third_meta_takes_it(update: Any, takes: bool) -> None:
    assert takes_meta(update) is takes
    assert takes_meta(watch("t", Store(0, update)).update) is takes
    check_store(Store(0, update))


def test_an_update_of_four_values_is_refused() -> None:
    with pytest.raises(UsageError, match=r"expected a function of \(model, message, meta\), got one of \(a, b, c, d\)"):
        check_store(Store(0, lambda a, b, c, d: a))  # type: ignore[arg-type, misc]


def test_a_signed_payload_is_its_bytes_and_knows_who_wrote_it() -> None:
    payload = signed(b"\x05", ADA, ("at", "author"))
    assert payload == b"\x05"
    assert (meta_of(payload, 3), extra_of(payload)) == (ADA, {"at": 5.0, "author": "ada"})
    assert extra_of(signed(b"", ADA, ())) is None
    assert (meta_of(b"\x05", 9), extra_of(b"\x05")) == (Meta(None, None, None, 9), None)


def test_what_is_told_of_several_runs_parallel() -> None:
    payloads = [signed(b"", ADA, ("author",)), signed(b"", ADA._replace(author=None), ("author",))]
    assert extras_of(payloads) == {"author": ["ada", None]}
    assert extras_of([*payloads, b""]) is None, "null would say that nobody wrote it"
    assert extras_of([]) is None


@pytest.mark.parametrize("share", ["author", ("client_id",), 5, None, [1]])
def test_what_cannot_be_shared_is_refused(share: Any) -> None:
    with pytest.raises(UsageError, match=r"share: expected some of \('author', 'at'\) as a tuple, got"):
        check_share(share)


def test_what_is_shared_has_one_order() -> None:
    assert check_share(["at", "author"]) == check_share({"author", "at"}) == ("author", "at")
