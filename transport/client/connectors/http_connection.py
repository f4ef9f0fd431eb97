"""One HTTP connection of a client, on a socket of its runtime, which any thread may cut."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPMessage
from typing import Any

from ....actors.words.close_codes import TOO_LARGE
from ....actors.words.errors import RemoteProtocolError
from ...wire.progress import send_all
from .ended import ConnectionEnd, closed_with
from .refusal import LOOKED_AT, explain
from .whole_response import WholeResponse

LARGEST_BATCH = 16 * 1024 * 1024
"""The largest batch that a client takes, in bytes: a snapshot may be large."""

_DIGITS = re.compile(r"[0-9]{1,15}")

HURRY = 2.0
"""Seconds that the body of a refusal may take."""

GONE = 410
"""The status of a line that has ended; its body is the last batch."""


class HttpConnection(HTTPConnection):
    """An HTTP connection on a socket of the client's runtime, which any thread may cut."""

    response_class = WholeResponse

    def __init__(self, host: str, port: int, open_socket: Callable[[], Any], timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._open_socket = open_socket
        self._opened: Any = None
        self.is_cut = False

    def connect(self) -> None:
        """Open the socket. Raises: OSError, also once it has been cut."""
        if self.is_cut:
            raise BrokenPipeError("the connection has been cut")
        self.sock = self._opened = self._open_socket()
        # A request's head and its body are two writes: without this the second would wait for an acknowledgement.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def set_patience(self, seconds: float) -> None:
        """Let an answer take so long."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(seconds)

    def send(self, data: Any) -> None:
        """Send a head or a body; the patience is for each wait, however long a slow line takes for all of it."""
        if self.sock is None:
            self.connect()
        send_all(self.sock, data)

    def hurry(self) -> None:
        """Let what is still to come of an answer take no more than `HURRY`."""
        if self._opened is not None:
            with contextlib.suppress(OSError):  # it has been cut
                self._opened.settimeout(HURRY)

    def cut(self) -> None:
        """End it for good, and wake whoever waits for an answer."""
        self.is_cut = True
        if self._opened is not None:
            with contextlib.suppress(OSError):  # it was dead already
                self._opened.shutdown(socket.SHUT_RDWR)


def read_answer(connection: HttpConnection, response: WholeResponse) -> bytes:
    """Return a body that came whole; of a refusal what there is of it, for its status has been said.

    Raises: OSError, HTTPException; RemoteProtocolError for a batch beyond `LARGEST_BATCH`.
    """
    if response.status >= 300 and response.status != GONE:
        connection.hurry()
        try:
            return _read_refusal(response)
        finally:
            connection.close()  # perhaps it was not read to its end
    data = response.read_whole(LARGEST_BATCH + 1)
    if len(data) > LARGEST_BATCH:
        raise RemoteProtocolError(f"expected a batch of at most {LARGEST_BATCH} bytes", close_code=TOO_LARGE)
    return data


def refusal_text(status: int, headers: HTTPMessage, data: bytes) -> str:
    """Return what an answer says that is no answer of the protocol."""
    return f"the server answered {status}: {explain(status, headers.get('Location', ''), data)}".rstrip(": ")


def _read_refusal(response: WholeResponse) -> bytes:
    data, deadline = b"", time.monotonic() + HURRY
    with contextlib.suppress(OSError, HTTPException):  # the line is refused all the same
        while (
            len(data) < LOOKED_AT and time.monotonic() < deadline and (piece := response.read1(LOOKED_AT - len(data)))
        ):
            data += piece
    return data


def number_in(headers: HTTPMessage, name: str) -> int:
    """Return the number in a header field. Raises: RemoteProtocolError."""
    text = headers.get(name, "")
    if not _DIGITS.fullmatch(text):
        raise RemoteProtocolError(f"expected a number as {name}, got {text[:40]!r}")
    return int(text)


def parse_end(text: str) -> ConnectionEnd:
    """Return what a line's end says. Raises: RemoteProtocolError."""
    code, _, reason = text.partition(" ")
    if not _DIGITS.fullmatch(code):
        raise RemoteProtocolError(f"expected a close code, got {text[:40]!r}")
    return closed_with(int(code), reason)
