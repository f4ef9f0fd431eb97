"""What a program asks of a client: to follow a target or not, to send a message, to show other credentials."""

from __future__ import annotations

from typing import Any, Generic

from ...actors.words.delivery import of, plain
from ...actors.words.errors import NotRunning, UsageError
from ...actors.words.store import Store, check_store
from ...actors.words.target_names import as_target
from ...actors.words.type_variables import Answer, Message, Model
from .connectors.connector import Transport, renewing
from .connectors.credentials import Token
from .connectors.fields import HeaderOption
from .core.events import ClientEvent
from .looking import Looking
from .target_handle import TargetHandle

ANEW = "the connection is opened anew, with other credentials"


class Asking(Looking, Generic[Answer]):
    """A subclass says how it connects, and how a dispatch is answered; its ``_flush()`` sends what waits."""

    _connector: Any
    _transport: Transport | None
    _why: str

    def subscribe(
        self, target: str, store: Store[Model, Message] | None = None, *, delivery: Any = None
    ) -> TargetHandle[Model, Message, Answer]:
        """Follow another target; without a store its messages are only told to `on_change` and `on_push`.

        Returns a handle on it, which knows the types of the store.

        ``delivery`` asks for less than the topic gives (docs/delivery.md): ``"latest"``, ``delivery.sample(5)``.
        Raises: NotRunning after the end; UsageError for a rule that is none.
        """
        self._check_open()
        params = None if delivery is None else {"delivery": plain(of(delivery))}
        with self._lock:
            self._core.subscribe(as_target(target), None if store is None else check_store(store), params)
        self._flush()
        return TargetHandle(self, as_target(target))

    def target(self, target: str, store: Store[Model, Message] | None = None) -> TargetHandle[Model, Message, Answer]:
        """Return a handle on a target that this client follows; ``store``, the one that it has, gives it its types.

        Raises: UsageError if the client does not follow it, or with another store.
        """
        known = self._replica(target).store
        if store is not None and known is not store:
            raise UsageError(f"{target}: expected the store that this client follows it with, {known!r}, got {store!r}")
        return TargetHandle(self, as_target(target))

    def dispatch(self, target: str, message: Any) -> Answer:
        """Apply a message here at once, and send it. Raises as a subclass says; then nothing has happened."""
        raise NotImplementedError

    def unsubscribe(self, target: str) -> None:
        """Follow a target no more."""
        self._home.check()
        with self._lock:
            self._core.unsubscribe(as_target(target))
        self._flush()

    def set_local(self, target: str, **values: Any) -> None:
        """Give local fields of a target's model other values, here and nowhere else.

        Raises: UsageError for a field that is not in the store's ``local``.
        """
        store = self._replica(target).store
        local = () if store is None else store.local
        if unknown := sorted(set(values) - set(local)):
            raise UsageError(f"{target}: expected some of the local fields {list(local)}, got {unknown}")
        with self._lock:
            self._note(self._core.set_local(as_target(target), values))
        self._tell()

    def reauthenticate(self, headers: HeaderOption | None = None, token: Token = None) -> None:
        """Open the connection anew with other credentials, e.g. after a sign-in; None keeps those that there are.

        Session, order and messages go on: what has no answer is sent again, and applied once. The client is offline at
        once, so `wait_live` waits for the server's answer to the new credentials; a refusal closes the client. A
        ``token`` of no text sends none any more. A server resumes the session for the same user only (docs/clients.md).
        Raises: NotRunning after the end; UsageError for what no request can carry, or a connector that shows nothing.
        """
        self._check_open()
        transport = self._transport
        if transport is None:
            raise NotRunning("the client does not connect yet")
        renew = renewing(self._connector)
        if transport.reopen is None:
            raise UsageError(f"expected a transport that can reopen, got one without: {self._connector!r}")
        renew(headers, self._askable(token))
        with self._lock:
            self._core.lose()  # in front of the new connection's Hello
        self._why = ANEW
        self._go_offline()
        transport.reopen()

    # For the subclasses.

    def _flush(self) -> None:
        raise NotImplementedError

    def _askable(self, token: Token) -> Token:
        """Return a token's function as the connector may call it."""
        return token

    def _go_offline(self) -> None:
        raise NotImplementedError

    def _note(self, events: list[ClientEvent]) -> None:
        raise NotImplementedError
