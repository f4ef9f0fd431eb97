"""Can a Snapshot carry this model? It is written, to see, before the message that made it is taken. Pure.

Writing a model costs far more than most messages, so it is done as long as there is time for it: a share of all time,
saved up to a bound, for all targets together (`Allowance`). A message that looks like trouble is worth it in any case:
one that is nested, or has integers beyond 32 bits. What is so let through unseen, `Order` finds at its next checkpoint,
before it has to be written (docs/design/carrying.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..words.errors import NupharError

SHARE = 1 / 50
"""Of all time, for looking at models."""

SAVED = 0.5
"""Seconds of which the share is saved up at most."""

ONE_LOOK_TYPES = frozenset({int, str, bool, type(None), bytes})
"""Types of models at which one look is enough without writing them."""


class Unwritable(NupharError):
    """A message makes a model that no Snapshot can carry. ``in_place``: it has changed the model itself."""

    def __init__(self, why: Exception, *, in_place: bool) -> None:
        super().__init__(f"the model that it makes cannot be written: {why}")
        self.in_place = in_place


class Allowance:
    """There is time for the next look from ``ready_at`` on, as ``clock`` gives monotonic seconds.

    >>> allowance = Allowance(lambda: 100.0, share=0.1, saved=5.0)
    >>> allowance.spend(1.0)
    >>> allowance.ready_at
    105.0
    """

    __slots__ = ("_saved", "_share", "clock", "ready_at")

    def __init__(self, clock: Callable[[], float], share: float = SHARE, saved: float = SAVED) -> None:
        self.clock = clock
        self.ready_at = float("-inf")
        self._share = share
        self._saved = saved

    def spend(self, seconds: float) -> None:
        """Count a look that took so long and is over now."""
        self.ready_at = max(self.ready_at, self.clock() - self._saved) + seconds / self._share


class Carrying:
    """Looks at the models of one target, by ``encode(model)``; without an ``allowance`` at each of them.

    ``is_trouble(payload)`` says of which messages something may come that is nested too deeply, or overflows.
    """

    __slots__ = ("_allowance", "_encode", "_is_trouble")

    def __init__(
        self, encode: Callable[[Any], bytes], is_trouble: Callable[[bytes], bool], allowance: Allowance | None = None
    ) -> None:
        self._encode = encode
        self._is_trouble = is_trouble
        self._allowance = allowance

    def admit(self, model: Any, before: Any, payload: bytes) -> None:
        """Look at a new ``model``, if there is time for that or its message looks like trouble.

        Raises: Unwritable.
        """
        kind = type(model)
        if (
            kind in ONE_LOOK_TYPES
            and (kind is not int or -(2**63) <= model < 2**64)
            and (kind is not str or model.isascii())
        ):
            return
        allowance = self._allowance
        if allowance is None or allowance.clock() >= allowance.ready_at or self._is_trouble(payload):
            self.check(model, before)

    def check(self, model: Any, before: Any) -> None:
        """Look at a new ``model``. Raises: Unwritable."""
        allowance = self._allowance
        began = 0.0 if allowance is None else allowance.clock()
        try:
            self._encode(model)
        except Exception as error:
            raise Unwritable(error, in_place=model is before) from error
        finally:
            if allowance is not None:
                allowance.spend(allowance.clock() - began)


UNSEEN = Carrying(lambda model: b"", lambda payload: False)
"""Lets every model through: for orders that no Snapshot is made of."""
