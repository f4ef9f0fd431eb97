"""The only reader of one socket: it waits before it reads, as long as the last read left nothing behind.

gevent's own ``recv`` reads first and waits when there was nothing, so that every message costs two system calls and
starts and stops a watcher. Here the watcher stays, and a message costs one.
"""

from __future__ import annotations

import ssl
from typing import Any

import gevent
from gevent.exceptions import ConcurrentObjectUseError

from ...actors.runtime.host import GEVENT, Host
from .kernel import SYSTEM, Kernel

_READ = 64 * 1024  # bytes: many small frames in one call, and a whole message of the default limit
_READABLE = 1  # an event of libev
_RECORDS = 16  # reads with TLS, each of a record or a part of it, after which others run


class Reader:
    """Reads ``sock``, a gevent socket, in the greenlet that calls; ``early`` is what was read from it already.

    Close the reader before the socket.
    """

    __slots__ = (
        "_early", "_fd", "_get", "_host", "_hub", "_is_dry", "_is_watching", "_parked", "_records", "_sock", "_tls",
        "_watcher",
    )  # fmt: skip

    def __init__(self, sock: Any, early: bytes = b"", host: Host = GEVENT, kernel: Kernel = SYSTEM) -> None:
        self._early = early
        self._sock = sock
        self._fd: int = sock.fileno()
        self._tls = hasattr(sock, "do_handshake")
        self._host = host
        self._get = kernel.read
        self._hub: Any = host.hub()
        self._watcher: Any = None
        self._parked: Any = None
        self._is_watching = False
        self._is_dry = True
        self._records = 0

    def read(self) -> bytes:
        """Wait for bytes and return what there is of them; empty at the end, however it came.

        Raises: ConcurrentObjectUseError if another greenlet reads.
        """
        if self._early:
            early, self._early = self._early, b""
            return early
        if self._tls:
            return self._read_tls()
        while self._fd >= 0:
            if self._is_dry:
                self._wait()
            else:
                # Who sends without end must hold up nobody, nor the end that it has deserved.
                self._host.pause()
            if self._fd < 0:
                break
            try:
                data = self._get(self._fd, _READ)
            except BlockingIOError:
                self._is_dry = True
                continue
            except OSError:
                break
            self._is_dry = len(data) < _READ
            return data
        return b""

    def close(self) -> None:
        """Never touch the descriptor again: its number may soon be another socket's. Ends a read that waits."""
        self._fd = -1
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
        if self._parked is not None:
            self._hub.loop.run_callback(self._ready)

    def _read_tls(self) -> bytes:
        # Bytes may wait in OpenSSL where no watcher sees them, so here gevent's way is the right one. It reads before
        # it waits, and never waits where there is always something to read.
        self._records += 1
        if self._records % _RECORDS == 0:
            self._host.pause()
        try:
            data: bytes = self._sock.recv(_READ)
        except (OSError, ssl.SSLError):
            return b""
        return data

    def _wait(self) -> None:
        if self._parked is not None:
            raise ConcurrentObjectUseError("another greenlet reads this socket already")
        if not self._is_watching:
            if self._watcher is None:
                self._watcher = self._hub.loop.io(self._fd, _READABLE)
            self._watcher.start(self._ready)
            self._is_watching = True
        self._parked = gevent.getcurrent()
        try:
            self._hub.switch()
        finally:
            self._parked = None

    def _ready(self) -> None:
        """Wake who waits. Called by the loop as long as there is something to read."""
        if self._parked is not None:
            self._parked.switch()
        elif self._watcher is not None:
            # Whoever reads is busy elsewhere: it looks by itself as soon as it has time.
            self._watcher.stop()
            self._is_watching = False
            self._is_dry = False
