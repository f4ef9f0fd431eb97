"""The tokens of a session: which are good, which are burnt, and which nobody knows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.sessions.tokens import BURNT, Tokens, TokenState, digest


def test_the_newest_token_is_good() -> None:
    assert Tokens("a").judge("a") is TokenState.GOOD


@pytest.mark.parametrize("token", ["", "aa", "b", "A", "\ud800"])
def test_any_other_token_is_unknown(token: str) -> None:
    assert Tokens("a").judge(token) is TokenState.UNKNOWN


def test_the_one_before_stays_good_until_the_newest_is_proven() -> None:
    tokens = Tokens("a")
    tokens.rotate("a", "b")
    assert [tokens.judge(each) for each in "ab"] == [TokenState.GOOD, TokenState.GOOD]
    tokens.prove()
    assert [tokens.judge(each) for each in "ab"] == [TokenState.BURNT, TokenState.GOOD]


def test_using_the_newest_proves_it() -> None:
    tokens = Tokens("a")
    tokens.rotate("a", "b")
    tokens.rotate("b", "c")
    assert [tokens.judge(each) for each in "abc"] == [TokenState.BURNT, TokenState.GOOD, TokenState.GOOD]


def test_using_the_one_before_burns_the_newest_that_never_arrived() -> None:
    tokens = Tokens("a")
    tokens.rotate("a", "b")
    tokens.rotate("a", "c")
    assert [tokens.judge(each) for each in "abc"] == [TokenState.GOOD, TokenState.BURNT, TokenState.GOOD]


def test_a_proof_without_an_older_token_changes_nothing() -> None:
    tokens = Tokens("a")
    tokens.prove()
    assert tokens.judge("a") is TokenState.GOOD


def test_no_token_is_kept_as_it_is() -> None:
    tokens = Tokens("secret")
    tokens.rotate("secret", "newer secret")
    kept = repr([getattr(tokens, slot) for slot in Tokens.__slots__])
    assert "secret" not in kept
    assert len(digest("secret")) == 32


@given(uses=st.lists(st.booleans(), max_size=30))
def test_at_most_two_are_good_and_the_last_burnt_ones_are_recognised(uses: list[bool]) -> None:
    tokens, issued, newest, older = Tokens("0"), ["0"], "0", None
    for n, uses_older in enumerate(uses, 1):
        used = older if uses_older and older is not None else newest
        assert tokens.judge(used) is TokenState.GOOD
        tokens.rotate(used, str(n))
        older, newest = used, str(n)
        issued.append(newest)
    verdicts = {token: tokens.judge(token) for token in issued}
    assert {token for token, verdict in verdicts.items() if verdict is TokenState.GOOD} == {newest, older} - {None}
    burnt = [token for token, verdict in verdicts.items() if verdict is TokenState.BURNT]
    assert len(burnt) == min(BURNT, len(issued) - (1 if older is None else 2))
