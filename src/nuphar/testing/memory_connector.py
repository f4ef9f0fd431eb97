"""A client and a server in one process, without a socket between them: the line is in memory, and can be cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gevent.queue import Queue

from ..actors.runtime.mailbox import get_ident
from ..actors.words.close_codes import ABNORMAL, NORMAL_CLOSURE, TOO_SLOW, is_final
from ..actors.words.errors import UsageError
from ..actors.words.identity import Identity, check_identity
from ..supervision.root.server import Server
from ..transport.client.connectors.connector import Handler, Transport
from ..transport.server.connection import Connection
from ..transport.server.limits import share
from ..transport.wire.websocket_reader import FrameReader

LARGEST_FRAME = 16 * 1024 * 1024
"""The largest message in bytes, in either direction."""

FRAMES_WAITING = 10_000
"""Frames of the client that may wait for the server; more are a reason to be closed."""

BYTES = 16 * 1024 * 1024
"""Bytes that may wait for the client behind the frames under way."""


class MemoryConnector:
    """A connector for one client: everything is real but the socket. It comes back only when it is told to.

    ``cut()`` breaks the line, ``restore()`` mends it. The server has to run; the client may be of any kind, in the
    server's thread or in another. Frames travel when the server's hub gets to run. ``identity`` is who its client is,
    None for an anonymous one, from the next `restore` on also another: no ``identify`` is asked.
    """

    def __init__(self, server: Server, identity: Identity | None = None) -> None:
        server.check_running()
        self.identity = check_identity("identity", identity)
        self._server = server
        self._hub: Any = server.lifecycle.hub
        self._handler: Handler | None = None
        self._pipe: _Pipe | None = None
        self._is_over = False

    def __call__(self, handler: Handler) -> Transport:
        if self._handler is not None:
            raise UsageError("a MemoryConnector is for one client; make another")
        self._handler = handler
        self.restore()
        return Transport(self._send, self._close, leave=lambda: self._close(ABNORMAL), reopen=self._reopen)

    def renew(self, headers: object = None, token: object = None) -> None:
        """Do nothing: there is no request that could show a server anything. Raises: UsageError for credentials."""
        if headers is not None or token is not None:
            raise UsageError(
                "a MemoryConnector sends no headers and no token: set its identity, and reauthenticate without"
            )

    def cut(self, why: str = "cut by a test") -> None:
        """Break the line: what is on its way is lost, in both directions. Does nothing to a broken one."""
        handler, pipe = self._handler, self._pipe
        self._pipe = None
        if pipe is not None and handler is not None:
            pipe.is_cut = True
            self._run(lambda: pipe.end(ABNORMAL))
            handler.on_fault(why)
            handler.on_disconnect()

    def restore(self) -> None:
        """Mend the line; does nothing to a sound one, or after the client's end."""
        handler = self._handler
        if handler is not None and self._pipe is None and not self._is_over:
            pipe = self._pipe = _Pipe(lambda frame: handler.on_receive(frame), self._server, self._ended, self.identity)
            self._run(pipe.start)
            handler.on_reconnect()

    def _reopen(self) -> None:
        self.cut("the connection is opened anew")
        self.restore()

    def _send(self, frame: bytes) -> None:
        pipe = self._pipe
        if pipe is None:
            raise BrokenPipeError("the line is cut")
        self._run(lambda: pipe.put(frame))

    def _close(self, code: int = NORMAL_CLOSURE) -> None:
        self._is_over = True
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.is_cut = True
            self._run(lambda: pipe.end(code))

    def _ended(self, pipe: _Pipe, code: int, reason: str) -> None:
        """The server has closed the connection."""
        handler = self._handler
        if self._pipe is not pipe or handler is None:
            return
        self._pipe = None
        handler.on_fault(f"closed with {code}: {reason}")
        handler.on_disconnect()
        if is_final(code):
            self._is_over = True
            handler.on_close(code, reason)

    def _run(self, function: Callable[[], Any]) -> None:
        """Run ``function`` on the server's thread."""
        if get_ident() == self._hub.thread_ident:
            function()
        else:
            self._hub.loop.run_callback_threadsafe(function)


class _Outbox:
    """What a connection writes goes to the client in a turn of its own, in order."""

    too_slow = False
    ready = -1
    """No descriptor: whoever writes to many at once has to call `write`."""

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe
        self.on_refused: Callable[[], None] | None = None
        self._on_empty: Callable[[], None] | None = None
        self.pending = 0
        """How many bytes wait."""

    def write(self, data: bytes) -> bool:
        is_taken = self._take(data, BYTES)
        if not is_taken and self.on_refused is not None:
            self.on_refused()
        return is_taken

    def offer(self, data: bytes) -> bool:
        return self._take(data, share(BYTES))

    def _take(self, data: bytes, bound: int) -> bool:
        if self._pipe.closed or (self.pending and self.pending + len(data) > bound):
            return False
        self.pending += len(data)
        self._pipe.outgoing.put(data)
        return True

    def on_empty(self, callback: Callable[[], None]) -> None:
        self._on_empty = callback

    def written(self, data: bytes) -> None:
        """The client has taken ``data``: tell who waits for room."""
        self.pending -= len(data)
        if self._on_empty is not None and not self.pending:
            callback, self._on_empty = self._on_empty, None
            callback()


class _Pipe:
    """One connection, as the server's `Connection` sees a WebSocket."""

    subprotocol = "nuphar.v1.cbor"

    def __init__(
        self,
        deliver: Callable[[bytes], Any],
        server: Server,
        ended: Callable[[_Pipe, int, str], None],
        identity: Identity | None,
    ) -> None:
        self.is_cut = False
        self.closed = False
        self.close_code: int | None = None
        self.last_received = 0.0
        self.outbox = _Outbox(self)
        self.outgoing: Any = None  # queues belong to the hub that makes them
        self._incoming: Any = None
        self._deliver = deliver
        self._server = server
        self._ended = ended
        self._identity = identity
        self._reader = FrameReader(LARGEST_FRAME, client=True)

    def start(self) -> None:
        """Serve it, in greenlets of the server's hub; called there, before anything else."""
        self.outgoing, self._incoming = Queue(), Queue()
        gevent.spawn(self._write)
        gevent.spawn(self._serve)

    def put(self, frame: bytes) -> None:
        """Take a frame of the client."""
        if self._incoming.qsize() >= FRAMES_WAITING:
            self.close(TOO_SLOW, f"{FRAMES_WAITING} frames wait")
        elif not self.closed:
            self._incoming.put(frame)

    def end(self, code: int) -> None:
        """The client is gone."""
        self.closed, self.close_code = True, code
        self._incoming.put(None)

    # What `Connection` calls.

    def is_taking(self) -> bool:
        """Nothing is ever on its way for long."""
        return False

    def receive(self) -> list[bytes | str] | None:
        message = self._incoming.get()
        self.last_received = self._server.gateway.clock()
        return None if message is None else [message]

    def close(self, code: int = NORMAL_CLOSURE, reason: str = "") -> None:
        if not self.closed:
            self.outgoing.put((code, reason))
            self.end(code)

    def abort(self) -> None:
        self.close(ABNORMAL, "aborted")

    def _serve(self) -> None:
        self.last_received = self._server.gateway.clock()
        connection: Any = Connection(self, self._server.gateway, self._identity)
        try:
            connection.run()
        finally:
            self.closed = True
            self.outgoing.put(None)

    def _write(self) -> None:
        while (data := self.outgoing.get()) is not None:
            if self.is_cut:
                continue
            if isinstance(data, tuple):
                self._ended(self, *data)
                continue
            for event in self._reader.feed(data):
                if isinstance(event, bytes) and not self.is_cut:
                    self._deliver(event)
            self.outbox.written(data)
