"""The addresses that a run's connections come from: each has some 28,000 ports, and 127.0.0.0/8 is many. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address

LOOPBACK = tuple(f"127.0.0.{last}" for last in range(1, 255))
"""What a connection to this machine may come from."""


class Sources:
    """Addresses in the order in which they are used, each until it has no port left.

    >>> sources = Sources(["127.0.0.1", "127.0.0.2"])
    >>> sources.leave("127.0.0.1"), sources.current
    (True, '127.0.0.2')
    """

    def __init__(self, addresses: Iterable[str] = LOOPBACK) -> None:
        self._addresses = list(addresses)
        self._at = 0

    @property
    def current(self) -> str:
        """The address to bind to."""
        return self._addresses[self._at]

    def leave(self, address: str) -> bool:
        """Go on to the next address, as ``address`` is used up; many may say so at once. False if there is no other."""
        if address == self.current:
            if self._at + 1 == len(self._addresses):
                return False
            self._at += 1
        return True


def sources_for(host: str) -> Sources | None:
    """Return the sources for connections to ``host``; None leaves the choice to the system.

    >>> sources_for("example.org") is sources_for("localhost") is None
    True
    """
    try:
        return Sources() if IPv4Address(host).is_loopback else None
    except AddressValueError:
        return None
