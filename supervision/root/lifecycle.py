"""The life of one server: its tree is started once, watched over, looked at and stopped."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
import pykka
from gevent.hub import get_hub

from ...actors.runtime.forks import HomeProcess, cut_off
from ...actors.runtime.future import Future
from ...actors.runtime.once import Once
from ...actors.runtime.ref import Ref
from ...actors.words.errors import AlreadyStarted, NotRunning
from ...actors.words.exit_reasons import KILLED, Reason, Shutdown
from ...transport.server.addresses import cannot_listen
from ..otp.administration import StartFailed, start_child
from ..otp.policy import Intensity
from ..otp.supervisor import Supervisor
from ..watch.hub_guard import HubGuard
from ..watch.inspector import Inspected, inspector
from ..watch.live_tree import Node, look
from . import tree
from .books import Books
from .options import Options

StartTree = Callable[[], Ref[Supervisor]]

logger = logging.getLogger("nuphar.supervision")

SECOND_START_TIMEOUT = 30.0
"""Seconds for which a second request waits for the start that the first one began."""


class Lifecycle:
    """``root`` is the tree's supervisor, None before the start; ``hub`` the hub that everything runs on.

    ``start()`` starts the tree over ``books``; ``inspected`` is what the inspector shows.
    """

    def __init__(self, start: StartTree, books: Books, options: Options, inspected: Inspected) -> None:
        self._start_tree = start
        self._gateway = books.gateway
        self.listening = books.listening
        self._options = options
        self._inspected = inspected
        self.home = HomeProcess("this server", self._let_go)
        self._serves_elsewhere = False
        self.root: Ref[Supervisor] | None = None
        self.hub: Any = None
        self.guard: HubGuard | None = None
        self.has_stopped = False
        self._started = 0.0
        self._beginning = Once()
        self._deadline: float | None = None
        self._ended = Future()
        self._on_end: deque[Callable[[], Any]] = deque()

    @property
    def is_running(self) -> bool:
        """Whether the server has been started and not been stopped."""
        return self.root is not None and not self.has_stopped and not self.home.is_foreign

    @property
    def has_begun(self) -> bool:
        """Whether a start is under way, or was done: then a new topic has to tell the tree of itself."""
        return self._beginning.is_taken

    @property
    def has_ended(self) -> bool:
        """Whether the tree has ended, by a stop or because it gave up."""
        return self._ended.is_set

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
        if not self._beginning.do(self._start):
            if self.has_stopped:
                raise NotRunning("the server has been stopped: make a new one")
            self.home.check()
            raise AlreadyStarted("the server has been started already")

    def ensure_started(self) -> bool:
        """Start the tree unless somebody has, or wait until it stands; True if this call started it.

        Raises: NotRunning if it has been stopped, or is its parent's that serves; what the start raised, pykka.Timeout.
        """
        begins = self.move() if self.root is not None else self._beginning.do_or_wait(self._start, SECOND_START_TIMEOUT)
        self.check_running()
        return begins

    def move(self) -> bool:
        """Go on in this process, which serves, if it is a fork of one that did not; True if this call did.

        A WSGI server forks its workers from a process that has imported the application, and perhaps started it.
        """
        if not self.home.is_foreign or self._serves_elsewhere or self.root is None:
            return False
        self.home.move()
        if self.guard is not None and (limit := self._options.hub_guard):  # its thread has stayed behind
            self.guard = HubGuard(get_hub(), limit)
            self.guard.start()
        return True

    def stop(self, timeout: float) -> None:
        """Stop the tree within ``timeout`` seconds, from the bottom up; a second stop waits for the first.

        Does nothing in a fork.
        """
        if self.home.is_foreign:
            return
        self._deadline = time.monotonic() + timeout
        self.has_stopped = True  # said before we look: a start that we do not see yet will see it
        if not self._beginning.wait(timeout) or self.root is None:
            return  # nobody has started it; a start that takes longer ends by itself
        self.root.shut_down(Shutdown(deadline=self._deadline))
        if not self._wait_ended(self._deadline - time.monotonic()):
            logger.error("the server did not stop within %s s and is killed", timeout)
            self.root.kill()
            self._gateway.abort_all()
            self._wait_ended(1.0)

    def listen(self, wsgi: Any) -> None:
        """Add a gevent WSGI server to the tree as its last child, which is the first to stop.

        Raises: NotRunning, CannotListen if its address cannot be bound, ChildAlreadyStarted for a second one.
        """
        root = self.check_running()
        # Noted before we wait: a tree that starts anew meanwhile has it too.
        self.listening.setdefault("listener", wsgi)
        try:
            start_child(root, tree.listener("listener", wsgi, self._gateway))
        except pykka.ActorDeadError:
            self.check_running()  # the root was killed, and `_watch` starts the listener with its successor
        except BaseException as error:
            if self.listening.get("listener") is wsgi:
                del self.listening["listener"]
            if isinstance(error, StartFailed) and isinstance(error.__cause__, OSError):
                raise cannot_listen(wsgi.address, error.__cause__) from error
            raise

    def on_end(self, callback: Callable[[], Any]) -> None:
        """Call ``callback()`` once the tree has ended, by a stop or because it gave up; at once if it has already."""
        self._on_end.append(callback)
        if self.has_ended:
            self._tell_the_end()

    def look(self) -> Node:
        """Return the live tree.

        Raises: NotRunning.
        """
        return look(self.check_running(), time.monotonic() - self._started)

    def _start(self) -> None:
        self.home.move()
        if self.has_stopped:
            raise NotRunning("the server has been stopped: make a new one")
        self.hub = get_hub()
        options = self._options
        try:
            if options.inspect is not None and (wsgi := inspector(self._inspected, options.inspect)) is not None:
                self.listening["inspector"] = wsgi
            root = self._start_tree()
        except BaseException:
            if (bound := self.listening.pop("inspector", None)) is not None:
                bound.close()
            raise
        self.root = root
        self._started = time.monotonic()
        if options.hub_guard:
            self.guard = HubGuard(self.hub, options.hub_guard)
            self.guard.start()
        gevent.spawn(self._watch, root)

    def _wait_ended(self, timeout: float) -> bool:
        try:
            self._ended.get(timeout=max(0.0, timeout))
        except pykka.Timeout:
            return False
        return True

    def _let_go(self) -> None:
        """In a forked child: if the parent serves, everything is the parent's."""
        wsgi = self.listening.get("listener")
        self._serves_elsewhere = wsgi is not None or bool(self._gateway.connections)
        if wsgi is not None and (sock := getattr(wsgi, "socket", None)) is not None:
            cut_off([sock.fileno()])
            wsgi.stop_accepting()

    def _watch(self, root: Ref[Supervisor]) -> None:
        """Start the tree anew if its root was killed, which nobody else can do; end if it gave up or was stopped."""
        rebirths = Intensity(tree.INTENSITY, tree.PERIOD)
        reason: Reason | Exception | None = None
        while True:
            if self.has_stopped:  # while it started: whoever stops may have seen no root, or another one
                root.shut_down(Shutdown(deadline=self._deadline))
            reason = root.wait_down(None)
            if self.has_stopped or reason != KILLED or not rebirths.allow(time.monotonic()):
                break
            logger.error("the root of the server's tree was killed: the tree starts anew")
            known = set(self.listening)
            try:
                root = self.root = self._start_tree()
            except Exception as error:
                reason = error
                break
            for name in self.listening.keys() - known:  # `listen` met the old root
                try:
                    start_child(root, tree.listener(name, self.listening[name], self._gateway))
                except Exception:
                    logger.exception("%s did not start with the new tree", name)
        if not self.has_stopped:
            self.has_stopped = True
            logger.critical("the server has given up: its actors crashed too often (%r)", reason)
        self._gateway.abort_all()
        if self.guard is not None:
            self.guard.stop()
        self._ended.set()
        self._tell_the_end()

    def _tell_the_end(self) -> None:
        while self._on_end:
            try:
                callback = self._on_end.popleft()
            except IndexError:  # another thread tells it just now
                return
            try:
                callback()
            except Exception:
                logger.exception("a callback of on_end raised")
