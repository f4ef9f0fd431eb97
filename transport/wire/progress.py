"""Does a peer take bytes? What the kernel still holds for it tells, where nothing else does.

A large message is in the kernel's buffer long before a slow line has carried it: whoever wrote it sees nothing move,
and what the peer would answer waits for its end.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Callable
from typing import Any, NamedTuple

MUCH = 1024
"""Bytes on their way that are more than a few Pings: these the kernel of a peer confirms whose program hangs."""

_ACKED = 120  # where Linux's struct tcp_info has tcpi_bytes_acked, of 8 bytes (linux/tcp.h, since 4.1)


_RECEIVED = 128  # and tcpi_bytes_received behind it


class Traffic(NamedTuple):
    """What a connection has carried, in bytes as its kernel counts them: received, and confirmed by the peer."""

    received: int
    taken: int


def traffic(sock: Any) -> Traffic | None:
    """Return what a TCP socket has carried; None if the kernel says nothing, or the socket is closed."""
    try:
        if sys.platform == "linux" and sock.family in (socket.AF_INET, socket.AF_INET6):
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED + 8)
            if len(info) == _RECEIVED + 8:
                taken, received = struct.unpack_from("=QQ", info, _ACKED)
                return Traffic(received, taken)
    except (OSError, ValueError, AttributeError):
        return None
    return None


class Way(NamedTuple):
    """``left`` bytes of a socket's are not confirmed yet; ``taken`` grows with those that are."""

    taken: int
    left: int


def way(sock: Any) -> Way | None:
    """Return what the kernel says of a TCP or Unix socket; None if it says nothing, or the socket is closed."""
    try:
        (left,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))
        if sys.platform == "linux" and sock.family in (socket.AF_INET, socket.AF_INET6):
            info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED + 8)
            if len(info) == _ACKED + 8:
                return Way(struct.unpack_from("=Q", info, _ACKED)[0], left)
    except (OSError, ValueError, AttributeError):
        return None
    return Way(-left, left)  # while nothing is written, what is left shrinks as the peer takes it


class Progress:
    """Looks at ``sock`` again and again; the first look is the one that others are compared with."""

    __slots__ = ("_before", "_look", "_sock")

    def __init__(self, sock: Any, look: Callable[[Any], Way | None] = way) -> None:
        self._sock = sock
        self._look = look
        self._before: Way | None = None

    @property
    def is_busy(self) -> bool:
        """Whether there was much on its way at the last look."""
        return self._before is not None and self._before.left >= MUCH

    def has_moved(self) -> bool:
        """Say whether the peer has taken something since the last look, when there was much on its way."""
        was_busy, before = self.is_busy, self._before
        now = self._before = self._look(self._sock)
        return was_busy and before is not None and now is not None and now.taken > before.taken


def send_all(sock: Any, data: bytes) -> None:
    """Do ``sock.sendall(data)``, but with the socket's timeout for each wait instead of for all of them.

    Raises: TimeoutError when nothing of it was taken for so long, OSError.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[sock.send(rest) :]
