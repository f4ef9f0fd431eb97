"""``nuphar serve --workers``: a master that keeps several worker processes serving one port.

Each worker has its own interpreter and its own server, and so its own state. The kernel shares out connections among
their listening sockets (SO_REUSEPORT). The master never imports the program, so that new workers run new code.
"""

from __future__ import annotations

import logging
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import gevent
import pykka
from gevent.event import Event

from ...actors.runtime.ref import Ref
from ...actors.words.errors import SupervisionError, UsageError
from ...actors.words.exit_reasons import Shutdown
from ...transport.server.addresses import cannot_listen, url_of
from ..otp import administration
from ..otp.dynamic import DynamicSupervisor, TerminateRef
from ..otp.policy import Backoff
from ..processes.spec import process
from .serve import on_signals
from .worker import ServingWorker

logger = logging.getLogger("nuphar.supervision")

WORKER_START_TIMEOUT = 60.0
"""Seconds that a worker may take to import the program and to listen."""

MARGIN = 1.0
"""Seconds that a worker gets beyond its server's stop before it is killed."""

WORKER_BACKOFF = Backoff(0.2, 10.0, 0.2, reset=10.0)
"""A worker that ends within ten seconds of its start counts as one that fails."""

RETIRE_PAUSE = 0.1
"""Seconds between two looks at a worker that is to go and happens to be restarting."""


def serve_workers(
    server: str,
    app: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    workers: int,
    path: str = "/live",
    on_start: Callable[[str], None] | None = None,
    stop_timeout: float = 5.0,
) -> None:
    """Serve ``server`` and ``app`` (``"module:name"``) with so many ``workers``, and block until SIGINT or SIGTERM.

    A worker that ends is started again. SIGHUP replaces them one by one: a new one first, then the old one says Bye.
    ``on_start(url)`` is called when all of them listen. Call it from the main thread.
    Raises: CannotListen (an OSError) if the address cannot be bound, UsageError, and the RemoteError or other
    SupervisionError that ended a worker's very first start.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise UsageError(f"workers: expected a number above 0, got {workers!r}")
    with reserve(host, port) as reserved:
        port = reserved.getsockname()[1]
        group = Workers(server, app, host, port, path, stop_timeout)
        over, renewal = Event(), Event()
        with on_signals({signal.SIGINT: over.set, signal.SIGTERM: over.set, signal.SIGHUP: renewal.set}):
            beginning = gevent.spawn(group.start, workers)
            try:
                gevent.wait([beginning, over], count=1)
                if not over.is_set():
                    if (error := beginning.get()) is not None:
                        raise error
                    if on_start is not None:
                        on_start(url_of((host, port)))
                    group.on_end(over.set)
                    renewing = gevent.spawn(group.renew_when, renewal)
                    over.wait()
                    renewing.kill()
            finally:
                beginning.kill()
                group.stop()


class Workers:
    """The worker processes, under a supervisor."""

    def __init__(self, server: str, app: str | None, host: str, port: int, path: str, stop_timeout: float) -> None:
        self._args = (server, app, host, port, path, stop_timeout)
        self._stop_timeout = stop_timeout
        self._number = 0
        self._top: Ref[Any] = DynamicSupervisor.start_link(name="workers")

    def start(self, count: int) -> Exception | None:
        """Start so many, one after the other; return what the first that fails raised."""
        for _ in range(count):
            try:
                self._start_one()
            except Exception as error:
                return error
        return None

    def renew_when(self, event: Event) -> None:
        """Renew the workers whenever ``event`` is set; runs for ever."""
        while event.wait():
            event.clear()
            self.renew()

    def renew(self) -> None:
        """Replace every worker by a new one, the oldest first; somebody listens all the time.

        If a new one does not start, the old ones that are left stay.
        """
        for old in reversed(administration.which_children(self._top, self._patience)):
            try:
                self._start_one()
            except Exception as error:
                logger.error("%s stays, because its successor did not start: %s", old.id, error)
                return
            self._retire(old.id)
            logger.info("%s was replaced by worker-%d", old.id, self._number)

    def stop(self) -> None:
        """Stop all of them together, each with its own stop cascade; kill those that are late."""
        wait = self._stop_timeout + MARGIN
        self._top.shut_down(Shutdown(deadline=time.monotonic() + wait))
        if self._top.wait_down(wait + MARGIN) is None:
            self._top.kill()
            self._top.wait_down(MARGIN)

    def on_end(self, callback: Callable[[], Any]) -> None:
        """Call ``callback()`` when the workers' supervisor has ended."""
        gevent.spawn(self._top.wait_down, None).link(lambda _: callback())

    @property
    def _patience(self) -> float:
        # The supervisor does one thing at a time: it may be starting a worker, or stopping one.
        return 2 * WORKER_START_TIMEOUT + 2 * (self._stop_timeout + MARGIN)

    def _start_one(self) -> None:
        self._number += 1
        spec = process(
            f"worker-{self._number}",
            ServingWorker,
            *self._args,
            start_timeout=WORKER_START_TIMEOUT,
            shutdown=self._stop_timeout + MARGIN,
            backoff=WORKER_BACKOFF,
        )
        try:
            administration.start_child(self._top, spec, self._patience)
        except administration.StartFailed as error:
            if isinstance(error.__cause__, pykka.Timeout):
                raise SupervisionError(f"a worker did not start within {WORKER_START_TIMEOUT:g} seconds") from error
            raise (error.__cause__ or error) from None

    def _retire(self, id: str) -> None:
        while True:
            children = {child.id: child.child for child in administration.which_children(self._top, self._patience)}
            if id not in children:
                return
            if (ref := children[id]) is None:
                gevent.sleep(RETIRE_PAUSE)
            else:
                self._top.ask(TerminateRef(ref), timeout=self._patience)


def reserve(host: str, port: int) -> socket.socket:
    """Return a socket that is bound, shared and not listening: it keeps the port for the workers.

    Raises: CannotListen (an OSError) if the address is in use, UsageError if this system cannot share a port.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise UsageError("this system cannot share a port among processes (it has no SO_REUSEPORT): use one worker")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reserved = socket.socket(family, socket.SOCK_STREAM)
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Unshared first: or we would quietly share the port with another master.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((host, port))
    except OSError as error:
        reserved.close()
        raise cannot_listen((host, port), error) from error
    return reserved
