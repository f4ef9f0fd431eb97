"""An order that is ahead of its log: what it has applied last is not confirmed yet, and may have to go back. Pure.

It is ahead by one batch at most, and shows itself to nobody meanwhile (`Appends`). So model and history are the newest
ones, and only what is needed to go back is kept besides: the last model that was confirmed, if models are not changed
in place; otherwise a copy of an earlier one, and the payloads since. What a batch takes away of the history, and the
checkpoint that it replaces, are kept, too: a model that can be written and a way from it to here must not get lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from ..words.errors import UsageError
from ..words.store import Store
from .appends import Appends
from .carrying import UNSEEN, Carrying
from .order import HISTORY, HISTORY_BYTES, UNCOPIED, Order, Position


class Tentative(Order):
    """``appends`` is what waits for the log. A model that cannot be copied is a UsageError: it could not go back."""

    __slots__ = (
        "_ahead",
        "_base",
        "_before",
        "_copies",
        "_marks",
        "_payload_bytes",
        "_payloads",
        "_unchecked",
        "appends",
    )

    def __init__(self, store: Store, epoch: str, appends: Appends, history: int = HISTORY) -> None:
        super().__init__(store, epoch, history)
        self.appends = appends
        self._ahead = self._payload_bytes = self._unchecked = 0
        self._payloads: list[bytes] = []
        self._marks = [(self._checkpoint, self._due)]
        """Checkpoint, and when the next one was due, before what is ahead; behind it the first one made for that."""
        self._before: tuple[int, list[bytes]] | None = None
        """Seq and history before something of it was forgotten for what is ahead."""
        self._base, self._copies = self.position, False
        self._set_base()
        if self._base.model is UNCOPIED:
            kind = type(store.model).__name__
            raise UsageError(f"a model that is logged must be one that copy.deepcopy() copies, got a {kind}")

    @property
    def is_settled(self) -> bool:
        return not self._ahead

    def apply(self, message: Any, payload: bytes, carrying: Carrying = UNSEEN) -> int:
        if not self._ahead:
            self._marks = [(self._checkpoint, self._due)]
        if self._before is None and self._is_full(payload):
            self._before = self.position.seq, list(self._history)
        seq = super().apply(message, payload, carrying)
        if len(self._marks) == 1 and self._checkpoint is not self._marks[0][0]:
            self._marks.append((self._checkpoint, self._due))
        self._payloads.append(payload)
        self._payload_bytes += len(payload)
        self._ahead += 1
        self._unchecked += 1
        return seq

    def settle(self, seq: int, decode_message: Callable[[bytes], Any]) -> None:
        """Take what was applied up to ``seq`` for confirmed, and go back behind it."""
        undone, self._ahead = self.position.seq - seq, 0
        if undone:
            self._go_back(seq, undone, decode_message)
        elif self._unchecked >= HISTORY or self._payload_bytes > HISTORY_BYTES:
            self._set_base()
        elif not self._copies:
            self._base, self._payloads, self._payload_bytes = self.position, [], 0
        self._marks, self._before = [(self._checkpoint, self._due)], None

    def confirmed(self, decode_message: Callable[[bytes], Any]) -> Position:
        """Return the position without what the log has not confirmed."""
        return self._at(self.position.seq - self._ahead, decode_message) if self._ahead else self.position

    def _is_full(self, payload: bytes) -> bool:
        """Say whether the history has to forget something for ``payload``."""
        return len(self._history) >= self.history_bound or self._bytes + len(payload) > HISTORY_BYTES

    def _go_back(self, seq: int, undone: int, decode_message: Callable[[bytes], Any]) -> None:
        while self._checkpoint.seq > seq:  # nobody has seen whether the model at ``seq`` can be written
            self._checkpoint, self._due = self._marks.pop()
        history = self._history_at(seq, undone)
        behind = seq - self._checkpoint.seq  # so much of it leads from the checkpoint to here, and has to stay
        self._bytes = sum(map(len, history))
        while len(history) > behind and (len(history) > self.history_bound or self._bytes > HISTORY_BYTES):
            self._bytes -= len(history.popleft())
        self._since = sum(len(history[-at]) for at in range(1, behind + 1))
        self._history = history
        self.position = self._at(seq, decode_message)
        self._set_base()

    def _history_at(self, seq: int, undone: int) -> deque[bytes]:
        """Return the history that led to ``seq``, and what was kept of it besides."""
        if self._before is None:
            return deque(list(self._history)[: len(self._history) - undone])
        at, history = self._before
        later = self._payloads[at - self._base.seq : max(at, seq) - self._base.seq]
        return deque(history[: len(history) - max(0, at - seq)] + later)

    def _at(self, seq: int, decode_message: Callable[[bytes], Any]) -> Position:
        """Return the position at ``seq``, made again from the base."""
        model, at = self._base
        if self._copies:
            model = deepcopy(model)
        try:
            for number, payload in enumerate(self._payloads[: seq - at], at + 1):
                model = self._make(model, decode_message(payload), payload, number)
        except Exception:
            pass  # an update that is not pure: what it made then cannot be made again, so what there is has to do
        return Position(model, seq)

    def _set_base(self) -> None:
        self._base = self._copy()
        # A copy of what cannot be changed is the thing itself.
        self._copies = self._base is not self.position
        self._payloads, self._payload_bytes, self._unchecked = [], 0, 0
