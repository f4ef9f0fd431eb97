"""What is known of a message besides what it says: who wrote it, when, and at which place. Pure.

An ``update(model, message, meta)`` is told it; whether a client's copy is told it too is what a topic shares.

>>> said = signed(b"\\x01", Meta("ada", "8f3c", 1790000000.5, 3), ("author",))
>>> said, said.meta.author, said.extra
(b'\\x01', 'ada', {'author': 'ada'})
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, NamedTuple

from .errors import UsageError
from .parameters import required_positional

SHARED = ("author", "at")
"""What a topic may share with its subscribers."""


class Meta(NamedTuple):
    """Of one message: trusted on the server; in a client what it was told, and before that its own guess.

    ``author`` is the user of who wrote it (`Identity.user`), None for anonymous clients and the server itself;
    ``client_id`` is the session's id, None for the server; ``at`` are seconds since the epoch, decided once, when the
    message enters the order at ``seq``. What a topic does not share is None in a client.
    """

    author: str | None
    client_id: str | None
    at: float | None
    seq: int


class Signed(bytes):
    """A message's payload that carries its `Meta`, wherever payloads go; ``extra`` is what subscribers are told."""

    meta: Meta
    extra: dict[str, Any] | None


def signed(payload: bytes, meta: Meta, share: Iterable[str]) -> Signed:
    """Return ``payload`` with ``meta``, of which ``share`` is told."""
    said = Signed(payload)
    said.meta = meta
    said.extra = {name: getattr(meta, name) for name in share} or None
    return said


def meta_of(payload: bytes, seq: int) -> Meta:
    """Return the meta of a payload at ``seq``; of one that is not signed nothing else is known."""
    return payload.meta if isinstance(payload, Signed) else Meta(None, None, None, seq)


def extra_of(payload: bytes) -> dict[str, Any] | None:
    """Return what subscribers are told of a message besides its payload."""
    return payload.extra if isinstance(payload, Signed) else None


def extras_of(payloads: Iterable[bytes]) -> dict[str, list[Any]] | None:
    """Return the same for an Acknowledge of several: lists that run parallel; None if one is not known any more.

    For None in such a list says that somebody without a name wrote it.
    """
    known: list[dict[str, Any]] = []
    for payload in payloads:
        if (extra := extra_of(payload)) is None:
            return None
        known.append(extra)
    return {name: [extra[name] for extra in known] for name in known[0]} if known else None


def takes_meta(update: Callable[..., Any]) -> bool:
    """Say whether an ``update`` wants the meta: if it needs three values, or its third is called ``meta``."""
    if type(update) is FunctionType and update.__code__.co_argcount == 2 and not hasattr(update, "__wrapped__"):
        return False
    needed, names = required_positional(update)
    return needed >= 3 or names[2:3] == ["meta"]


def check_share(share: Any) -> tuple[str, ...]:
    """Return ``share`` as a tuple. Raises: UsageError unless its members are some of `SHARED`."""
    if isinstance(share, str) or not isinstance(share, tuple | list | set | frozenset) or set(share) - set(SHARED):
        raise UsageError(f"share: expected some of {SHARED} as a tuple, got {share!r}")
    return tuple(name for name in SHARED if name in share)
