"""Is a peer fast enough? What it moves earns time, and what it makes us wait costs it. Pure."""

from __future__ import annotations

RATE = 500.0
"""Bytes a second that a peer has to move on average, beyond its first free seconds: less than any modem."""


class Pace:
    """``free`` is the seconds that the peer may waste in all; ``rate`` the bytes that earn one more."""

    __slots__ = ("_left", "_rate")

    def __init__(self, free: float, rate: float = RATE) -> None:
        self._left = free
        self._rate = rate

    def keeps(self, waited: float, moved: int) -> bool:
        """Note that ``moved`` bytes took ``waited`` seconds; False once the peer is too slow."""
        self._left += moved / self._rate - waited
        return self._left >= 0
