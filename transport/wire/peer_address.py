"""Whose address a request comes from: the peer's, or what a proxy that we were told of says. Pure.

Anybody can write ``X-Forwarded-For``; each proxy adds the address that it was asked from at the end. So it is read from
the end, as long as what stands there is one of our own proxies; what stands before the first stranger is hearsay.

>>> proxies = Proxies(["10.0.0.0/8"])
>>> proxies.address({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1, 203.0.113.7, 10.0.0.2"})
'203.0.113.7'
>>> proxies.address({"REMOTE_ADDR": "203.0.113.9", "HTTP_X_FORWARDED_FOR": "1.1.1.1"})
'203.0.113.9'
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from ...actors.words.rates import networks

UNIX = "unix"
"""Among the networks: whoever comes over a Unix socket, which has no address."""

SITE = 64
"""Bits of an IPv6 address that one site is given (RFC 6177): who has one has 2^64 addresses, which count as one."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Networks:
    """A list of networks, in text. Raises: UsageError, which calls the list ``name``."""

    def __init__(self, given: Any, name: str = "proxies") -> None:
        listed = list(given) if isinstance(given, tuple | list) else given
        self.has_unix = isinstance(listed, list) and UNIX in listed
        self._networks = networks(name, [each for each in listed if each != UNIX] if self.has_unix else listed)

    def has(self, address: Address) -> bool:
        """Say whether ``address`` is in one of them."""
        return any(address in each for each in self._networks)


class Proxies(Networks):
    """The proxies in front of a server: what they say of an address is believed."""

    def address(self, environ: Mapping[str, Any]) -> str:
        """Return the address that a request came from; "" if nobody says, as over a Unix socket."""
        peer = str(environ.get("REMOTE_ADDR") or "")
        if not self._is_ours(peer):
            return peer
        for told in reversed(str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
            if read(told) is None:
                break  # nothing, or what is no address: whoever stands behind it has said so
            peer = str(read(told))
            if not self._is_ours(peer):
                break
        return peer

    def _is_ours(self, peer: str) -> bool:
        address = read(peer)
        return self.has_unix and peer == "" if address is None else self.has(address)


def read(text: str) -> Address | None:
    """Return the address that ``text`` is, with or without a port; None for anything else.

    >>> read(" 203.0.113.7:4711"), read("[2001:db8::1]:80"), read("::ffff:203.0.113.7"), read("unknown")
    (IPv4Address('203.0.113.7'), IPv6Address('2001:db8::1'), IPv4Address('203.0.113.7'), None)
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def site_of(text: str, exempt: Iterable[Networks]) -> str | None:
    """Return what counts as one address: all of one IPv6 site. None if it is none, or ``exempt``.

    >>> site_of("2001:db8:0:1::17", []), site_of("203.0.113.7", []), site_of("10.0.0.1", [Networks(["10.0.0.0/8"])])
    ('2001:db8:0:1::/64', '203.0.113.7', None)
    """
    address = read(text)
    if address is None or any(each.has(address) for each in exempt):
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, SITE), strict=False))
    return str(address)
