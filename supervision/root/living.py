"""The part of a server with which a program starts it, has it listen, looks at it and stops it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from ..watch.live_tree import Node
from .inside import is_inside
from .lifecycle import Lifecycle


class Living:
    """What a server's ``lifecycle`` does, under the names that programs use. Safe from any greenlet and OS thread."""

    lifecycle: Lifecycle

    def start(self) -> Self:
        """Start the tree on this thread's hub, and return the server.

        Raises: AlreadyStarted; NotRunning if it has been stopped, for a server is started once.
        """
        self.lifecycle.start()
        return self

    def ensure_started(self) -> bool:
        """Start the server in this process unless somebody has, or wait for who does; True if this call did.

        Raises: NotRunning if it has been stopped, and in a fork if its parent serves.
        """
        return self.lifecycle.ensure_started()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop everything within ``timeout`` seconds, from the bottom of the tree up; does nothing the second time.

        Each subscriber gets one final Acknowledge for each of its topics before the router ends. Inside an actor of
        this server, such as in a hook or a store's update, it returns at once: who waited there would hold up the stop.
        """
        root = self.lifecycle.root
        if root is not None and not self.lifecycle.home.is_foreign and is_inside(root):
            root.host.spawn(self.lifecycle.stop, timeout)
        else:
            self.lifecycle.stop(timeout)

    def __enter__(self) -> Self:
        self.ensure_started()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def hub(self) -> Any:
        """The hub that everything runs on, None before the start."""
        return self.lifecycle.hub

    @property
    def is_running(self) -> bool:
        """Whether the server has been started and not been stopped."""
        return self.lifecycle.is_running

    @property
    def has_ended(self) -> bool:
        """Whether the tree has ended, by a stop or because it gave up."""
        return self.lifecycle.has_ended

    def check_running(self) -> None:
        """Raise NotRunning unless the server runs."""
        self.lifecycle.check_running()

    def listen(self, wsgi: Any) -> None:
        """Add a gevent WSGI server to the tree as its last child, which is the first to stop."""
        self.lifecycle.listen(wsgi)

    def on_end(self, callback: Callable[[], Any]) -> None:
        """Call ``callback()`` once the tree has ended, by a stop or because it gave up."""
        self.lifecycle.on_end(callback)

    def tree(self) -> Node:
        """Return the live tree: ids, states, restarts, mailbox lengths, ages, last reasons.

        Raises: NotRunning.
        """
        return self.lifecycle.look()
