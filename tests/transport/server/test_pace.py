"""Who is too slow."""

from __future__ import annotations

from nuphar.transport.server.pace import Pace


def test_who_moves_nothing_has_its_free_seconds() -> None:
    pace = Pace(10.0, rate=100.0)
    assert pace.keeps(6.0, 0)
    assert pace.keeps(4.0, 0)
    assert not pace.keeps(0.1, 0)


def test_bytes_earn_time() -> None:
    pace = Pace(10.0, rate=100.0)
    assert all(pace.keeps(1.0, 100) for _ in range(10_000))
    assert pace.keeps(10.0, 0)
    assert not pace.keeps(0.1, 1)


def test_a_drip_is_too_slow() -> None:
    pace = Pace(60.0, rate=500.0)
    assert [pace.keeps(20.0, 1) for _ in range(4)] == [True, True, True, False]
