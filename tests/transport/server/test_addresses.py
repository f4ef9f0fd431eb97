"""Addresses as people read them."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from nuphar import CannotListen, NupharError
from nuphar.transport.server.addresses import cannot_listen, url_of


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (("127.0.0.1", 80), "http://127.0.0.1:80"),
        (("127.0.0.2", 8000), "http://127.0.0.2:8000"),
        (("0.0.0.0", 8000), "http://localhost:8000"),
        (("", 8000), "http://localhost:8000"),
        (("::", 8000, 0, 0), "http://localhost:8000"),
        (("::1", 8000, 0, 0), "http://[::1]:8000"),
        ("/run/app.sock", "unix:/run/app.sock"),
        (b"\0hidden", "unix:@hidden"),
    ],
)
def test_a_url_names_the_real_address(address: Any, url: str) -> None:
    assert url_of(address) == url


def test_a_url_says_whether_it_is_tls() -> None:
    assert url_of(("127.0.0.1", 443), "https") == "https://127.0.0.1:443"


@pytest.mark.parametrize(
    ("address", "number", "parts"),
    [
        (("127.0.0.1", 80), errno.EADDRINUSE, ("127.0.0.1:80", "Address already in use", "another port")),
        (("::1", 80), errno.EADDRINUSE, ("[::1]:80", "another port")),
        (("", 80), errno.EACCES, ("*:80", "Permission denied", "below 1024")),
        (("192.0.2.1", 80), errno.EADDRNOTAVAIL, ("192.0.2.1:80", "no interface")),
        ("/run/a.sock", errno.EADDRINUSE, ("unix:/run/a.sock", "another path")),
        ("/run/a.sock", errno.EACCES, ("unix:/run/a.sock", "not ours to write")),
    ],
)
def test_an_address_that_cannot_be_had_is_one_sentence_with_advice(
    address: Any, number: int, parts: tuple[str, ...]
) -> None:
    error = cannot_listen(address, OSError(number, os.strerror(number)))
    assert isinstance(error, NupharError)
    assert isinstance(error, OSError)
    assert error.errno == number
    assert str(error).startswith("cannot listen at ")
    assert "\n" not in str(error)
    assert all(part in str(error) for part in parts), str(error)


def test_a_name_that_nobody_knows_is_told_as_the_resolver_says_it() -> None:
    error = cannot_listen(("nowhere.invalid", 80), OSError(-2, "Name or service not known"))
    assert isinstance(error, CannotListen)
    assert str(error) == (
        "cannot listen at nowhere.invalid:80: Name or service not known: expected an address of this machine"
    )
