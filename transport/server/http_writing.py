"""How our handler writes an answer: no body for HEAD, the length that was promised, and an end to each wait."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from typing import Any

from gevent import socket as gevent_socket
from gevent.pywsgi import WSGIHandler

from ...actors.runtime.log_throttle import ThrottledLogger
from ..wire.secret_names import masked
from .pace import RATE, Pace

LOG = ThrottledLogger("nuphar.transport")

_PIECE = 256 * 1024  # bytes for one write


class HttpWriting(WSGIHandler):  # type: ignore[misc]  # gevent has no types
    """The half of a handler that writes."""

    stall: float
    code: Any
    response_headers: Any
    _owed: int | None = None
    """Bytes that the answer's Content-Length promises and that were not written yet."""
    _pace: Pace | None = None

    def finalize_headers(self) -> None:
        """Complete the head of an answer."""
        provided = self.provided_content_length
        super().finalize_headers()
        self._owed = int(provided) if isinstance(provided, str) and provided.isdecimal() else None
        if self.command == "HEAD":
            self.response_use_chunked = False
            if provided is None:  # an application that left the body out itself does not know how long it were
                nothing = (b"Content-Length", b"0")
                self.response_headers = [each for each in self.response_headers if each != nothing]

    def begin(self) -> None:
        """Begin a new answer."""
        self._owed = None
        self._pace = Pace(self.stall)

    def process_result(self) -> None:
        """Write what the application returned."""
        if self.command == "HEAD":
            self._write_head()
            return
        super().process_result()
        if self._owed and self.code not in (101, 304):
            LOG.warning("the answer to %r is %d bytes shorter than its Content-Length", masked(self.path), self._owed)
            self.close_connection = True

    def _write_head(self) -> None:
        """Write the head alone; a body that would never end is not asked for its second part."""
        for data in self.result:
            if data:
                self.write(data)
                break
        if self.status and not self.headers_sent:
            self.write(b"")

    def _write(self, data: bytes) -> None:
        """Write a part of a body: nothing for HEAD (RFC 9110, 9.3.2), and no more than its Content-Length."""
        if self.command == "HEAD":
            return
        if self._owed is not None:
            if len(data) > self._owed:
                LOG.warning("the answer to %r is longer than its Content-Length: it is cut there", masked(self.path))
                data = data[: self._owed]
            self._owed -= len(data)
        super()._write(data)

    def _sendall(self, data: bytes) -> None:
        """Send all of it; give up if nothing of it is taken for `stall` seconds, or all of it far too slowly.

        Raises: BrokenPipeError, which pywsgi takes for a client that went away.
        """
        rest = memoryview(data)
        pace = self._pace or Pace(self.stall)
        try:
            while rest:
                began = time.monotonic()
                sent = self.socket.send(rest[:_PIECE])
                rest = rest[sent:]
                if not pace.keeps(time.monotonic() - began, sent):
                    raise TimeoutError(f"less than {RATE:g} bytes a second")
        except OSError as error:
            if isinstance(error, TimeoutError):
                LOG.info("the answer to %r for %r is not read: %s", masked(self.path), self.client_address, error)
            self.status = f"socket error: {error}"
            self.code = -abs(self.code or 0)
            self.hang_up()
            raise BrokenPipeError(errno.EPIPE, f"the client does not read: {error}") from None
        self.response_length += len(data)

    def hang_up(self) -> None:
        """End TCP now, in both directions: the client of this request does not read, or does not send."""
        self.close_connection = True
        with contextlib.suppress(OSError, AttributeError):  # it was dead already, or closed
            gevent_socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
