"""Whose address it is: what a stranger writes into X-Forwarded-For is not believed."""

from __future__ import annotations

import pytest

from nuphar import UsageError
from nuphar.transport.wire.peer_address import Networks, Proxies, site_of


@pytest.mark.parametrize(
    ("proxies", "peer", "told", "address"),
    [
        ((), "203.0.113.9", "1.1.1.1", "203.0.113.9"),
        ((), "", "1.1.1.1", ""),
        (("127.0.0.1",), "127.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"),
        (("127.0.0.1",), "203.0.113.9", "1.1.1.1", "203.0.113.9"),
        (("127.0.0.1", "10.0.0.0/8"), "127.0.0.1", "1.1.1.1, 203.0.113.7, 10.9.9.9", "203.0.113.7"),
        (("127.0.0.1",), "127.0.0.1", "", "127.0.0.1"),
        (("127.0.0.1",), "127.0.0.1", "1.1.1.1, unknown", "127.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        (("unix",), "", "203.0.113.7", "203.0.113.7"),
        (("10.0.0.0/8",), "", "203.0.113.7", ""),
        (("::1",), "::1", "[2001:db8::7]:443", "2001:db8::7"),
        (("127.0.0.0/8",), "::ffff:127.0.0.1", "203.0.113.7:1", "203.0.113.7"),
    ],
)
def test_the_address_is_the_nearest_that_no_proxy_of_ours_has(
    proxies: tuple[str, ...], peer: str, told: str, address: str
) -> None:
    assert Proxies(proxies).address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": told}) == address


def test_one_site_of_ipv6_counts_as_one_address() -> None:
    assert site_of("2001:db8::1", []) == site_of("2001:db8::ffff", []) != site_of("2001:db8:0:1::1", [])
    assert site_of("::ffff:203.0.113.7", []) == "203.0.113.7"


@pytest.mark.parametrize("text", ["", "unknown", "1.2.3", "127.0.0.1"])
def test_what_is_no_address_or_exempt_has_no_limit(text: str) -> None:
    assert site_of(text, [Networks(["127.0.0.0/8"])]) is None


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(UsageError, match=r'proxies: expected networks such as "10\.0\.0\.0/8"'):
        Proxies(["my proxy"])
