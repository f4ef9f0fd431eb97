from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from nuphar.load.cuts import Cuts, place


@given(st.integers(0, 2**32), st.floats(0.2, 60))
def test_everybody_is_cut_once_within_the_first_seconds(seed: int, seconds: float) -> None:
    cuts = Cuts(20, seconds, 100.0, random.Random(seed).random)

    assert sorted(cuts.due(100.0 + seconds)) == list(range(20))
    assert cuts.due(1e9) == []


@given(st.integers(0, 2**32), st.floats(0.2, 60))
def test_who_is_back_is_left_in_peace_for_half_of_them(seed: int, seconds: float) -> None:
    cuts = Cuts(1, seconds, 0.0, random.Random(seed).random)
    cuts.due(1e9)
    cuts.again(0, 100.0)

    assert cuts.due(100.0 + 0.49 * seconds) == []
    assert cuts.due(100.0 + 1.51 * seconds) == [0]


def test_a_write_may_be_torn_anywhere_or_nowhere() -> None:
    chance = random.Random(1)
    places = [place(chance.random) for _ in range(1000)]
    shares = [share for share in places if share is not None]

    assert 400 < len(shares) < 600
    assert min(shares) < 0.05
    assert max(shares) > 0.95
