"""The life of one server: its tree is started, watched over, looked at and stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from gevent.hub import get_hub

from ...actors.runtime.forks import Home, cut_off
from ...actors.runtime.ref import Ref
from ...actors.words.errors import AlreadyStarted, NotRunning
from ...actors.words.exit_reasons import KILLED, Shutdown
from ..otp.administration import start_child
from ..otp.policy import Intensity
from ..otp.supervisor import Supervisor
from ..watch.hub_guard import HubGuard
from ..watch.inspector import inspector
from ..watch.live_tree import Node, look
from . import tree

if TYPE_CHECKING:
    from .server import Server

logger = logging.getLogger("nuphar.supervision")


class Life:
    """``root`` is the tree's supervisor, None before the start; ``hub`` the hub that everything runs on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.home = Home("this server", self._let_go)
        self._serves_elsewhere = False
        self.root: Ref[Supervisor] | None = None
        self.hub: Any = None
        self.guard: HubGuard | None = None
        self.listening: dict[str, Any] = {}
        """The WSGI servers, by name; they come last in the tree."""
        self.has_stopped = False
        self._started = 0.0
        self._on_end: list[Callable[[], Any]] = []

    @property
    def is_running(self) -> bool:
        """Whether the server has been started and not been stopped."""
        return self.root is not None and not self.has_stopped and not self.home.is_foreign

    def check_running(self) -> Ref[Supervisor]:
        """Return the root.

        Raises: NotRunning unless the server runs, and in a fork of the process that started it.
        """
        if self.has_stopped:
            raise NotRunning("the server has stopped")
        if self.root is None:
            raise NotRunning("the server has not been started: call start()")
        self.home.check()
        return self.root

    def start(self) -> None:
        """Start the tree on this thread's hub.

        Raises: AlreadyStarted; NotRunning if it has been stopped, for a server is started once.
        """
        if self.root is None:
            self.home.move()
        self.home.check()
        if self.has_stopped:
            raise NotRunning("the server has been stopped: make a new one")
        if self.root is not None:
            raise AlreadyStarted("the server has been started already")
        self.hub = get_hub()
        options = self._server.options
        if options.inspect is not None:
            self.listening["inspector"] = inspector(self._server, options.inspect)
        self.root = tree.start(self._server)
        self._started = time.monotonic()
        if options.hub_guard:
            self.guard = HubGuard(self.hub, options.hub_guard)
            self.guard.start()
        gevent.spawn(self._watch, self.root)

    def move(self) -> bool:
        """Go on in this process, which serves, if it is a fork of one that did not; True if this call did.

        A WSGI server forks its workers from a process that has imported the application, and perhaps started it.
        """
        if not self.home.is_foreign or self._serves_elsewhere or self.root is None:
            return False
        self.home.move()
        if self.guard is not None and (limit := self._server.options.hub_guard):  # its thread has stayed behind
            self.guard = HubGuard(get_hub(), limit)
            self.guard.start()
        return True

    def stop(self, timeout: float) -> None:
        """Stop the tree within ``timeout`` seconds, from the bottom up; does nothing the second time, or in a fork."""
        if self.home.is_foreign:
            return
        deadline = time.monotonic() + timeout
        self.has_stopped = True
        if self.root is None:
            return
        self.root.shut_down(Shutdown(deadline=deadline))
        if self.root.wait_down(timeout) is None:
            logger.error("the server did not stop within %s s and is killed", timeout)
            self.root.kill()
            self._server.gateway.abort_all()
            self.root.wait_down(1.0)

    def listen(self, wsgi: Any) -> None:
        """Add a gevent WSGI server to the tree as its last child, which is the first to stop."""
        start_child(self.check_running(), tree.listener("listener", wsgi))
        self.listening["listener"] = wsgi

    def on_end(self, callback: Callable[[], Any]) -> None:
        """Call ``callback()`` once the tree has ended, by a stop or because it gave up."""
        self._on_end.append(callback)

    def look(self) -> Node:
        """Return the live tree.

        Raises: NotRunning.
        """
        return look(self.check_running(), time.monotonic() - self._started)

    def _let_go(self) -> None:
        """In a forked child: if the parent serves, everything is the parent's."""
        wsgi = self.listening.get("listener")
        self._serves_elsewhere = wsgi is not None or bool(self._server.gateway.connections)
        if wsgi is not None and (sock := getattr(wsgi, "socket", None)) is not None:
            cut_off([sock.fileno()])
            wsgi.stop_accepting()

    def _watch(self, root: Ref[Supervisor]) -> None:
        """Start the tree anew if its root was killed, which nobody else can do; end if it gave up or was stopped."""
        rebirths = Intensity(tree.INTENSITY, tree.PERIOD)
        while True:
            reason = root.wait_down(None)
            if self.has_stopped or reason != KILLED or not rebirths.allow(time.monotonic()):
                break
            logger.error("the root of the server's tree was killed: the tree starts anew")
            root = self.root = tree.start(self._server)
        if not self.has_stopped:
            self.has_stopped = True
            logger.critical("the server has given up: its actors crashed too often (%r)", reason)
        self._server.gateway.abort_all()
        if self.guard is not None:
            self.guard.stop()
        for callback in self._on_end:
            try:
                callback()
            except Exception:
                logger.exception("a callback of on_end raised")
