from __future__ import annotations

from http.client import HTTPException
from io import BytesIO
from typing import Any

import pytest

from nuphar.transport.client.connectors.whole_response import WholeResponse

POLLED = b"HTTP/1.1 200 OK\r\nNuphar-Batch: 12\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\nNuphar-Batch: 12\r\n\r\n"
UNTIL_THE_END = b"\r\n\r\nhello"


class Bytes:
    """A socket that has received everything that it will."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._data)


def read(data: bytes, most: int = 100) -> bytes:
    sock: Any = Bytes(data)
    response = WholeResponse(sock, method="GET")
    response.begin()
    return response.read_whole(most)


@pytest.mark.parametrize(("data", "body"), [(POLLED, b"hello"), (CHUNKED, b"hello"), (EMPTY, b"")])
def test_a_whole_response_is_read(data: bytes, body: bytes) -> None:
    assert read(data) == body


@pytest.mark.parametrize("data", [POLLED, EMPTY])
def test_one_that_breaks_off_anywhere_is_none(data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises((HTTPException, OSError)):
            read(data[:length])


def test_a_batch_that_only_ends_with_the_connection_is_none() -> None:
    with pytest.raises(HTTPException):
        read(b"HTTP/1.1 200 OK" + UNTIL_THE_END)


def test_a_refusal_may_end_with_the_connection() -> None:
    assert read(b"HTTP/1.1 403 Forbidden" + UNTIL_THE_END) == b"hello"


def test_no_more_is_read_than_is_wanted() -> None:
    assert read(POLLED, most=3) == b"hel"
