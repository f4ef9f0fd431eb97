"""What pywsgi tells the log about requests, throttled: each of them is a client's."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from gevent import GreenletExit

from ....actors.runtime.log_throttle import ThrottledLogger
from ...wire.secret_names import masked

LOG = ThrottledLogger("nuphar.transport")


class RequestLog:
    """A part of a handler of gevent's pywsgi, before it in the order of bases."""

    client_address: Any

    def log_error(self, msg: str, *args: Any) -> None:
        """Log a request that cannot be read; pywsgi would write a line for each to the server's ``error_log``."""
        values = [masked(str(each)) for each in args or (msg,)]
        LOG.warning(f"request refused: {msg}" if args else "request refused: %s", *values)

    def _log_error(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        """Log what an application raised; pywsgi would have the hub print all of it, and the environment too."""
        if not issubclass(kind, GreenletExit):
            command, path = getattr(self, "command", None), masked(str(getattr(self, "path", None)))
            LOG.error("%s of %.200r from %r failed", command, path, self.client_address, exc_info=error)
