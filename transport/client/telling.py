"""How a client tells its program: hooks, called one at a time and in order, by whoever finds something to tell."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from threading import Lock, RLock
from typing import Any, TypeVar

from ...actors.runtime.forks import HomeProcess
from ...actors.words.errors import Refused
from ...actors.words.parameters import by_name
from .core.replica import OwnMessage
from .hook_types import CLIENT_PARAMETERS, ChangeHook, PushHook, RefusedHook, RejectedHook, StateHook

logger = logging.getLogger("nuphar.client")

C = TypeVar("C", bound=ChangeHook)
P = TypeVar("P", bound=PushHook)
R = TypeVar("R", bound=RejectedHook)
F = TypeVar("F", bound=RefusedHook)
S = TypeVar("S", bound=StateHook)


class Telling:
    """The hooks of a client; a hook may use the client. ``_look()`` is called whenever something is new.

    A hook takes those of its parameters that it wants, by their names and in any order (docs/typing.md). Each raises
    UsageError for one that takes others.
    """

    def __init__(self) -> None:
        self._home = HomeProcess("this client")
        self._lock = RLock()
        self._telling = Lock()
        self._events: deque[tuple[list[Callable[..., Any]], tuple[Any, ...]]] = deque()
        self._changes: list[Callable[..., Any]] = []
        self._pushes: list[Callable[..., Any]] = []
        self._rejections: list[Callable[..., Any]] = []
        self._refusals: list[Callable[..., Any]] = []
        self._states: list[Callable[..., Any]] = []
        self._unheard: list[tuple[Any, ...]] = []  # of an earlier run; no more than its queue held

    def on_change(self, hook: C) -> C:
        """Decorate ``hook(target, model, message)``; ``message`` is None when more than one message changed the model.

        A message of this client is told when it is dispatched, and not again when the server has confirmed it.
        """
        self._changes.append(_checked("on_change", hook))
        return hook

    def on_push(self, hook: P) -> P:
        """Decorate ``hook(target, message)``, for messages outside any order."""
        self._pushes.append(_checked("on_push", hook))
        return hook

    def on_rejected(self, hook: R) -> R:
        """Decorate ``hook(target, message, refused)``, for each message of this client that was not applied.

        It has been taken out of the model already. Also for what an earlier run of the program left in its queue: that
        waits for the first such hook, since nobody else asks about it.
        """
        self._home.check()
        checked = _checked("on_rejected", hook)
        with self._lock:
            self._rejections.append(checked)
            unheard, self._unheard = self._unheard, []
            self._events.extend((self._rejections, arguments) for arguments in unheard)
        if unheard:
            self._tell()
        return hook

    def on_refused(self, hook: F) -> F:
        """Decorate ``hook(target, refused)``, for each target that the server does not let this client follow.

        When it is asked, or later, when a right is withdrawn: ``refused.code`` says why, and `status` keeps it.
        """
        self._refusals.append(_checked("on_refused", hook))
        return hook

    def on_state(self, hook: S) -> S:
        """Decorate ``hook(state)``, called with every new `state`."""
        self._states.append(_checked("on_state", hook))
        return hook

    def _look(self) -> None:
        raise NotImplementedError

    def _note_rejection(self, own: OwnMessage, refused: Refused, is_of_before: bool) -> None:
        arguments = (own.target, own.message, refused)
        if is_of_before and not self._rejections:
            self._unheard.append(arguments)
        else:
            self._events.append((self._rejections, arguments))

    def _tell(self) -> None:
        """Call the hooks, unless somebody is at it, who goes on with ours."""
        while self._events and self._telling.acquire(blocking=False):
            try:
                while self._events:
                    hooks, arguments = self._events.popleft()
                    for hook in list(hooks):
                        self._call(hook, arguments)
            finally:
                self._telling.release()
        self._look()

    def _call(self, hook: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            hook(*arguments)
        except Exception:
            logger.exception("a hook of the client raised")


def _checked(name: str, hook: Any) -> Callable[..., Any]:
    return by_name(name, hook, CLIENT_PARAMETERS[name])
