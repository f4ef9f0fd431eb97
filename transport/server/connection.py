"""One live connection: a WebSocket with the handshake before it and a session behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...actors.runtime import fair_turns
from ...actors.runtime.host import GEVENT, Host
from ...actors.runtime.log_throttle import ThrottledLogger
from ...actors.sessions.answers import WINDOW
from ...actors.sessions.membership import HELD
from ...actors.sessions.reception import Resumption
from ...actors.sessions.session import Session
from ...actors.sessions.sessions import Sessions
from ...actors.words.errors import Busy, RemoteProtocolError
from ..wire.codec import Codec, read
from ..wire.frames import Bye, Hello, Ping, Welcome
from .framing import plain
from .inbound import BAD_IN_A_ROW, Inbound
from .limits import Limits
from .protocol import Beat, End, Handshake
from .subprotocols import FRAMINGS

logger = ThrottledLogger("nuphar.transport")

TOO_SLOW, RESTARTING, TRY_AGAIN_LATER, OTHER_VERSION = 4513, 4500, 1013, 4406


class Socket(Protocol):
    """What a connection needs of its WebSocket, or of a line (`http.line`), which is pushed, not asked."""

    outbox: Any
    closed: bool
    close_code: int | None
    last_received: float

    @property
    def subprotocol(self) -> str | None: ...

    def receive(self) -> list[bytes | str] | None: ...

    def is_taking(self) -> bool: ...

    def close(self, code: int = 1000, reason: str = "") -> None: ...

    def abort(self) -> None: ...


@dataclass(eq=False)
class Gateway:
    """What every connection of one server shares."""

    codec: Codec
    sessions: Sessions
    limits: Limits
    resumption: Resumption
    host: Host = GEVENT
    connections: set[Connection] = field(default_factory=set)
    lines: set[Any] = field(default_factory=set)
    """Those over HTTP: their clients come back with each request, perhaps on a new connection of TCP."""
    doors: list[Callable[[], Any]] = field(default_factory=list)
    """What closes the listening sockets that lines still need when the server stops."""
    is_closing: bool = False
    """Whether nobody new is let in."""
    has_stopped: bool = False
    """Whether everybody has been told that the server stops: an application's own WSGI server may go on accepting."""

    @property
    def clock(self) -> Callable[[], float]:
        """The host's clock: monotonic seconds."""
        return self.host.clock

    def named_limits(self) -> dict[str, int]:
        """Return what a Welcome says that a client has to keep to."""
        most = self.sessions.subscriptions
        return {"message": self.limits.message, "subscriptions": most, "held": HELD, "window": WINDOW}

    def abort_all(self) -> None:
        """End every connection now, and take no other: nobody serves them any more."""
        self.has_stopped = self.is_closing = True
        for connection in list(self.connections):
            connection.abort()
        self.shut_doors()

    def shut_doors(self) -> None:
        """Listen no more, and forget the lines that were told their end."""
        for line in list(self.lines):
            line.end()
        while self.doors:
            self.doors.pop()()


class Connection:
    """Reads, greets, and passes on; `run` returns when the connection is over.

    ``identity`` is who the application says it is; a session is resumed for the same one only.
    """

    __slots__ = ("_bad", "_framing", "_gateway", "_handshake", "_identity", "_inbound", "_outbox", "_proof", "_socket")

    def __init__(self, socket: Socket, gateway: Gateway, identity: str | None = None) -> None:
        self._socket = socket
        self._identity = identity
        self._gateway = gateway
        self._framing = FRAMINGS[socket.subprotocol or "nuphar.v1.cbor"]
        self._outbox = socket.outbox
        self._outbox.on_refused = self._close_too_slow
        self._handshake = Handshake(gateway.clock(), gateway.limits)
        self._inbound: Inbound | None = None
        self._bad = 0
        self._proof: int | None = None
        """The number of the Pong that proves that the Welcome has arrived."""

    @property
    def session(self) -> Session | None:
        """Who it is, once it has said Hello."""
        return self._inbound.session if self._inbound is not None else None

    def run(self) -> None:
        """Serve the connection to its end, in the greenlet that calls."""
        if not self.begin():
            return
        try:
            while (messages := self._socket.receive()) is not None:
                self.receive(messages)
        finally:
            self.finish()

    def begin(self) -> bool:
        """Be one of the server's connections; False if it has stopped: then it is closed already."""
        if self._gateway.is_closing or self._gateway.has_stopped:
            self._end(RESTARTING, "the server stops")
            return False
        self._gateway.connections.add(self)
        return True

    def receive(self, messages: Iterable[bytes | str]) -> None:
        """Take what came together, between `begin` and `finish`, in as many turns as it takes."""
        turn = None
        for message in messages:
            if turn is None:
                turn = fair_turns.Turn()  # most reads bring one message
            elif fair_turns.is_over(turn):
                fair_turns.let_others_run()
                turn.renew()
            if self._socket.closed:
                break  # what came behind the frame that ended it is for nobody
            if self._inbound is not None:
                self._inbound.receive(message)
            else:
                self._greet(message)

    def finish(self) -> None:
        """Be none of the server's connections any more."""
        self._gateway.connections.discard(self)
        if self._inbound is not None:
            # We never close with 1000 while it runs, so the client did: it says that it does not come back.
            is_for_good = self._socket.close_code == 1000
            self._gateway.resumption.lose(self._inbound.session, self._gateway.clock(), is_for_good)

    def tick(self, now: float) -> None:
        """Do what is due: heartbeats, deadlines. A client that takes bytes lives, however long a message takes."""
        is_silent = now - self._socket.last_received > 1.2 * self._gateway.limits.heartbeat  # a Ping has no answer yet
        if (is_silent or self._outbox.pending) and self._socket.is_taking():
            self._socket.last_received = max(now, self._socket.last_received)
        match self._handshake.tick(now, self._socket.last_received):
            case Beat(n):
                self._outbox.write(self._framing.frame(plain(Ping(n))))
            case End(code, reason):
                self._end(code, reason)
        if self._outbox.pending and self._outbox.too_slow:
            self._close_too_slow()

    def say_bye(self, reason: str, retry_after: float) -> None:
        """Say that the end is planned, and close after everything that was written before."""
        if self._inbound is not None:
            self._outbox.write(self._framing.frame(plain(Bye(reason, retry_after))))
        self._socket.close(1001, reason)

    def abort(self) -> None:
        """End it now."""
        self._socket.abort()

    def _greet(self, data: bytes | str) -> None:
        try:
            frame = read(data, fair_turns.PULSE)
            if self._socket.closed:
                return  # others may have run
            refusal = self._handshake.greet(frame)
        except RemoteProtocolError as error:
            refusal = (error.code, str(error))
        if refusal is None:
            assert isinstance(frame, Hello)
            self._welcome(frame)
            return
        self._bad += 1
        self._outbox.write(self._framing.rejected(0, None, *refusal, None))
        if refusal[0] == "version":
            self._end(OTHER_VERSION, refusal[1])
        elif self._bad >= BAD_IN_A_ROW:
            self._end(4400, refusal[1])

    def _welcome(self, hello: Hello) -> None:
        gateway = self._gateway
        try:
            greeting = gateway.resumption.greet(
                hello.session, hello.token, self._identity, self._framing, self._outbox, self._end
            )
        except Busy as error:
            self._end(TRY_AGAIN_LATER, str(error))
            return
        session = greeting.session
        self._inbound = Inbound(session, self._framing, gateway.codec, self._end, self._take_pong, fair_turns.PULSE)
        welcome = Welcome(
            client_id=session.client_id,
            session=greeting.id,
            token=greeting.token,
            resumed=greeting.resumed,
            limits=gateway.named_limits(),
            heartbeat=gateway.limits.heartbeat,
            contract=gateway.codec.serialiser.contract(),
        )
        self._outbox.write(self._framing.frame(plain(welcome)))
        if greeting.resumed:
            self._proof = int(gateway.host.secret(4), 16)
            self._outbox.write(self._framing.frame(plain(Ping(self._proof))))
        gateway.sessions.restore(session, hello.cursors, greeting.resumed)

    def _take_pong(self, n: int) -> None:
        if n == self._proof and self.session is not None:
            self._proof = None
            self._gateway.resumption.prove(self.session)

    def _close_too_slow(self) -> None:
        if not self._socket.closed:
            logger.warning("client %s is too slow: %d bytes wait for it", self._name(), self._outbox.pending)
            self._socket.close(TOO_SLOW, "too slow")

    def _end(self, code: int, reason: str) -> None:
        if not self._socket.closed:
            logger.info("closing client %s with %d: %s", self._name(), code, reason)
            self._socket.close(code, reason[:120])

    def _name(self) -> str:
        return self._inbound.session.client_id if self._inbound is not None else "(before Hello)"
