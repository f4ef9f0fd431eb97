"""Every sink, a real one or a fake, does what the port says."""

from __future__ import annotations

import socket
from typing import Any

from gevent import socket as gevent_socket
from gevent.event import Event
from support.kept import Kept
from support.memory_socket import MemorySocket

from nuphar import Limits, Server
from nuphar.testing import MemoryConnector
from nuphar.testing.contracts import MemorySink, SinkCase, SinkContract, SlowSinkCase, SlowSinkContract, eventually
from nuphar.transport import Handler
from nuphar.transport.server.connection import Connection
from nuphar.transport.server.http.line import Line
from nuphar.transport.server.outbox import Outbox
from nuphar.transport.server.socketless import SocketlessClient
from nuphar.transport.wire.sequences import SEQUENCES
from nuphar.transport.wire.websocket_frames import encode_binary

BOUND = 50_000
FILLER = bytes(10_000)
LIMIT = 10.0  # seconds that any wait here may take


class OutboxCase(SlowSinkCase):
    """The outbox of a socket, whose other end reads when it is told to."""

    def __init__(self) -> None:
        self._ours, self._theirs = gevent_socket.socketpair()
        self._ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self._theirs.setblocking(False)
        self._is_over = self._is_draining = False
        self._arrived = bytearray()
        self.sink = Outbox(self._ours, BOUND, lambda: None)
        self.sink.on_refused = self._refused

    def arrived(self) -> bytes:
        self._read()
        return bytes(self._arrived)

    def stall(self) -> None:
        while not self.sink.pending:
            self.sink.write(FILLER)

    def drain(self) -> None:
        eventually(lambda: self._read() or not self.sink.pending, "expected the outbox to be empty")

    def end(self) -> None:
        self.sink.close()

    def is_over(self) -> bool:
        return self._is_over

    def close(self) -> None:
        self.sink.close()
        self._ours.close()
        self._theirs.close()

    def _refused(self) -> None:
        self._is_over = True

    def _read(self) -> None:
        try:
            while data := self._theirs.recv(65536):
                self._arrived += data
        except BlockingIOError:
            return


class TestOutbox(SlowSinkContract):
    def make(self) -> SlowSinkCase:
        return OutboxCase()


class LineCase(SlowSinkCase):
    """A line over HTTP, whose client asks for batches when it is told to."""

    def __init__(self) -> None:
        self._server = Server(limits=Limits(outbox=BOUND)).start()
        gateway = self._server.gateway
        self._arrived = bytearray()
        self._number = 0
        self._is_stalled = False
        sequence = SEQUENCES["application/cbor-seq"]
        self.sink = Line("id", sequence, gateway, lambda line: Connection(line, gateway), lambda line: None)

    def arrived(self) -> bytes:
        if not self._is_stalled:
            self.drain()
        return bytes(self._arrived)

    def stall(self) -> None:
        self._is_stalled = True
        self.sink.write(FILLER)

    def drain(self) -> None:
        self._is_stalled = False
        while (batch := self.sink.next(self._number)) is not None:
            self._number = batch.number
            self._arrived += batch.data

    def end(self) -> None:
        self.sink.abort()

    def is_over(self) -> bool:
        return self.sink.closed

    def close(self) -> None:
        self.sink.abort()
        self._server.stop()


class TestLine(SlowSinkContract):
    def make(self) -> SlowSinkCase:
        return LineCase()


class BareCase(SinkCase):
    """A client whose frames the application carries."""

    def __init__(self) -> None:
        self._server = Server().start()
        self._got: list[bytes] = []
        self.sink = SocketlessClient(
            "c" * 32, self._got.append, self._server.sessions, self._server.codec, self._server.lifecycle.hub
        )

    def joined(self, data: bytes) -> Any:
        return [data]

    def arrived(self) -> bytes:
        return b"".join(self._got)

    def end(self) -> None:
        self.sink.end()

    def close(self) -> None:
        self._server.stop()


class TestBareClient(SinkContract):
    def make(self) -> SinkCase:
        return BareCase()


class MemoryLineCase(SlowSinkCase):
    """The server's end of a line in memory, whose client is as slow as it is told to be."""

    def __init__(self) -> None:
        self._server = Server().start()
        self._got: list[bytes] = []
        self._gate = Event()
        self._gate.set()
        self._line = MemoryConnector(self._server)
        self._transport = self._line(Handler(self._receive, lambda: None, lambda: None))
        assert self._line._pipe is not None
        self._pipe = self._line._pipe
        self.sink = self._pipe.outbox
        eventually(lambda: self._server.gateway.connections, "expected the server to serve the line")

    def joined(self, data: bytes) -> Any:
        return encode_binary(data)

    def arrived(self) -> bytes:
        return b"".join(self._got)

    def stall(self) -> None:
        self._gate.clear()
        self.sink.write(encode_binary(FILLER))

    def drain(self) -> None:
        self._gate.set()

    def end(self) -> None:
        self._line.cut()

    def is_over(self) -> bool:
        return self._pipe.closed

    def close(self) -> None:
        self._gate.set()
        self._transport.close()
        self._server.stop()

    def _receive(self, frame: bytes) -> None:
        self._gate.wait(LIMIT)
        self._got.append(frame)


class TestMemoryLine(SlowSinkContract):
    def make(self) -> SlowSinkCase:
        return MemoryLineCase()


class MemorySinkCase(SlowSinkCase):
    """The public fake."""

    def __init__(self) -> None:
        self.sink = MemorySink(BOUND)

    def arrived(self) -> bytes:
        return b"".join(self.sink.arrived)

    def stall(self) -> None:
        self.sink.is_stalled = True
        self.sink.write(FILLER)

    def drain(self) -> None:
        self.sink.drain()

    def end(self) -> None:
        self.sink.end()

    def is_over(self) -> bool:
        return self.sink.is_too_slow


class TestMemorySink(SlowSinkContract):
    def make(self) -> SlowSinkCase:
        return MemorySinkCase()


class KeptCase(SinkCase):
    """A fake that keeps frames."""

    def __init__(self) -> None:
        self.sink = Kept([])

    def joined(self, data: bytes) -> Any:
        return [data]

    def arrived(self) -> bytes:
        return b"".join(self.sink.frames)

    def end(self) -> None:
        self.sink.end()


class TestKept(SinkContract):
    def make(self) -> SinkCase:
        return KeptCase()


class MemorySocketCase(SinkCase):
    """A fake of a connection's socket."""

    def __init__(self) -> None:
        self.sink = MemorySocket()

    def arrived(self) -> bytes:
        return b"".join(self.sink.written)

    def end(self) -> None:
        self.sink.close()


class TestMemorySocket(SinkContract):
    def make(self) -> SinkCase:
        return MemorySocketCase()
