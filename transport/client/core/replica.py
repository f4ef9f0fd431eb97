"""A replica: what a client knows of one target, and what it shows of it. Pure.

``confirmed`` is the server's model as far as this client has heard; ``pending`` are the client's own messages that are
not in it yet, in the order of their dispatch. ``model`` is confirmed with pending applied on top, made anew (rebased)
with every change below it. A pending message whose ``update`` raises on the new base is skipped there, and stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ....actors.words.errors import Refused
from ....actors.words.meta import Meta, takes_meta
from ....actors.words.store import Store
from ...wire.frames import Cursor, Extra
from ...wire.strict import dump_cbor
from .local_fields import first_values, with_fields


@dataclass(eq=False, slots=True)
class OwnMessage:
    """A message of this client, from its dispatch to its answer.

    ``number`` counts what the client has ever dispatched; ``payload`` is the message's CBOR.
    """

    number: int
    target: str
    message: Any
    payload: bytes
    ref: int = 0
    """0 until it is sent for the first time in the present session."""
    connection: int = 0
    """Which of the client's connections sent it first."""
    place: int = 0
    """The seq that an Acknowledge gave it beyond a gap: answered, but not in confirmed yet."""
    guess: Meta | None = None
    """What the server will probably say of it; its seq is its place among those that wait."""
    extra: Extra | None = None
    """What the server has said of it."""

    def frame_size(self) -> int:
        """Return how many bytes its frame has at most."""
        return len(self.payload) + len(self.target.encode()) + 16

    def frame(self) -> bytes:
        """Return it as a ClientMessage frame."""
        return b"\x84\x04" + dump_cbor(self.ref) + dump_cbor(self.target) + self.payload


class Replica:
    """``is_behind`` says that a Resync is on its way: everything but its answer is too early."""

    def __init__(self, store: Store | None, watched: Store | None = None) -> None:
        self.store = store
        self._update: Callable[..., Any] | None = None if store is None else (watched or store).update
        self._takes_meta = store is not None and takes_meta(store.update)
        self.is_told = False
        """Does the server say more of each message than what it is?"""
        self.pending: list[OwnMessage] = []
        self.is_subscribed = False
        self.has_order = False
        """Whether a Snapshot or a message of an order came since we asked for it the last time."""
        self.refused: Refused | None = None
        """Why the server does not let us follow it, until it is asked again."""
        self.params: dict[str, Any] | None = None
        """What goes into its Subscribe."""
        self.model: Any = None
        self._local = {} if store is None else first_values(store)
        self.reset()

    @property
    def cursor(self) -> Cursor | None:
        """How far it got; None before the first Snapshot."""
        return None if self.epoch is None else (self.epoch, self.seq)

    def reset(self) -> None:
        """Go back to what it was before the first Snapshot; what has no answer yet stays on top."""
        self.seq = 0
        self.pending = [own for own in self.pending if not own.place]  # the others were in the order that is over
        self.epoch: str | None = None
        self.is_behind = False
        self.confirmed = None if self.store is None else with_fields(self.store.model, self._local)
        self._rebase()

    def snapshot(self, epoch: str, seq: int, state: Any) -> None:
        """Replace what is confirmed, all but the local fields. What was answered already is in it, or nowhere."""
        self.epoch, self.seq, self.is_behind, self.has_order = epoch, seq, False, True
        self.confirmed = with_fields(state, self._local)
        self.pending = [own for own in self.pending if not own.place]
        self._rebase()

    def set_local(self, values: dict[str, Any]) -> None:
        """Give local fields other values."""
        self._local.update(values)
        self.confirmed = with_fields(self.confirmed, self._local)
        self._rebase()

    def add(self, own: OwnMessage) -> bool:
        """Show a message of ours early; False if its update raised, or nothing is shown of this target."""
        self.pending.append(own)
        if self._update is None:
            return False
        try:
            self.model = self._run(self.model, own.message, _guessed(own, self.seq + len(self.pending)))
        except Exception:
            return False  # skipped, until it is answered
        return True

    def drop(self, own: OwnMessage) -> bool:
        """Show a message of ours no longer: it was answered without becoming part of confirmed."""
        if own not in self.pending:
            return False
        self.pending.remove(own)
        self._rebase()
        return self.store is not None

    def apply(
        self, seq: int, message: Any, own: OwnMessage | None = None, extra: Extra | None = None
    ) -> Exception | None:
        """Take the next message of the order in; ``own`` if it is ours. Return what ``update`` raised, if it did.

        Then the message is not applied and the seq is the one before.
        """
        is_first = own is not None and bool(self.pending) and self.pending[0] is own
        if own is not None and own in self.pending:
            self.pending.remove(own)
        if self._update is not None:
            try:
                self.confirmed = self._run(self.confirmed, message, _told(extra, own, seq))
            except Exception as error:
                self._rebase()
                return error
        self.seq, self.is_behind, self.has_order = seq, False, True
        reached = len(self.pending)
        self.pending = [each for each in self.pending if not 0 < each.place <= seq]
        if self._takes_meta or not is_first or reached != len(self.pending):
            self._rebase()  # else what is shown is the same by construction
        return None

    def keeps(self, before: Any) -> bool:
        """Is what is shown as it was ``before``? Then it is the very same object, too.

        With a guess of who wrote a message and when, what the server says may have made the same model anew.
        """
        try:
            if self._takes_meta and self.model == before:
                self.model = before
        except Exception:
            pass  # models that do not compare
        return self.model is before

    def _rebase(self) -> None:
        self.model = self.confirmed
        if self._update is None:
            return
        for seq, own in enumerate(self.pending, self.seq + 1):
            try:
                self.model = self._run(self.model, own.message, _guessed(own, seq))
            except Exception:
                continue  # it does not fit on this base; the server will say what becomes of it

    def _run(self, model: Any, message: Any, meta: Meta) -> Any:
        assert self._update is not None  # there is a store
        made = self._update(model, message, meta) if self._takes_meta else self._update(model, message)
        return with_fields(made, self._local)


def _guessed(own: OwnMessage, seq: int) -> Meta:
    """Return the meta of a message of ours that has no answer yet."""
    return Meta(None, None, None, seq) if own.guess is None else own.guess._replace(seq=seq)


def _told(extra: Extra | None, own: OwnMessage | None, seq: int) -> Meta:
    """Return the meta of a message of the order, as far as it was told."""
    told = extra or {}
    ours = own.guess.client_id if own is not None and own.guess is not None else None
    return Meta(told.get("author"), ours, told.get("at"), seq)
