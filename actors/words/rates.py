"""How much clients may do: the option ``rates`` of a server, each value with its unit and its reason. Pure.

>>> Rates().frames
Rate(per_second=5000, burst=20000)
>>> Rates(messages=Rate(5, burst=20)).messages.per_second
5
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any, NamedTuple

from .errors import UsageError
from .quantities import is_count, is_seconds

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE = (
    "127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
    "fc00::/7", "fe80::/10",
)  # fmt: skip
"""This machine and the networks of RFC 1918, 3927, 4193 and 4291: what comes from there is most often a proxy."""


class Rate(NamedTuple):
    """``burst`` at once, and ``per_second`` in the long run."""

    per_second: float
    burst: float


FRAMES = Rate(5_000, 20_000)
BYTES = Rate(4 << 20, 16 << 20)
SUBSCRIBES = Rate(200, 2_000)
MESSAGES = Rate(4_000, 10_000)
SESSIONS = Rate(50, 1_000)


@dataclass(frozen=True, slots=True)
class Rates:
    """What one session may do, what a user and an address may do together, and who may connect (docs/security.md).

    A rate that is None is not looked at. Raises: UsageError for what is no rate, and no network.
    """

    frames: Rate | None = FRAMES
    """Frames of one session: one core takes some 40,000 a second, and nobody gets more than an eighth of it."""
    bytes: Rate | None = BYTES
    """Bytes of these frames: 64 messages of the largest size a second, four times what a phone sends."""
    subscribes: Rate | None = SUBSCRIBES
    """Subscribes, and targets named in Hello and Resync: a client comes back to its 1,000 targets, twice, at once."""
    messages: Rate | None = MESSAGES
    """Messages of one session to one target: a topic applies some 40,000 a second, for everybody in it."""
    user: float | None = 4.0
    """All sessions of one user may do so many times what one session may: tabs and devices, few of them busy."""
    address: float | None = 8.0
    """Likewise all sessions from one address: a household, or an office behind one router."""
    connections: int | None = 1_000
    """Connections from one address at once: an office behind one router; one more is answered 503."""
    sessions: Rate | None = SESSIONS
    """New sessions from one address: all of that office at once after an outage; one more is answered 503."""
    exempt: tuple[str, ...] = PRIVATE
    """Networks whose addresses have no limits of their own: a proxy there would have all its clients share one."""

    def __post_init__(self) -> None:
        for name in ("frames", "bytes", "subscribes", "messages", "sessions"):
            object.__setattr__(self, name, _rate(name, getattr(self, name)))
        for name in ("user", "address"):
            if (times := getattr(self, name)) is not None and not (is_seconds(times) and times >= 1):
                raise UsageError(f"rates: {name}: expected a number from 1, or None for no limit, got {times!r}")
        if self.connections is not None and not is_count(self.connections):
            raise UsageError(f"rates: connections: expected an integer above 0 or None, got {self.connections!r}")
        networks("exempt", self.exempt)


def _rate(name: str, value: Any) -> Rate | None:
    if value is None:
        return None
    if isinstance(value, tuple) and len(value) == 2 and all(is_seconds(each) for each in value) and value[1] >= 1:
        return Rate(*value)
    raise UsageError(f"rates: {name}: expected a Rate(per_second, burst) above 0, burst from 1, or None; got {value!r}")


def networks(name: str, given: Any) -> tuple[Network, ...]:
    """Return the networks that ``given`` lists as text.

    Raises: UsageError, which calls the list ``name``.
    """
    if not isinstance(given, tuple | list) or not all(isinstance(each, str) for each in given):
        raise UsageError(f'{name}: expected a list of networks such as ("10.0.0.0/8", "::1"), got {given!r}')
    try:
        return tuple(ipaddress.ip_network(each, strict=False) for each in given)
    except ValueError as error:
        raise UsageError(f'{name}: expected networks such as "10.0.0.0/8" or "::1", got {given!r}: {error}') from None
