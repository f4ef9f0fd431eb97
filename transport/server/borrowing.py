"""WebSockets of the application behind us where the WSGI server is gunicorn's own, and its handler cannot upgrade."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable, Iterator
from typing import Any

from gevent import socket as gevent_socket
from geventwebsocket.handler import Client

from ...actors.runtime.log_throttle import ThrottledLogger
from .gevent_websockets import KEY, BadHandshake, Lending, asks
from .wsgi_types import App, Environ, StartResponse

LOG = ThrottledLogger("nuphar.transport")


class Borrowed(Lending):
    """A handler for a request whose head was read by gunicorn."""

    def __init__(self, environ: Environ, start_response: StartResponse, sock: Any, server: Borrowing) -> None:
        address = environ.get("REMOTE_ADDR", ""), environ.get("REMOTE_PORT", "")
        super().__init__(sock, address, server)
        self.environ, self.application = environ, server.application
        self._answer = start_response
        self._head = b""

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        """Keep what gevent-websocket answers: gunicorn 23 would call it chunked."""
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "", ""]
        self._head = "\r\n".join(lines).encode("latin-1")

    def send_upgrade(self) -> None:
        """Write the head of the 101."""
        self.socket.sendall(self._head)

    def begin(self, *arguments: Any) -> Any:
        """Begin the application's answer: its ``start_response``. After an upgrade there is none."""
        return self._answer(*arguments) if self.lent is None else _nothing

    def parts(self, result: Iterable[bytes]) -> Iterator[bytes]:
        """Give the parts of the application's answer, and see its WebSocket to its end."""
        try:
            for part in result:
                if self.lent is None:
                    yield part
        except BadHandshake as error:
            yield from self.refuse(error)
        except BaseException as error:
            self.end(error)
            raise
        finally:
            if hasattr(result, "close"):
                result.close()
        self.end()

    def refuse(self, error: BadHandshake) -> list[bytes]:
        """Answer a handshake that cannot be upgraded."""
        LOG.warning("upgrade of %r refused: %s", self.environ.get("PATH_INFO"), error)
        self.end()
        return error.refuse.respond(self._answer)

    def end(self, error: BaseException | None = None) -> None:
        """Take back what was lent; ``error`` is what the application raised.

        Raises: BrokenPipeError if the connection was upgraded, and so is over.
        """
        lent = self.lent
        self.take_back()
        self.rfile.close()  # else the socket stays open
        self.environ.pop(KEY, None)
        if lent is None:
            return
        self.lent = None
        with contextlib.suppress(OSError):
            gevent_socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        if isinstance(error, Exception):
            LOG.error("the WebSocket at %r failed", self.environ.get("PATH_INFO"), exc_info=error)
        if error is None or isinstance(error, Exception):
            raise BrokenPipeError(errno.EPIPE, "the application's WebSocket has ended") from None


class Borrowing:
    """An application, with WebSockets also under gunicorn's workers ``gevent`` and ``gevent_pywsgi``.

    Those hand on the connection itself. Once the application has upgraded it, the worker must write nothing, and read
    no request behind it: that is said with a BrokenPipeError, which both take for a client that has gone.
    """

    def __init__(self, application: App) -> None:
        self.application = application
        self.clients: dict[Any, Client] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        sock = environ.get("gunicorn.socket", environ.get("gunicorn.sock"))
        if KEY in environ or not asks(environ) or not isinstance(sock, gevent_socket.socket):
            return self.application(environ, start_response)
        handler = Borrowed(environ, start_response, sock, self)
        handler.offer()
        try:
            result = self.application(environ, handler.begin)
        except BadHandshake as error:
            return handler.refuse(error)
        except BaseException as error:  # a StopIteration too, with which simple-websocket says that it is over
            handler.end(error)
            raise
        return handler.parts(result)


def _nothing(data: bytes) -> None:
    """Write nothing: the socket is the WebSocket's."""
