from __future__ import annotations

import pytest

from nuphar.load.sources import LOOPBACK, Sources, sources_for


def test_an_address_that_many_leave_at_once_is_left_once() -> None:
    sources = Sources(["a", "b", "c"])

    assert [sources.leave("a"), sources.leave("a"), sources.current] == [True, True, "b"]


def test_behind_the_last_address_there_is_none() -> None:
    sources = Sources(["a", "b"])
    sources.leave("a")

    assert not sources.leave("b")
    assert sources.current == "b"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3"])
def test_a_server_on_this_machine_is_reached_from_many_addresses(host: str) -> None:
    sources = sources_for(host)

    assert sources is not None
    assert sources.current == LOOPBACK[0] == "127.0.0.1"
    assert len(LOOPBACK) > 100


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "::1", "localhost"])
def test_elsewhere_the_system_chooses(host: str) -> None:
    assert sources_for(host) is None
