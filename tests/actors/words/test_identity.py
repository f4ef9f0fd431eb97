"""An identity is checked when it is made, and shows nothing that is not for a log."""

from __future__ import annotations

from typing import Any

import pytest

from nuphar import Identity, UsageError
from nuphar.actors.words.identity import check_identity


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"user": 5}, "expected the user as text, got 5"),
        ({"user": None}, "expected the user as text, got None"),
        ({"user": ""}, "expected 1 to 255 bytes, got 0"),
        ({"user": "x" * 256}, "expected 1 to 255 bytes, got 256"),
        ({"user": "ada\nroot"}, "control characters are not allowed"),
        ({"user": "ada", "roles": "staff"}, "expected roles as a tuple of texts, got 'staff'"),
        ({"user": "ada", "roles": (1,)}, "expected roles as a tuple of texts"),
        ({"user": "ada", "roles": ("",)}, "expected roles as a tuple of texts"),
        ({"user": "ada", "claims": ["x"]}, "expected claims as a mapping with text keys, got list"),
        ({"user": "ada", "claims": {1: 2}}, "expected claims as a mapping with text keys"),
        ({"user": "ada", "expires": "soon"}, "expected expires in seconds since the epoch or None, got 'soon'"),
        ({"user": "ada", "expires": float("nan")}, "expected expires in seconds"),
        ({"user": "ada", "expires": True}, "expected expires in seconds"),
        ({"user": "ada", "browser": ""}, "expected browser as a text that is not empty"),
        ({"user": "ada", "browser": 5}, "expected browser as a text"),
    ],
)
def test_what_is_no_identity_is_refused_with_what_was_got_and_expected(given: dict[str, Any], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        Identity(**given)


def test_roles_become_a_tuple_in_one_order() -> None:
    assert Identity("ada", roles=["b", "a"]).roles == ("b", "a")  # type: ignore[arg-type]
    assert Identity("ada", roles={"b", "a"}).roles == ("a", "b")  # type: ignore[arg-type]


def test_nobody_changes_the_claims_of_one_that_was_made() -> None:
    claims = {"language": "en"}
    ada = Identity("ada", claims=claims)
    claims["language"] = "de"
    assert ada.claims == {"language": "en"}
    with pytest.raises(TypeError):
        ada.claims["language"] = "de"  # type: ignore[index]


def test_two_with_the_same_values_are_equal_and_can_be_keys() -> None:
    one, other = (Identity("ada", ("staff",), {"a": 1}, 5.0, "key") for _ in range(2))
    assert one == other
    assert len({one, other}) == 1
    assert one != Identity("ada")


def test_neither_claims_nor_the_key_of_the_browser_are_shown() -> None:
    shown = repr(Identity("ada", ("staff",), {"mail": "ada@example.org"}, 5.0, "f00dkey"))
    assert "ada'" in shown
    assert "example.org" not in shown
    assert "f00dkey" not in shown


@pytest.mark.parametrize(("expires", "now", "is_over"), [(None, 1e12, False), (5, 4.9, False), (5, 5.0, True)])
def test_it_expires_at_its_time(expires: float | None, now: float, is_over: bool) -> None:
    assert Identity("ada", expires=expires).has_expired(now) is is_over


def test_whoever_gives_something_else_is_told_what_it_was() -> None:
    assert check_identity("identify", None) is None
    with pytest.raises(UsageError, match=r"^identify: expected a nuphar.Identity or None, got a str$"):
        check_identity("identify", "ada")
