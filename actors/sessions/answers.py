"""The answers to a session's last messages, so that a message which is sent twice is applied once. Pure.

A ring of three columns: a ref has the place ``ref % size``. It begins small and doubles, up to `WINDOW`, when two refs
that are both remembered meet. No object is made for a message: `Answers.begin` and `Answers.settle` write numbers, and
a reference to something that all messages of a target share. So a session that sends nothing costs nothing, and one
that sends without end 24 KiB.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from ..targets.subscriber import Place

WINDOW = 1024
"""How far behind the highest ref a ref is remembered: more than a client may have on its way."""

REFUSALS = 64
"""Rejecteds whose text and details are kept; of those before them only the code is."""

_FULL = WINDOW - 1
"""The mask of a ring that does not grow any more."""

_PENDING, _REFUSED, _RELEASED = -1, -2, -3
"""What stands in the column of seqs where a ref has none."""

_NOTHING = array("q", [-1])
"""The column of refs before the first: its one row is no ref's and not free, so the first ref makes room."""


class RefFate(IntEnum):
    """What a ref is. `NEW` is false: it is the one case that is not answered from memory."""

    NEW = 0
    KNOWN = 1
    """It has been used: it was answered, or will be."""
    FORGOTTEN = 2
    """Below the window: nobody knows what became of it."""
    BACKWARD = 3
    """In the window, and never used: refs rise."""


_NEW = RefFate.NEW  # looked up once, not for each message


class Applied(NamedTuple):
    """An Acknowledge: it became ``seq`` at ``place``; 0 outside any order."""

    place: Place
    seq: int


class Refusal(NamedTuple):
    """A Rejected. ``target`` is None where only the code is remembered."""

    target: str | None
    code: str
    text: str
    details: Any


FORGOTTEN = Refusal(None, "unknown_outcome", "its answer is not remembered any more: it may have been applied", None)
"""The answer to a ref that has left the window while it waited."""


class Answers:
    """The answers of one session; plainly mutable, as it is on the path of every message."""

    __slots__ = ("_mask", "_places", "_refs", "_refusals", "_seqs", "highest")

    def __init__(self) -> None:
        self.highest = 0
        self._mask = 0
        self._refs = _NOTHING
        self._seqs: array[int]
        self._places: list[Any]  # a Place, the target of one that is pending, the code of one that was refused
        self._refusals: dict[int, Refusal] = {}

    @property
    def size(self) -> int:
        """The bytes that it holds, about: three columns, and the refusals."""
        if self._refs is _NOTHING:
            return 0
        texts = sum(len(refusal.text) for refusal in self._refusals.values())
        return 24 * len(self._refs) + 250 * len(self._refusals) + texts

    def begin(self, ref: int, target: str) -> RefFate:
        """Say what ``ref`` is, and remember a new one as not answered yet."""
        if ref > self.highest:
            self.highest = ref
            at = ref & self._mask
            # In a ring of full size the row's owner is below the window; in a smaller one it may still be remembered.
            if self._mask != _FULL and self._refs[at]:
                at = self._make_room(ref)
            self._refs[at] = ref
        else:
            if ref <= self.highest - WINDOW:
                return RefFate.FORGOTTEN
            at = ref & self._mask
            if self._refs[at] != ref:
                return RefFate.BACKWARD
            if self._seqs[at] != _RELEASED:
                return RefFate.KNOWN
        self._seqs[at] = _PENDING
        self._places[at] = target
        return _NEW

    def release(self, ref: int) -> None:
        """Forget a ref whose message nobody has begun: it counts as new when it comes again."""
        if self._is_pending(ref):
            self._seqs[ref & self._mask] = _RELEASED

    def settle(self, ref: int, place: Place, seq: int) -> None:
        """Remember that ``ref`` was applied."""
        at = ref & self._mask
        if self._refs[at] == ref and self._seqs[at] == _PENDING:
            self._seqs[at] = seq
            self._places[at] = place

    def settle_all(self, place: Place, outcomes: Sequence[tuple[Any, int, int, Any]], own: Iterable[int]) -> None:
        """Do `settle` for each of the outcomes (author, ref, seq, payload) at ``own``, without a call for each."""
        if self._refs is _NOTHING:
            return
        mask, refs, seqs, places = self._mask, self._refs, self._seqs, self._places
        for which in own:
            _, ref, seq, _ = outcomes[which]
            at = ref & mask
            if refs[at] == ref and seqs[at] == _PENDING:
                seqs[at] = seq
                places[at] = place

    def refuse(self, ref: int, refusal: Refusal) -> None:
        """Remember that ``ref`` was refused, unless it may come again; nothing happens if it does not wait."""
        if not self._is_pending(ref):
            return
        at = ref & self._mask
        if refusal.code == "rate_limited":
            self._seqs[at] = _RELEASED  # the same may come again, later
            return
        self._seqs[at] = _REFUSED
        self._places[at] = refusal.code
        self._refusals[ref] = refusal
        if len(self._refusals) > REFUSALS:
            del self._refusals[next(iter(self._refusals))]

    def answer(self, ref: int) -> Applied | Refusal | None:
        """Return the answer to a ref that was known when it came, None if there is none yet."""
        at = ref & self._mask
        if self._refs[at] != ref or not self._is_remembered(ref):
            return FORGOTTEN  # the window has moved on since, also where no newer ref has this row yet
        seq, place = self._seqs[at], self._places[at]
        if seq >= 0:
            return Applied(place, seq)
        if seq == _REFUSED:
            text = "it was rejected before; the text is not kept so long"
            return self._refusals.get(ref) or Refusal(None, place, text, None)
        return None

    def target_of(self, ref: int) -> str | None:
        """Return the target that a known ref was sent to; None if that is not remembered."""
        at = ref & self._mask
        seq, place = self._seqs[at], self._places[at]
        if seq == _REFUSED:
            refusal = self._refusals.get(ref)
            return None if refusal is None else refusal.target
        target: str = place if seq < 0 else place[0]
        return target

    def own(self, place: Place, after: int) -> dict[int, int]:
        """Return the refs of the session's own messages at ``place`` by their seqs above ``after``."""
        if not self.highest or place not in self._places:  # most targets end here, at the speed of C
            return {}
        rows = zip(self._places, self._seqs, self._refs, strict=True)
        return {seq: ref for where, seq, ref in rows if seq > after and where == place and self._is_remembered(ref)}

    def _is_pending(self, ref: int) -> bool:
        at = ref & self._mask
        return self._refs[at] == ref and self._is_remembered(ref) and self._seqs[at] == _PENDING

    def _is_remembered(self, ref: int) -> bool:
        return self.highest - WINDOW < ref <= self.highest

    def _make_room(self, ref: int) -> int:
        """Return the row of a new ref: that of one which is below the window now, or of a larger ring."""
        if self._refs is _NOTHING:
            self._refs, self._seqs, self._places = array("q", [0]), array("q", [0]), [None]
        while (there := self._refs[ref & self._mask]) > ref - WINDOW and there:
            self._double()
        return ref & self._mask

    def _double(self) -> None:
        size = 2 * len(self._refs)
        refs, seqs, places = array("q", [0]) * size, array("q", [0]) * size, [None] * size
        for ref, seq, place in zip(self._refs, self._seqs, self._places, strict=True):
            if ref:
                at = ref & (size - 1)
                refs[at], seqs[at], places[at] = ref, seq, place
        self._mask, self._refs, self._seqs, self._places = size - 1, refs, seqs, places
