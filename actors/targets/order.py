"""The order of one target: its model, its seq, its epoch and the last messages. Pure.

A plainly mutable record, because a topic commits tens of thousands of messages a second (a frozen one costs 1.3 µs
more for each). Only `Order.commit` changes it, in one piece: a crash leaves it before a message or after it, never
between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any, Generic, NamedTuple

from ..words.meta import meta_of, takes_meta
from ..words.store import Store
from ..words.type_variables import Model
from .carrying import UNSEEN, Carrying, Unwritable

HISTORY = 1_000
"""Messages kept for clients that come back, unless told otherwise."""

HISTORY_BYTES = 1 << 20
"""Bytes of payload kept for them: whichever bound is met first."""


class Position(NamedTuple, Generic[Model]):
    """A model and the seq that made it: always a consistent pair."""

    model: Model
    seq: int


_position = partial(tuple.__new__, Position)  # takes a third of the time of Position(...)


class Order:
    """``position`` is the present; ``missed`` tells what came after a cursor, as long as it is kept.

    The checkpoint is a copy of a model that can be written, from which the history leads to the present.
    """

    __slots__ = (
        "_bytes",
        "_checkpoint",
        "_due",
        "_history",
        "_since",
        "epoch",
        "history_bound",
        "position",
        "takes_meta",
        "update",
    )

    def __init__(self, store: Store, epoch: str, history: int = HISTORY) -> None:
        self.epoch = epoch
        self.update: Callable[..., Any] = store.update
        self.takes_meta = takes_meta(store.update)
        self.position = Position(store.model, 0)
        self.history_bound = history
        # A list as long as nothing has to be forgotten: a deque takes 0.7 KiB even when it is empty.
        self._history: list[bytes] | deque[bytes] = []
        self._bytes = self._since = 0
        self._set_checkpoint()

    @property
    def seq(self) -> int:
        return self.position.seq

    @property
    def is_settled(self) -> bool:
        """Is everything that was applied in its log?"""
        return True

    def confirmed(self, decode_message: Callable[[bytes], Any]) -> Position:
        """Return the position without what its log has not confirmed."""
        return self.position

    @property
    def history_bytes(self) -> int:
        """Bytes of payload that are kept."""
        return self._bytes

    @property
    def checkpoint(self) -> Position | None:
        """The last model that could be written for sure, and its seq; None if it cannot be copied."""
        return None if self._checkpoint.model is UNCOPIED else self._checkpoint

    def apply(self, message: Any, payload: bytes, carrying: Carrying = UNSEEN) -> int:
        """Apply ``message``, whose bytes are ``payload``, and return its seq.

        Raises: what ``update`` raised, or Unwritable for what it has made; then nothing has changed but perhaps the
        model's inside (see `rebuild`).
        """
        before, seq = self.position
        seq += 1
        model = self.update(before, message, meta_of(payload, seq)) if self.takes_meta else self.update(before, message)
        since = self._since + len(payload)
        is_due = seq > self._due or since > HISTORY_BYTES
        if is_due:
            carrying.check(model, before)
        elif type(model) is not int or not -0x8000_0000_0000_0000 <= model <= 0xFFFF_FFFF_FFFF_FFFF:
            carrying.admit(model, before, payload)
        history = self._history
        history.append(payload)
        self._bytes += len(payload)
        while len(history) > self.history_bound or self._bytes > HISTORY_BYTES:
            if isinstance(history, list):
                history = self._history = deque(history)
            self._bytes -= len(history.popleft())
        self.position = _position((model, seq))
        if is_due:
            self._set_checkpoint()
        else:
            self._since = since
        return seq

    def missed(self, epoch: str, seq: int) -> list[tuple[int, bytes]] | None:
        """Return the ``(seq, payload)`` pairs after a cursor; None when they are not all known, or never will be."""
        behind = self.position.seq - seq
        if epoch != self.epoch or not 0 <= behind <= len(self._history):
            return None
        first = len(self._history) - behind
        return [(seq + 1 + at, self._history[first + at]) for at in range(behind)]

    def kept_since(self, epoch: str, seq: int) -> int | None:
        """Return about how many bytes of payload came after a cursor, as if all were alike; None likewise."""
        behind, kept = self.position.seq - seq, len(self._history)
        if epoch != self.epoch or not 0 <= behind <= kept:
            return None
        return self._bytes * behind // kept if kept else 0

    def rebuild(self, decode_message: Callable[[bytes], Any], carrying: Carrying = UNSEEN) -> None:
        """Make the model again from the checkpoint: an ``update`` that raised may have changed it half-way."""
        if _is_frozen(self.position.model) or self._checkpoint.model is UNCOPIED:
            return
        model, at = self._checkpoint
        missed = self.missed(self.epoch, at)
        if missed:
            model = deepcopy(model)  # as the update may change it, and perhaps the result cannot be written
        try:
            for seq, payload in missed or ():
                model = self._make(model, decode_message(payload), payload, seq)
        except Exception:
            # An update that is not pure: what it made then cannot be made again, so what there is has to do.
            model = self.position.model
        self.position = Position(model, self.position.seq)
        try:
            if missed:
                carrying.check(model, model)
        except Unwritable:
            return  # what led to it was let through unseen: the checkpoint is still the last that can be written
        # So that the next one costs a copy and no replay: crashing messages can come in a row.
        self._set_checkpoint()

    def _make(self, model: Any, message: Any, payload: bytes, seq: int) -> Any:
        """Apply a message once more."""
        return self.update(model, message, meta_of(payload, seq)) if self.takes_meta else self.update(model, message)

    def _set_checkpoint(self) -> None:
        self._checkpoint = self._copy()
        self._due = self._checkpoint.seq + self.history_bound
        self._since = 0  # bytes of payload that came after it; `_due` is the last seq that it leads to

    def _copy(self) -> Position:
        model, seq = self.position
        if _is_frozen(model):
            return self.position
        try:
            return Position(deepcopy(model), seq)
        except Exception:
            return Position(UNCOPIED, seq)


UNCOPIED = object()
"""Stands for the copy of a model that cannot be copied."""


def _is_frozen(model: Any) -> bool:
    """Say whether nothing in ``model`` can be changed in place."""
    if isinstance(model, int | float | str | bytes | None):
        return True
    if isinstance(model, tuple | frozenset):
        return all(map(_is_frozen, model))
    if not is_dataclass(model) or not getattr(type(model), "__dataclass_params__").frozen:  # noqa: B009
        return False
    return all(_is_frozen(getattr(model, field.name)) for field in fields(model))
