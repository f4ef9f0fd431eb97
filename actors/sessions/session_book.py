"""Sessions that can be resumed, by the id that their client was told. Pure: time comes in as an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .session import Session
    from .tokens import Tokens

DETACHED = 10_000
"""Sessions without a connection that are kept, unless told otherwise."""

DETACHED_BYTES = 256 << 20
"""Bytes that all of them may hold, unless told otherwise (`weight.weigh`): subscriptions, answers, their own stores."""


class Resumable:
    """What a client finds again when it comes back. ``lost_at`` is None while it has a connection.

    ``close(code, reason)`` ends that connection. ``weight`` are the bytes that it held when it lost the last one.
    Of ``session`` the client id, the identity, the answers and the names of its targets matter: a store outside this
    process would keep them as plain data, beside the id and the tokens.
    """

    __slots__ = ("close", "id", "lost_at", "session", "tokens", "weight")

    def __init__(self, id: str, session: Session, tokens: Tokens, close: Callable[[int, str], None]) -> None:
        self.id = id
        self.session = session
        self.tokens = tokens
        self.close = close
        self.lost_at: float | None = None
        self.weight = 0


class SessionBook(Protocol):
    """The sessions that clients can find again, by id: one with a connection, and one that waits for its client.

    `MemoryBook` keeps them where they run. A book that several workers share would make a session resumable
    on any of them: it needs no other operations, but has to keep plain data (see `Resumable`).
    """

    def __len__(self) -> int: ...

    @property
    def detached(self) -> int:
        """How many have no connection."""

    @property
    def detached_bytes(self) -> int:
        """How many bytes these hold, by their weights."""

    def save(self, resumable: Resumable) -> None:
        """Keep it."""

    def get(self, id: str) -> Resumable | None:
        """Return it, to see whether a client may have it."""

    def take(self, id: str) -> Resumable | None:
        """Take it out: of two who take the same, one gets it."""

    def expire(self, now: float) -> list[Resumable]:
        """Take out those whose time without a connection is over, and those beyond a bound."""


class MemoryBook:
    """The port `SessionBook` in this process's memory; ``window`` seconds without a connection end a session.

    Of too many without a connection those go first that hold nothing, then who has waited longest: so a flood of
    newcomers who only say Hello puts out nobody who is away. Of too many bytes the heaviest go first:
    those that weigh as much as the heaviest one to a factor of two, and of these who has waited longest.
    """

    def __init__(self, window: float, bound: int = DETACHED, bytes_bound: int = DETACHED_BYTES) -> None:
        self._window = window
        self._bound = bound
        self._bytes_bound = bytes_bound
        self._connected: dict[str, Resumable] = {}
        self._detached: dict[str, Resumable] = {}  # whoever lost its connection first comes first
        self._by_weight: dict[int, dict[str, Resumable]] = {}  # the same, by the number of bits of their weights
        self.detached_bytes = 0

    def __len__(self) -> int:
        return len(self._connected) + len(self._detached)

    @property
    def detached(self) -> int:
        """How many have no connection."""
        return len(self._detached)

    def save(self, resumable: Resumable) -> None:
        if resumable.lost_at is None:
            self._connected[resumable.id] = resumable
            return
        self._remove(resumable.id)
        self._detached[resumable.id] = resumable
        self._by_weight.setdefault(resumable.weight.bit_length(), {})[resumable.id] = resumable
        self.detached_bytes += resumable.weight

    def get(self, id: str) -> Resumable | None:
        return self._connected.get(id) or self._detached.get(id)

    def take(self, id: str) -> Resumable | None:
        return self._connected.pop(id, None) or self._remove(id)

    def expire(self, now: float) -> list[Resumable]:
        due: list[Resumable] = []
        for resumable in self._detached.values():
            assert resumable.lost_at is not None
            if now - resumable.lost_at < self._window:
                break
            due.append(resumable)
        for resumable in due:
            self._remove(resumable.id)
        while len(self._detached) > self._bound:
            due.append(self._pop_first(self._by_weight.get(0) or self._detached))
        while self.detached_bytes > self._bytes_bound:
            due.append(self._pop_first(self._by_weight[max(self._by_weight)]))
        return due

    def _pop_first(self, among: dict[str, Resumable]) -> Resumable:
        first = self._remove(next(iter(among)))
        assert first is not None
        return first

    def _remove(self, id: str) -> Resumable | None:
        resumable = self._detached.pop(id, None)
        if resumable is not None:
            weight_class = resumable.weight.bit_length()
            alike = self._by_weight[weight_class]
            del alike[id]
            if not alike:
                del self._by_weight[weight_class]
            self.detached_bytes -= resumable.weight
        return resumable
