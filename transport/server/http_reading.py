"""How our handler reads a request: heads by the rules of RFC 9112, bodies with an end to each wait.

What a head must not be is answered with 400 and the end of the connection before the application sees anything.
"""

from __future__ import annotations

import contextlib
import socket
import time
from io import BytesIO
from typing import Any

import gevent
from gevent import socket as gevent_socket
from gevent.pywsgi import MAX_REQUEST_LINE, Input, WSGIHandler, format_date_time, headers_factory

from ...actors.runtime.fair_turns import let_others_run
from ...actors.runtime.log_throttle import ThrottledLogger
from ..wire import http_head
from ..wire.http_head import BadRequest
from ..wire.secret_names import masked
from ..wire.upgrade import tokens
from .request_body import Body, BodyFault
from .upgrade_stream import UpgradeStream, wants_upgrade

LOG = ThrottledLogger("nuphar.transport")

_REST, _PIECE = 1024 * 1024, 16 * 1024  # bytes that are read of a body that nobody wants, and how many at once

_MESSAGE = type(headers_factory(BytesIO()))  # what pywsgi keeps fields in; the parser of e-mail would read them anew

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpReading(WSGIHandler):  # type: ignore[misc]  # gevent has no types
    """The half of a handler that reads."""

    head = 15.0
    """Seconds that a request's head may take, and the first byte of a connection."""
    keep_alive = 75.0
    """Seconds that a connection may do nothing between two requests: some more than proxies keep it for."""
    stall = 60.0
    """Seconds without a byte of a body that the application waits for, or with nothing taken of an answer."""
    rest = 1.0
    """Seconds in which the rest of a body is thrown away that the application has not read, before it is cut off."""

    requestline: str | None
    environ: Any  # None between two requests
    response_headers: Any
    _line: http_head.RequestLine | None = None
    _has_rest = False

    def read_requestline(self) -> str:
        """Read the first line of a request; one that breaks off is the end, of which the base would log a traceback."""
        line: str = ""
        self.socket.settimeout(None)  # what limits this wait is here
        with gevent.Timeout(self.head if self.requestline is None else self.keep_alive, False):
            line = super().read_requestline()
            if line in ("\r\n", "\n"):  # one is to be ignored (RFC 9112, 2.2)
                line = super().read_requestline()
        return line if line.endswith("\n") or len(line) >= MAX_REQUEST_LINE else ""

    def read_request(self, raw_requestline: str) -> bool:
        """Read the rest of a head. Raises: ValueError for one that is malformed, TimeoutError."""
        self.command = self._line = self.environ = None
        self._line = http_head.read_line(raw_requestline)
        with gevent.Timeout(self.head, TimeoutError(f"expected the head within {self.head:g} s")):
            is_sound: bool = super().read_request(raw_requestline)
        if "close" in tokens(self.headers.get("Connection", "").lower()):
            self.close_connection = True
        if self._line.host is not None:
            self.path = self._line.target
            del self.headers["Host"]
            self.headers["Host"] = self._line.host
        return is_sound

    def MessageClass(self, rfile: Any, *_: Any) -> Any:  # noqa: N802 (pywsgi's name for what reads the headers)
        """Read the fields of a head. Raises: ValueError for what http_head refuses, and for too many."""
        lines, size = [], 0
        while (line := rfile.readline(http_head.MAX_HEAD)) not in (b"\r\n", b"\n", b""):
            lines.append(line)
            size += len(line)
            if len(lines) > http_head.MAX_FIELDS or size >= http_head.MAX_HEAD:
                raise BadRequest(
                    f"expected at most {http_head.MAX_FIELDS} fields and {http_head.MAX_HEAD} bytes of them"
                )
        if not line:
            raise ConnectionAbortedError("the head breaks off")
        assert self._line is not None
        message = _MESSAGE()
        for name, value in http_head.read_fields(lines, self._line.version):
            message[name] = value  # several of one name are kept apart
        return message

    def get_environ(self) -> dict[str, Any]:
        """Return the request's environment; its ``wsgi.input`` is ours if there is a body, or a wish to upgrade."""
        environ: dict[str, Any] = super().get_environ()
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        if is_chunked or self.content_length or not environ["wsgi.input_terminated"]:
            expects = environ.get("HTTP_EXPECT", "").lower() == "100-continue" and self.request_version != "HTTP/1.0"
            length = None if is_chunked else self.content_length or 0
            body = Body(self.rfile, length, self.stall, self._proceed if expects else None)
            self.wsgi_input = body
            environ["wsgi.input"], environ["wsgi.input_terminated"] = body, True
        if wants_upgrade(environ):  # the base looks at Connection or Upgrade alone, and not for a body
            environ["wsgi.input"] = UpgradeStream(self.rfile, self._unlimit)
            environ["wsgi.input_terminated"] = False
        return environ

    def _unlimit(self) -> None:
        self.socket.settimeout(None)

    def handle_one_request(self) -> Any:
        """Handle one request. What is wrong with a head is answered here, so that the answer arrives."""
        self._has_rest = False
        result = super().handle_one_request()
        if self._has_rest:
            self._part()
        if not isinstance(result, tuple):
            return result
        self.status, answer = result
        self.time_finish = time.time()
        self.requestline = ascii((self.requestline or "").rstrip("\r\n"))[1:-1]  # it may be anything
        self.response_headers, self.response_length = [], len(answer)
        # What gunicorn's access log cannot do without.
        self.environ = {"REQUEST_METHOD": "-", "RAW_URI": self.requestline, "SERVER_PROTOCOL": "-"}
        if isinstance(self.client_address, tuple):
            self.environ["REMOTE_ADDR"] = str(self.client_address[0])
        self.socket.settimeout(self.stall)
        with contextlib.suppress(OSError):
            self.socket.sendall(answer)
            self._part()
        self.log_request()
        return None

    def handle_error(self, type: Any, value: Any, traceback: Any) -> None:
        """Answer what the application raised; if the client's body was wrong, with that, and without a traceback."""
        if not isinstance(value, BodyFault):
            super().handle_error(type, value, traceback)
            return
        self.close_connection = self._has_rest = True
        LOG.info("the body of %r from %r: %s", masked(self.path), self.client_address, value)
        if not self.headers_sent:
            text = f"{value}\n".encode()
            headers = [("Content-Type", "text/plain; charset=utf-8"), ("Connection", "close")]
            with contextlib.suppress(OSError):
                self.start_response(value.status, [*headers, ("Content-Length", str(len(text)))])
                self.write(text)

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes] | None:
        """Answer a head that cannot be read. The base would log a connection lost within one as an error, twice."""
        if isinstance(ex, TimeoutError):
            return "408", self._answer("408 Request Timeout", str(ex))
        if isinstance(ex, OSError):  # also TLS that goes wrong
            return None
        if not isinstance(ex, ValueError):
            answer: tuple[str, bytes] = super()._handle_client_error(ex)
            return answer
        text = str(ex) if isinstance(ex, BadRequest) else "the head cannot be read"
        self.log_error("%s (from %r)", ex, self.client_address)
        return "400", self._answer("400 Bad Request", text)

    def discard(self) -> None:
        """Read what the application has left of the body, so that its answer arrives (RFC 9112, 9.6)."""
        body, size = self.wsgi_input, 0
        body.send_100_continue_enabled = False
        with gevent.Timeout(self.rest, False), contextlib.suppress(OSError):
            while size < _REST:
                piece = body.read(_PIECE)
                if not piece:
                    return
                size += len(piece)
                let_others_run()  # however fast it comes
        self.close_connection = self._has_rest = True

    def forget_body(self) -> None:
        """Let the base find nothing more to read: it would read without an end."""
        self.wsgi_input = Input(BytesIO(), 0)

    def _proceed(self) -> None:
        self.socket.sendall(_CONTINUE)

    def _answer(self, status: str, text: str) -> bytes:
        body = b"" if self.requestline is None or self.requestline.startswith("HEAD ") else f"{text}\n".encode()
        head = (
            f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n"
        )
        date: bytes = format_date_time(self.time_start)
        return head.encode() + b"Date: " + date + b"\r\n\r\n" + body

    def _part(self) -> None:
        """Close our half and wait for the peer's end: closing over unread bytes would reset TCP and lose the answer."""
        size = 0
        with gevent.Timeout(self.rest, False), contextlib.suppress(OSError):
            gevent_socket.socket.shutdown(self.socket, socket.SHUT_WR)
            while size < _REST and (piece := self.socket.recv(_PIECE)):
                size += len(piece)
                let_others_run()
