"""gevent's WSGI server, with an end to each TLS handshake.

pywsgi greets a client over TLS before any handler exists, waits for as long as the client likes, and writes a traceback
for each that gives up.
"""

from __future__ import annotations

import contextlib
from typing import Any

import gevent
from gevent import pywsgi

from ...actors.runtime.log_throttle import ThrottledLogger

LOG = ThrottledLogger("nuphar.transport")


class TlsGreeting(pywsgi.WSGIServer):  # type: ignore[misc]  # gevent has no types
    """Mix it into a WSGI server of gevent's; without TLS it changes nothing."""

    greeting = 15.0
    """Seconds that a client's TLS handshake may take: as long as the head of a request (`WSGIHandler.head`)."""

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> Any:
        """Greet a client and handle its requests; one that fails to greet is a line in the log."""
        try:
            with gevent.Timeout(self.greeting, TimeoutError(f"expected it within {self.greeting:g} s")):
                secure = self.wrap_socket(client_socket, **self.ssl_args)
        except OSError as error:  # SSLError is one
            LOG.info("the TLS handshake of %r failed: %s", address, error)
            client_socket.close()
            return None
        try:
            return self.handle(secure, address)
        finally:
            with contextlib.suppress(OSError):
                secure.close()


class WSGIServer(TlsGreeting):
    """What `nuphar.serve` runs: take it for an embedded server with TLS of its own."""
