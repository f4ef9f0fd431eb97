"""The body of a POST, read as slowly as it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent

from ...wire.upgrade import Decline
from ..wsgi_handler import HANG_UP
from ..wsgi_types import Environ
from .judge import decline, too_large

_PIECE = 4 * 1024  # bytes of a body that have the patience of one wait


def read_body(
    environ: Environ, size: int | None, largest: int, patience: float, touch: Callable[[], Any]
) -> bytes | Decline:
    """Read a body of at most ``largest`` bytes, with ``patience`` seconds for each part; ``touch`` hears of each."""
    stream, body = environ["wsgi.input"], bytearray()
    wanted = largest + 1 if size is None else size
    try:
        while len(body) < wanted:
            with gevent.Timeout(patience, TimeoutError("too slow")):
                piece: bytes = stream.read(min(_PIECE, wanted - len(body)))
            if not piece:
                break
            body += piece
            touch()
    except TimeoutError:
        hang_up(environ)()
        return decline("408 Request Timeout", f"expected more of the body within {patience:g} s")
    except OSError:
        return decline("400 Bad Request", "the body ended too early, or its chunks are ill-formed")
    if len(body) > largest:
        return too_large(largest)
    if size is not None and len(body) < size:
        return decline("400 Bad Request", f"expected a body of {size} bytes, got {len(body)}")
    return bytes(body)


def nothing() -> None:
    """Nobody is to hear of it."""


def hang_up(environ: Environ) -> Callable[[], Any]:
    """Return how to end a request whose client does not read, if the WSGI server lets us."""
    return environ.get(HANG_UP) or (lambda: None)
