"""Actors for tests of process children: each does one thing that an actor in another process may do."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import gevent
from gevent.monkey import get_original

from nuphar import Refused
from nuphar.actors import Actor
from nuphar.actors.runtime.actor import ThreadActor
from nuphar.actors.runtime.ref import Ignore
from nuphar.actors.words.exit_reasons import Crashed, Reason, Shutdown

block = get_original("time", "sleep")


class Doer(Actor):
    """Does what it is told, by name; ``notes`` is a file that it appends to when it ends."""

    def __init__(self, notes: str = "", **link: Any) -> None:
        super().__init__(**link)
        self.notes = notes
        self.told: list[Any] = []

    def handle(self, message: Any) -> Any:
        match message:
            case ["do", str(name), *arguments]:
                return getattr(self, f"do_{name}")(*arguments)
        self.told.append(message)
        return message

    def terminate(self, reason: Reason) -> None:
        if self.notes:
            with open(self.notes, "a") as file:
                file.write(f"{reason!r}\n")

    def do_pid(self) -> int:
        return os.getpid()

    def do_told(self) -> list[Any]:
        return self.told

    def do_where(self) -> list[Any]:
        return [self.name, os.getpgid(0) == os.getpid(), os.environ.get("PYTHONPATH")]

    def do_exit(self) -> None:
        self.exit()

    def do_shut_down(self) -> None:
        self.exit(Shutdown("enough"))

    def do_raise(self) -> None:
        raise ValueError("it is bad")

    def do_refuse(self) -> None:
        raise Refused("full", "no room", {"left": 0})

    def do_system_exit(self) -> None:
        sys.exit(3)

    def do_leave(self, code: int) -> None:
        os._exit(code)

    def do_signal(self, number: int) -> None:
        os.kill(os.getpid(), number)
        block(30.0)

    def do_segfault(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)
        block(30.0)

    def do_garbage(self) -> None:
        os.write(int(sys.argv[1]), b"\xff" * 100)

    def do_unknown_packet(self) -> None:
        os.write(int(sys.argv[1]), b"\x00\x00\x00\x01\x63\x00\x00\x00\x09\xf6")

    def do_hang(self, file: str = "") -> None:
        if file:
            open(file, "w").close()
        while True:
            block(30.0)

    def do_wait(self) -> None:
        gevent.sleep(30.0)

    def do_wait_for(self, file: str) -> None:
        while not os.path.exists(file):
            gevent.sleep(0.005)

    def do_object(self) -> object:
        return object()

    def do_bytes(self, length: int) -> bytes:
        return b"x" * length

    def do_keep_thread(self) -> None:
        import threading

        threading.Thread(target=block, args=(30.0,)).start()
        self.exit()

    def do_fork(self) -> int:
        pid = os.fork()
        if not pid:
            block(30.0)
            os._exit(0)
        return pid


class Threaded(ThreadActor):
    """Answers from an OS thread, where it may block."""

    def handle(self, message: Any) -> Any:
        block(0.001)
        return [message, "from a thread"]


class Failing(Actor):
    """Cannot begin."""

    def init(self) -> None:
        raise ValueError("there is no such thing")


class Ignoring(Actor):
    """Has nothing to do here."""

    def init(self) -> None:
        raise Ignore


class Hanging(Actor):
    """Never ends its ``init``; writes its process id to a file first."""

    def __init__(self, file: str, **link: Any) -> None:
        super().__init__(**link)
        self.file = file

    def init(self) -> None:
        with open(self.file, "w") as file:
            file.write(str(os.getpid()))
        while True:
            block(30.0)


class Dying(Actor):
    """Dies in ``init`` without a word."""

    def init(self) -> None:
        os._exit(7)


class Slow(Actor):
    """Takes its time for each message, so that its mailbox fills."""

    def init(self) -> None:
        self.mailbox.bound = 10
        self.handled = 0

    def handle(self, message: Any) -> Any:
        self.handled += 1
        gevent.sleep(0)
        return self.handled


class BadEnd(Actor):
    """Raises in ``terminate``."""

    def terminate(self, reason: Reason) -> None:
        raise ValueError(f"bad end: {isinstance(reason, Crashed)}")


class NoActor:
    """Is none."""
