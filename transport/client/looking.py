"""What a program may look at in a client: its state, how it stands with each target, and the models."""

from __future__ import annotations

from typing import Any

from ...actors.words.errors import NotRunning, Refused, UsageError
from ...actors.words.target_names import as_target
from .core.core import ClientCore
from .core.replica import Replica
from .core.states import Closed, Connecting, Live, State
from .core.target_states import Following, Out, TargetState, target_state
from .telling import Telling


class Looking(Telling):
    """Looks at ``core`` from any greenlet or thread of the client's process."""

    def __init__(self, core: ClientCore) -> None:
        super().__init__()
        self._core = core
        self._state: State = Connecting()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.client_id or '(no id yet)'} {self.state}>"

    @property
    def state(self) -> State:
        """One of `nuphar.states`: ``Connecting()``, ``Live(…)``, ``Offline(since, why)``, ``Closed(code, reason)``."""
        return self._state

    @property
    def is_live(self) -> bool:
        """Whether there is a connection and the server has said Welcome."""
        return isinstance(self._state, Live)

    @property
    def is_closed(self) -> bool:
        """Whether it is over."""
        return isinstance(self._state, Closed)

    @property
    def client_id(self) -> str:
        """The id that the server gave, empty before the first Welcome."""
        return self._core.client_id

    def model(self, target: str) -> Any:
        """Return what is to be shown of a target: `confirmed` with `pending` applied on top.

        Raises: UsageError if the client does not follow it.
        """
        return self._replica(target).model

    def confirmed(self, target: str) -> Any:
        """Return the server's model of a target, as far as it has been heard here."""
        return self._replica(target).confirmed

    def pending(self, target: str) -> list[Any]:
        """Return the messages of this client that are not part of `confirmed` yet, in order."""
        with self._lock:
            return [own.message for own in self._replica(target).pending]

    def seq(self, target: str) -> int:
        """Return the seq of `confirmed`."""
        return self._replica(target).seq

    def status(self, target: str) -> TargetState:
        """Return how it stands with a target: ``Waiting()``, ``Following()``, ``Out(code, text, details)``.

        They are in `nuphar.states`. Raises: UsageError if the client does not follow it.
        """
        replica = self._replica(target)
        return target_state(replica.is_subscribed, replica.refused)

    def _check_open(self) -> None:
        self._home.check()
        if self.is_closed:
            raise NotRunning(f"the client is {self._state}")

    def _is_settled(self) -> bool:
        self._check_open()
        return self._core.is_settled()

    def _follows(self, target: str) -> bool:
        """Say whether this connection follows ``target``. Raises: NotRunning, Refused with why it will not."""
        self._check_open()
        match self.status(target):
            case Out(code, text, details):
                raise Refused(code, text, details)
            case Following():
                return self.is_live
        return False

    def _replica(self, target: str) -> Replica:
        self._home.check()
        replica = self._core.replicas.get(as_target(target))
        if replica is None:
            raise UsageError(f"this client does not follow {target!r}; it follows {sorted(self._core.replicas)}")
        return replica
