"""An order that is ahead of its log: what it has applied last is not confirmed yet, and may have to go back. Pure.

It is ahead by one batch at most, and shows itself to nobody meanwhile (`Appends`). So model and history are the newest
ones, and only what is needed to go back is kept besides: the last model that was confirmed, if models are not changed
in place; otherwise a copy of an earlier one, and the payloads since.
"""

from __future__ import annotations

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

    __slots__ = ("_ahead", "_base", "_copies", "_payload_bytes", "_payloads", "_unchecked", "appends")

    def __init__(self, store: Store, epoch: str, appends: Appends, history: int = HISTORY) -> None:
        super().__init__(store, epoch, history)
        self.appends = appends
        self._ahead = self._payload_bytes = self._unchecked = 0
        self._payloads: list[bytes] = []
        self._base, self._copies = self.position, False
        self._set_base()
        if self._base.model is UNCOPIED:
            kind = type(store.model).__name__
            raise UsageError(f"a model that is logged must be one that copy.deepcopy() copies, got a {kind}")

    @property
    def is_settled(self) -> bool:
        return not self._ahead

    def apply(self, message: Any, payload: bytes, carrying: Carrying = UNSEEN) -> int:
        seq = super().apply(message, payload, carrying)
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

    def confirmed(self, decode_message: Callable[[bytes], Any]) -> Position:
        """Return the position without what the log has not confirmed."""
        return self._at(self.position.seq - self._ahead, decode_message) if self._ahead else self.position

    def _go_back(self, seq: int, undone: int, decode_message: Callable[[bytes], Any]) -> None:
        self.position = self._at(seq, decode_message)
        for _ in range(min(undone, len(self._history))):
            self._bytes -= len(self._history.pop())
        self._set_base()
        if self._checkpoint.seq > seq:  # else it still leads to here, and it was seen that it can be written
            self._set_checkpoint()

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
