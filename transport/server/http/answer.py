"""An answer to a request for a line, and what ends when the WSGI server is done with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .line import Line
from .reading import Reading


class Answer:
    """A response's head and body; ``reading`` ends with it, and ``over`` once the client has been sent the end."""

    def __init__(
        self,
        status: str,
        headers: list[tuple[str, str]] | None = None,
        body: Iterable[bytes] = (),
        reading: Reading | None = None,
        over: Line | None = None,
    ) -> None:
        self.status = status
        self.headers = headers or []
        self._body = body
        self._reading = reading
        self._over = over

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body
        yield b""  # when we are asked for more, what came before has been written
        if self._over is not None:
            self._over.told()

    def close(self) -> None:
        """The WSGI server calls this at the end, whatever it was."""
        if self._reading is not None:
            self._reading.end()
