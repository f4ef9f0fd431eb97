"""Sessions that can be resumed, by the id that their client was told. Pure: time comes in as an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import Session
    from .tokens import Tokens

DETACHED = 10_000
"""Sessions without a connection that are kept, unless told otherwise: at worst 24 KiB of answers each."""


class Resumable:
    """What a client finds again when it comes back. ``lost_at`` is None while it has a connection.

    ``close(code, reason)`` ends that connection. Of ``session`` the client id, the answers and the names of its targets
    matter: a store outside this process would keep them as plain data, beside the id, the identity and the tokens.
    """

    __slots__ = ("close", "id", "identity", "lost_at", "session", "tokens")

    def __init__(
        self, id: str, session: Session, tokens: Tokens, identity: str | None, close: Callable[[int, str], None]
    ) -> None:
        self.id = id
        self.session = session
        self.tokens = tokens
        self.identity = identity
        self.close = close
        self.lost_at: float | None = None


class MemoryBook:
    """The port `SessionBook` in this process's memory; ``window`` seconds without a connection end a session."""

    def __init__(self, window: float, bound: int = DETACHED) -> None:
        self._window = window
        self._bound = bound
        self._connected: dict[str, Resumable] = {}
        self._detached: dict[str, Resumable] = {}  # whoever lost its connection first comes first

    def __len__(self) -> int:
        return len(self._connected) + len(self._detached)

    @property
    def detached(self) -> int:
        """How many have no connection."""
        return len(self._detached)

    def save(self, resumable: Resumable) -> None:
        (self._connected if resumable.lost_at is None else self._detached)[resumable.id] = resumable

    def get(self, id: str) -> Resumable | None:
        return self._connected.get(id) or self._detached.get(id)

    def take(self, id: str) -> Resumable | None:
        return self._connected.pop(id, None) or self._detached.pop(id, None)

    def expire(self, now: float) -> list[Resumable]:
        due: list[Resumable] = []
        excess = len(self._detached) - self._bound
        for resumable in self._detached.values():
            assert resumable.lost_at is not None
            if len(due) >= excess and now - resumable.lost_at < self._window:
                break
            due.append(resumable)
        for resumable in due:
            del self._detached[resumable.id]
        return due
