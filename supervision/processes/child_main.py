"""What runs in the process of a process child: one actor, its messages from a socket, and an eye on the parent.

Started by `spec`: ``python -m nuphar.supervision.processes.child_main FD NAME MODULE:CLASS``.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import gevent.socket
import pykka
from gevent.hub import get_hub
from gevent.lock import BoundedSemaphore
from gevent.monkey import get_original

from ...actors.runtime.actor import Actor
from ...actors.runtime.future import Future
from ...actors.runtime.host import LONGEST_WAIT
from ...actors.runtime.mailbox import get_ident
from ...actors.runtime.pykka_names import Envelope
from ...actors.runtime.ref import Ignore, Ref
from ...actors.runtime.runtimes import start_new_thread
from ...actors.words.errors import Busy, LocalProtocolError, RemoteProtocolError, UsageError
from ...actors.words.exit_reasons import Crashed, Reason, Shutdown
from ...transport.wire.packets import Packet, Packets, dump_body, seal_packet
from .dotted_names import find
from .os_process import restore_environment
from .protocol import CHUNK, PacketKind, dump_error, dump_reason, load_reason

ORPHANED = 0.8
"""Seconds that an actor gets to stop when its parent is gone."""

LOOK_AT_PARENT = 500
"""Milliseconds between two looks at who our parent is: a fork of the parent may hold its end of the socket open."""

FULL = 0.005
"""Seconds between two tries to put a message into a full mailbox; meanwhile nothing is read, and the sender waits."""


sleep: Callable[[float], None] = get_original("time", "sleep")
poll: Callable[[], Any] = get_original("select", "poll")


class ParentLine:
    """The socket to the parent; any greenlet and any thread may send, and waits while the parent does not read."""

    def __init__(self, fd: int) -> None:
        self._socket = gevent.socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        self._hub = get_hub()
        self._thread = get_ident()
        self._turn = BoundedSemaphore()

    def packets(self) -> Iterator[Packet]:
        """Read packets up to the end of the parent.

        Raises: RemoteProtocolError.
        """
        packets = Packets()
        try:
            while data := self._socket.recv(CHUNK):
                yield from packets.receive_data(data)
        except OSError:  # a reset: the same as an end of file
            return

    def send(self, kind: PacketKind, number: int, body: bytes) -> None:
        """Send one packet."""
        data = seal_packet(kind, number, body)
        if get_ident() == self._thread:
            self._write(data)
        else:
            sent = Future()
            self._hub.loop.run_callback_threadsafe(gevent.spawn, self._write, data, sent)
            sent.get(timeout=None)

    def _write(self, data: bytes, sent: Future | None = None) -> None:
        try:
            with self._turn:
                self._socket.sendall(data)
        except OSError:  # the parent is gone
            return
        finally:
            if sent is not None:
                sent.set()


class AnswerToParent(pykka.Future[Any]):
    """Where an actor's answer goes: to the parent, by its number."""

    def __init__(self, line: ParentLine, number: int) -> None:
        super().__init__()
        self._line = line
        self._number = number

    def set(self, value: Any | None = None) -> None:
        """Send the answer, or why it cannot be sent."""
        try:
            body = dump_body(value)
        except LocalProtocolError as error:
            self.set_exception((type(error), error, None))
        else:
            self._line.send(PacketKind.ANSWER, self._number, body)

    def set_exception(self, exc_info: Any = None) -> None:
        """Send the error; nothing about a dead actor, for the parent knows that itself."""
        error = (exc_info or sys.exc_info())[1]
        assert error is not None, "there is no exception to answer with"
        if not isinstance(error, pykka.ActorDeadError):
            self._line.send(PacketKind.REFUSED, self._number, dump_body(dump_error(error)))


class Inside:
    """Runs one actor from the packet that starts it to its end."""

    def __init__(self, line: ParentLine) -> None:
        self._line = line
        self._incoming = line.packets()

    def run(self) -> None:
        """Start the actor, hand it its messages, and tell the parent how it ended."""
        first = next(self._incoming, None)
        if first is None:
            return
        try:
            ref = start_named(*first.body)
        except Ignore:
            self._say(PacketKind.IGNORED)
            return
        except BaseException as error:
            self._say(PacketKind.FAILED, dump_error(error))
            return
        terminated = gevent.signal_handler(signal.SIGTERM, ref.shut_down, Shutdown("SIGTERM"))
        self._say(PacketKind.STARTED)
        gevent.spawn(self._read, ref)
        reason = ref.wait_down(None)
        assert reason is not None
        self._say(PacketKind.DOWN, dump_reason(reason, time.monotonic()))
        terminated.cancel()

    def _read(self, ref: Ref[Any]) -> None:
        reason: Reason = Shutdown("the parent is gone")
        try:
            for packet in self._incoming:
                match packet.kind:
                    case PacketKind.TELL:
                        deliver(ref, packet.body)
                    case PacketKind.ASK:
                        deliver(ref, Envelope(packet.body, AnswerToParent(self._line, packet.number)))
                    case PacketKind.STOP:
                        ref.shut_down(load_reason(packet.body, time.monotonic()))
        except RemoteProtocolError as error:
            reason = Crashed(error)
        ref.shut_down(reason)

    def _say(self, kind: PacketKind, value: Any = None) -> None:
        self._line.send(kind, 0, dump_body(value))


def start_named(name: str, actor: str, args: list[Any]) -> Ref[Any]:
    """Find an actor's class and start it.

    Raises: UsageError if there is none, and what its module, its ``__init__`` or its ``init`` raises.
    """
    kind = find(actor)
    if not isinstance(kind, type) or not issubclass(kind, Actor):
        raise UsageError(f"{actor}: expected a class derived from nuphar.actors.Actor, got {kind!r}")
    return kind.start_link(*args, name=name, timeout=LONGEST_WAIT)  # the parent looks at the clock


def deliver(ref: Ref[Any], message: Any) -> None:
    """Put a message into the actor's mailbox; wait while it is full, and the parent's sender will wait for us."""
    while ref.is_alive():
        try:
            ref.actor_inbox.put(message)
        except Busy:
            gevent.sleep(FULL)
        else:
            return


def watch_parent(fd: int, parent: int) -> None:
    """End this process soon after the parent's end, even if the actor keeps the hub; runs in a thread of its own."""
    look = poll()
    look.register(fd, select.POLLHUP | getattr(select, "POLLRDHUP", 0))
    while not look.poll(LOOK_AT_PARENT) and os.getppid() == parent:
        continue
    sleep(ORPHANED)
    os._exit(1)


def main() -> None:
    """Run the actor that the parent names."""
    fd = int(sys.argv[1])
    parent = os.getppid()
    restore_environment()
    start_new_thread(watch_parent, (fd, parent))
    Inside(ParentLine(fd)).run()


if __name__ == "__main__":
    main()
