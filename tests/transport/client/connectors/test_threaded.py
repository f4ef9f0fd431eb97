"""A connector of threads behind a client of an asyncio loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from nuphar.transport import Handler, Transport
from nuphar.transport.client.connectors.threaded import Threaded

LIMIT = 5.0


class Script:
    """A connector whose transport does what a test says, and tells in which thread."""

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self.sent: list[bytes] = []
        self.threads: set[int] = set()
        self.full = 0
        self.done: list[str] = []

    def __call__(self, handler: Handler) -> Transport:
        self.handler = handler
        return Transport(self.send, lambda: self.done.append("close"), lambda s: self.done.append(f"pause {s}"))

    def send(self, frame: bytes) -> None:
        self.threads.add(threading.get_ident())
        if self.full:
            self.full -= 1
            raise BlockingIOError("too much waits")
        self.sent.append(frame)


class Inside:
    """What a client hears, and in which thread."""

    def __init__(self, script: Script) -> None:
        self.told: list[Any] = []
        self.link = Threaded(script)
        self.transport = self.link(
            Handler(
                self.note,
                lambda: self.note("open"),
                lambda: self.note("lost"),
                lambda code, reason: self.note(code),
                self.note,
            )
        )

    def note(self, what: Any) -> None:
        self.told.append((what, threading.get_ident()))

    async def hear(self, *what: Any) -> None:
        async with asyncio.timeout(LIMIT):
            while [each for each, _ in self.told] != list(what):
                await asyncio.sleep(0)


def run(script: Script, work: Any) -> None:
    async def main() -> None:
        inside = Inside(script)
        try:
            await work(inside)
        finally:
            await inside.link.wait_closed()

    asyncio.run(main())


def from_a_thread(*calls: Any) -> None:
    def call() -> None:
        for function, *arguments in calls:
            function(*arguments)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join(LIMIT)


def test_whatever_thread_calls_the_loop_hears_it_in_order() -> None:
    script = Script()

    async def work(inside: Inside) -> None:
        handler = script.handler
        assert handler is not None
        from_a_thread((handler.on_reconnect,), (handler.on_receive, b"1"), (handler.on_disconnect,))
        from_a_thread((handler.on_fault, "why"), (handler.on_close, 1000, "end"))
        await inside.hear("open", b"1", "lost", "why", 1000)
        assert {thread for _, thread in inside.told} == {threading.get_ident()}

    run(script, work)


def test_frames_go_out_in_order_and_not_in_the_loops_thread() -> None:
    script = Script()

    async def work(inside: Inside) -> None:
        assert script.handler is not None
        from_a_thread((script.handler.on_reconnect,))
        await inside.hear("open")
        for n in range(10):
            inside.transport.send(b"%d" % n)

    run(script, work)
    assert script.sent == [b"%d" % n for n in range(10)]
    assert script.threads.isdisjoint({threading.get_ident()})


def test_a_frame_for_a_connection_that_is_lost_is_not_said_to_the_next() -> None:
    script = Script()

    async def work(inside: Inside) -> None:
        assert script.handler is not None
        from_a_thread((script.handler.on_reconnect,))
        await inside.hear("open")
        from_a_thread((script.handler.on_disconnect,), (script.handler.on_reconnect,))
        inside.transport.send(b"old")  # the loop has not heard of it yet
        await inside.hear("open", "lost", "open")
        inside.transport.send(b"new")

    run(script, work)
    assert script.sent == [b"new"]


def test_where_too_much_waits_a_frame_waits_too() -> None:
    script = Script()
    script.full = 1

    async def work(inside: Inside) -> None:
        assert script.handler is not None
        from_a_thread((script.handler.on_reconnect,))
        await inside.hear("open")
        inside.transport.send(b"1")
        inside.transport.send(b"2")

    run(script, work)
    assert script.sent == [b"1", b"2"]


def test_the_end_is_said_behind_everything_else() -> None:
    script = Script()

    async def work(inside: Inside) -> None:
        assert script.handler is not None
        from_a_thread((script.handler.on_reconnect,))
        await inside.hear("open")
        inside.transport.send(b"1")
        inside.transport.pause(2.0)
        inside.transport.close()

    run(script, work)
    assert (script.sent, script.done) == ([b"1"], ["pause 2.0", "close"])
