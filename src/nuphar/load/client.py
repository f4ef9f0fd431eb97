"""One simulated client: a raw WebSocket, and the checker that judges what comes."""

from __future__ import annotations

import os
from collections.abc import Callable

from gevent.event import Event

from ..actors.words.close_codes import NORMAL_CLOSURE
from ..transport.wire import websocket_frames as wire
from ..transport.wire.codec import write
from ..transport.wire.frames import Frame, Ping, Pong, Resync, ServerMessage, Welcome
from .checker import Checker
from .dial import open_client
from .errors import LoadError
from .plan import WebSocketAddress
from .reader import SharedReader
from .resume import Resumption
from .sources import Sources
from .stream import Item, KnownBytes, Stream

_READ = 16 * 1024  # bytes; what is left is read the next time


class LoadClient:
    """A client of ``target``, read by ``reader``; ``clock`` gives monotonic seconds."""

    def __init__(
        self, target: str, checker: Checker, clock: Callable[[], float], reader: SharedReader, known: KnownBytes
    ) -> None:
        self.checker = checker
        self.is_open = False
        self.ending = ""
        """How the connection ended for good, in words; the cuts of `cut` are none."""
        self.joined = Event()
        """Set when the Subscribe was answered, and when the connection ended."""
        self._target = target
        self._clock = clock
        self._reader = reader
        self._known = known
        self._stream = Stream(known)
        self._resumption = Resumption(target)
        self._descriptor = -1

    def connect(self, address: WebSocketAddress, sources: Sources | None) -> None:
        """Open the connection and subscribe, or come back after a cut; without waiting for the answer to that.

        Raises: LoadError if there is no connection.
        """
        sock, early = open_client(address, sources)
        self._stream = Stream(self._known)
        self._descriptor = sock.detach()  # gevent's socket has done its work; 10,000 of them would be 10 MB
        self.is_open = True
        self._reader.add(self._descriptor, self._read)
        for frame in self._resumption.greeting(self.checker.cursor):
            self._send(frame)
        self._feed(early)

    def wait_joined(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for the answer to the Subscribe.

        Raises: LoadError if it is not an Acknowledge.
        """
        self.joined.wait(timeout)
        checker = self.checker
        if checker.fault is None and checker.joined and self.is_open:
            return
        reason = checker.fault or self.ending or f"no answer within {timeout:g} s"
        raise LoadError(f"client {checker.client} cannot subscribe to {self._target}: {reason}")

    def post(self) -> None:
        """Post this client's next message, or keep it until the client is back; does nothing after the end."""
        if self.ending:
            return
        ref, payload = self.checker.post(self._clock())
        if self._resumption.is_live:
            self._send(self._resumption.say(ref, payload))

    def cut(self, share: float | None) -> bool:
        """Drop the socket without a word, after ``share`` of one more message; False if the client is not live."""
        if not self.is_open or not self._resumption.is_live:
            return False
        if share is not None:
            ref, payload = self.checker.post(self._clock())
            data = _framed(self._resumption.say(ref, payload))
            self._write(data[: round(share * len(data))])
        if not self.is_open:  # it ended with that write
            return False
        self._drop()
        return True

    def compare(self) -> None:
        """Ask for the server's model, to compare it with the client's own."""
        if self.is_open:
            self.checker.compare()
            self._send(Resync({self._target: None}))

    def close(self) -> None:
        """Say goodbye; the server's answer ends the connection."""
        if self.is_open:
            self._write(wire.encode_close(NORMAL_CLOSURE, mask=os.urandom(4)))

    def give_up(self) -> None:
        """End the connection without a word, if it is still there."""
        self._end("it was given up")

    def stay_away(self, how: str) -> None:
        """After a cut there is no way back."""
        self.ending = self.ending or how

    def _read(self) -> None:
        if not self.is_open:
            return  # it ended after the look that found something to read
        try:
            data = os.read(self._descriptor, _READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(str(error))
            return
        if data:
            self._feed(data)
        else:
            self._end("the server ended TCP without a word")

    def _feed(self, data: bytes) -> None:
        now = self._clock()
        for item in self._stream.feed(data):
            self._take(item, now)

    def _take(self, item: Item, now: float) -> None:
        match item:
            case ServerMessage():  # nearly all
                self.checker.feed(item, now)
            case wire.WebSocketPing(payload):
                self._write(wire.encode_frame(wire.PONG, payload, os.urandom(4)))
            case wire.WebSocketPong():
                pass
            case wire.WebSocketClose(code, reason):
                self._write(wire.encode_close(code, mask=os.urandom(4)))
                self._end(f"closed with {code} {reason}".rstrip())
            case wire.FramingFailed(_, reason):
                self._end(f"broken frame: {reason}")
            case Ping(n):
                self._send(Pong(n))
            case Welcome():
                self._welcome(item)
            case frame:
                self.checker.feed(frame, now)
                if not self.joined.is_set() and (self.checker.joined or self.checker.fault):
                    self.joined.set()

    def _welcome(self, welcome: Welcome) -> None:
        if not self._resumption.welcome(welcome):
            self._end("the server did not resume the session")
        elif self.checker.joined:
            unanswered = self.checker.outstanding
            self.checker.repeats = self._resumption.repeats(unanswered)
            for ref, (payload, _) in unanswered.items():
                self._send(self._resumption.say(ref, payload))

    def _send(self, frame: Frame) -> None:
        self._write(_framed(frame))

    def _write(self, data: bytes) -> None:
        # Never waits, so that one client cannot hold up the others: the kernel keeps thousands of our small frames.
        if not self.is_open:
            return
        try:
            if os.write(self._descriptor, data) < len(data):
                self._end("the server takes nothing any more")
        except OSError as error:
            self._end(str(error))

    def _end(self, how: str) -> None:
        if self.is_open:
            self.ending = how
            self._drop()
        self.joined.set()

    def _drop(self) -> None:
        self.is_open = False
        self._resumption.lose()
        self._reader.remove(self._descriptor)
        os.close(self._descriptor)


def _framed(frame: Frame) -> bytes:
    return wire.encode_frame(wire.BINARY, write(frame), os.urandom(4))
