"""An HTTP response that arrives whole or not at all.

`http.client` takes a head that breaks off for one that ends there, and gives what there is of a body that breaks off:
a batch would be lost, and counted as read.
"""

from __future__ import annotations

from http.client import HTTPResponse, IncompleteRead
from typing import Any


class WholeResponse(HTTPResponse):
    """Raises IncompleteRead where the connection ended too early."""

    def begin(self) -> None:
        """Read the head."""
        whole: Any = self.fp
        head: Any = _Head(whole)
        self.fp = head
        try:
            super().begin()
        finally:
            if self.fp is head:  # else it was closed, as there is no body
                self.fp = whole

    def read_whole(self, most: int) -> bytes:
        """Read the body, or as much of it as ``most`` bytes."""
        data = self.read(most)
        # A body without a length and in no chunks ends with the connection, wherever that was cut: no way for a batch.
        is_open_ended = self.status == 200 and self.length is None and not self.chunked
        if len(data) < most and (self.length or is_open_ended):
            raise IncompleteRead(data, self.length)
        return data


class _Head:
    """The lines of a head, each of which has to have its end."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readline(self, most: int) -> bytes:
        """Read a line, or its first ``most`` bytes."""
        line: bytes = self._file.readline(most)
        if not line.endswith(b"\n") and len(line) < most:
            raise IncompleteRead(line)
        return line

    def close(self) -> None:
        """There is no body."""
        self._file.close()
