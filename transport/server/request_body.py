"""``wsgi.input``: the body of one request, read as the application asks for it, with an end to each wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BufferedReader
from typing import Any

from gevent.pywsgi import Input

from ...actors.runtime.fair_turns import let_others_run
from ..wire.chunked import MAX_LINE, BodyFraming
from ..wire.http_head import BadRequest
from .pace import RATE, Pace

_PIECE = 64 * 1024
_TURN = 0.005  # seconds after which others run, however fast the body comes


class BodyFault(OSError):
    """The body cannot be read to its end: it breaks off, or is ill-formed."""

    status = "400 Bad Request"
    """The answer that this deserves."""


class LateBody(BodyFault, TimeoutError):
    """The body does not come, or comes far too slowly."""

    status = "408 Request Timeout"


class Body(Input):  # type: ignore[misc]  # gevent has no types
    """Reads from ``rfile``, whose socket has a timeout, for each of its waits.

    ``length`` is None for a chunked body. ``proceed`` says 100 Continue, and is called before the first read.
    Every read raises `BodyFault`, an OSError, for a body that breaks off, is ill-formed, or comes too slowly; and
    raises it again when it is asked again.
    """

    __slots__ = ("_fault", "_framing", "_left", "_pace", "_proceed", "_ready", "_yielded_at")

    def __init__(
        self, rfile: BufferedReader, length: int | None, patience: float, proceed: Callable[[], Any] | None = None
    ) -> None:
        super().__init__(rfile, length, chunked_input=length is None)
        self._left = length or 0  # bytes of the body, or of the present chunk
        self._framing: BodyFraming | None = BodyFraming() if length is None else None
        self._ready = b""  # content of small chunks that came together
        self._pace = Pace(patience)
        self._proceed = proceed
        self._fault: BodyFault | None = None
        self._yielded_at = time.monotonic()

    def read(self, length: int | None = None) -> bytes:
        """Return ``length`` bytes, or fewer at the end; everything for None or a negative number."""
        return self._take(length, to_newline=False)

    def readline(self, size: int | None = None) -> bytes:
        """Return a line with its end, or its first ``size`` bytes."""
        return self._take(size, to_newline=True)

    def _take(self, size: int | None, to_newline: bool) -> bytes:
        wanted = -1 if size is None or size < 0 else size
        parts: list[bytes] = []
        try:
            while wanted and (piece := self._some(_PIECE if wanted < 0 else wanted, to_newline)):
                parts.append(piece)
                if wanted > 0:
                    wanted -= len(piece)
                if to_newline and piece.endswith(b"\n"):
                    break
        except BadRequest as error:
            raise self._fail(BodyFault, str(error)) from None
        return b"".join(parts)

    def _some(self, most: int, to_newline: bool) -> bytes:
        """Return some bytes of the body, none at its end."""
        if self._fault is not None:
            raise self._fault
        if self._proceed is not None and self.send_100_continue_enabled:
            proceed, self._proceed = self._proceed, None
            proceed()
        if not self._left and not self._ready and not self._next_chunk():
            return b""
        if self._ready:
            end = self._ready.find(b"\n", 0, most) + 1 if to_newline else 0
            piece, self._ready = self._ready[: end or most], self._ready[end or most :]
            self.position += len(piece)
            return piece
        piece = self._read(min(most, self._left), to_newline)
        if not piece:
            raise self._fail(BodyFault, f"expected {self._left} more bytes of the body, got its end")
        self._left -= len(piece)
        self.position += len(piece)
        if self._framing is not None and not self._left:
            self._framing.end(self._line())
        return piece

    def _next_chunk(self) -> bool:
        """Read up to the next chunk's content; False at the end of the body."""
        if self._framing is None:
            return False
        self._ready, used = self._framing.whole(self._read(0, to_newline=False, ahead=True))
        if used:
            self.rfile.read(used)  # there already
            return True
        self._left = self._framing.size(self._line())
        if self._left:
            return True
        while not self._framing.is_last(self._line()):
            pass
        self._framing = None
        return False

    def _line(self) -> bytes:
        line = b""
        while len(line) < MAX_LINE and not line.endswith(b"\n"):
            piece = self._read(MAX_LINE - len(line), to_newline=True)
            if not piece:
                raise self._fail(BodyFault, "expected more of a chunked body, got its end")
            line += piece
        return line

    def _read(self, most: int, to_newline: bool, ahead: bool = False) -> bytes:
        """Read at most once from the socket, or look ``ahead`` at what is there. Every wait for the peer is here."""
        began = time.monotonic()
        try:
            piece: bytes = self.rfile.peek(1) if to_newline or ahead else self.rfile.read1(most)
            if to_newline:
                piece = self.rfile.read1(min(most, piece.find(b"\n") + 1 or len(piece)))
        except TimeoutError:
            raise self._fail(LateBody, "expected the body, and for too long nothing came") from None
        except OSError as error:
            raise self._fail(BodyFault, f"expected more of the body, got {error}") from None
        now = time.monotonic()
        if not self._pace.keeps(now - began, len(piece)):
            raise self._fail(LateBody, f"expected the body with {RATE:g} bytes a second, it comes slower")
        if now - self._yielded_at >= _TURN:
            let_others_run()
            self._yielded_at = time.monotonic()
        return piece

    def _fail(self, kind: type[BodyFault], text: str) -> BodyFault:
        self._fault = kind(text)
        return self._fault
