"""The contract of `Sink`: where a session's bytes go.

>>> from nuphar.testing import contracts
>>> class ListCase(contracts.SinkCase):
...     def __init__(self):
...         self.sink = contracts.MemorySink()
...     def arrived(self):
...         return b"".join(self.sink.arrived)
...     def end(self):
...         self.sink.end()
>>> class TestListSink(contracts.SinkContract):
...     def make(self):
...         return ListCase()
>>> contracts.run(TestListSink)  # pytest runs it by itself
6
"""

from __future__ import annotations

from typing import Any

import gevent

from ...actors.words.ports import Sink
from .running import Case, eventually

PIECES = [b"%d;" % n for n in range(100)]
"""What is sent: each piece is another, so that order and loss show."""

LARGE_PIECE = bytes(1000)
"""A piece of which not many fit."""

ENOUGH = 100_000
"""Pieces of `LARGE_PIECE` that no sink may keep: they have a bound."""


class SinkCase(Case):
    """A sink, and the client at its other end."""

    sink: Sink

    def joined(self, data: bytes) -> Any:
        """Return ``data`` as the sink takes it: what its encoding's ``join`` would have made."""
        return data

    def arrived(self) -> bytes:
        """Return the data that has reached the client so far, one piece after the other."""
        raise NotImplementedError

    def end(self) -> None:
        """End the connection."""
        raise NotImplementedError


class SlowSinkCase(SinkCase):
    """The same of a sink in which something may wait."""

    def stall(self) -> None:
        """Have the client take nothing any more, and fill what lies between until something waits in the sink."""
        raise NotImplementedError

    def drain(self) -> None:
        """Have the client take everything again."""
        raise NotImplementedError

    def is_over(self) -> bool:
        """Whether the sink has found the client too slow, and wants its connection ended."""
        raise NotImplementedError


class SinkContract:
    """What every sink does. Its tests are those of a subclass with a `make`."""

    def make(self) -> SinkCase:
        """Return a new case; called once in each test."""
        raise NotImplementedError

    def test_what_is_written_arrives_in_its_order(self) -> None:
        with self.make() as case:
            for piece in PIECES:
                case.sink.write(case.joined(piece))
            self._expect(case, b"".join(PIECES))

    def test_what_is_offered_arrives_in_order_with_what_is_written(self) -> None:
        with self.make() as case:
            for at, piece in enumerate(PIECES):
                if at % 2:
                    case.sink.write(case.joined(piece))
                else:
                    assert case.sink.offer(case.joined(piece)), f"a client that takes all was refused piece {at}"
            self._expect(case, b"".join(PIECES))

    def test_nothing_waits_for_a_client_that_takes_all(self) -> None:
        with self.make() as case:
            case.sink.write(case.joined(b"all"))
            self._expect(case, b"all")
            eventually(lambda: case.sink.pending == 0, f"expected no bytes to wait, got {case.sink.pending}")

    def test_a_write_lets_nobody_else_run(self) -> None:
        with self.make() as case:
            others: list[str] = []
            waiting = gevent.spawn(others.append, "expected no wait, got one: another greenlet has run")
            case.sink.write(case.joined(b"one"))
            case.sink.offer(case.joined(b"two"))
            assert not others, others[0]
            waiting.join()

    def test_what_is_written_after_the_end_is_nobody_s_and_raises_nothing(self) -> None:
        with self.make() as case:
            case.sink.write(case.joined(b"before;"))
            self._expect(case, b"before;")
            case.end()
            case.sink.write(case.joined(b"after;"))
            assert not case.sink.offer(case.joined(b"after;")), "expected an offer after the end to be refused"
            gevent.sleep(0)
            self._expect(case, b"before;")

    def test_the_end_comes_to_whom_it_has_come_already(self) -> None:
        with self.make() as case:
            case.end()
            case.end()
            case.sink.write(case.joined(b"after;"))

    def _expect(self, case: SinkCase, expected: bytes) -> None:
        found = bytearray()

        def has_come() -> bool:
            found[:] = case.arrived()
            return len(found) >= len(expected)

        eventually(has_come, f"expected {len(expected)} bytes to arrive, got fewer")
        assert found == expected, f"expected {expected!r} to arrive, got {bytes(found)!r}"


class SlowSinkContract(SinkContract):
    """What a sink does, besides, for a client that takes less than it is sent."""

    def make(self) -> SlowSinkCase:
        raise NotImplementedError

    def test_what_waits_is_counted_in_bytes(self) -> None:
        with self.make() as case:
            case.stall()
            before = case.sink.pending
            assert before > 0, "expected something to wait for a client that takes nothing"
            case.sink.write(case.joined(LARGE_PIECE))
            size = len(case.joined(LARGE_PIECE))
            assert case.sink.pending == before + size, f"expected {before} + {size} to wait, got {case.sink.pending}"

    def test_an_offer_is_taken_whole_or_not_at_all(self) -> None:
        with self.make() as case:
            case.stall()
            self._fill(case)
            before = case.sink.pending
            assert not case.sink.offer(case.joined(LARGE_PIECE))
            assert case.sink.pending == before, (
                f"expected nothing of it to be taken, got {case.sink.pending - before} bytes"
            )
            assert not case.is_over(), "an offer that is refused ends nothing"

    def test_an_offer_leaves_room_for_what_has_to_be_written(self) -> None:
        with self.make() as case:
            case.stall()
            self._fill(case)
            before = case.sink.pending
            case.sink.write(case.joined(b"an answer"))
            assert case.sink.pending > before, "expected an answer to find room"
            assert not case.is_over()
            case.drain()
            eventually(lambda: case.arrived().endswith(b"an answer"), "expected the answer to arrive last")

    def test_a_client_that_takes_nothing_is_given_up(self) -> None:
        with self.make() as case:
            case.stall()
            for _ in range(ENOUGH):
                case.sink.write(case.joined(LARGE_PIECE))
                if case.is_over():
                    return
            raise AssertionError(f"expected a bound, got {case.sink.pending} bytes that wait")

    def test_who_waits_for_room_is_told_once_when_nothing_waits(self) -> None:
        with self.make() as case:
            case.stall()
            told: list[int] = []
            case.sink.on_empty(lambda: told.append(case.sink.pending))
            assert told == [], "expected nobody to be told while something waits"
            case.drain()
            eventually(lambda: told, "expected to be told that nothing waits")
            assert told == [0], f"expected to be told when 0 bytes wait, got {told}"
            case.sink.write(case.joined(b"more"))
            eventually(lambda: case.arrived().endswith(b"more"), "expected more to arrive")
            assert told == [0], f"expected to be told once, got {len(told)} times"

    def test_nobody_is_told_of_room_if_the_connection_ends_before(self) -> None:
        with self.make() as case:
            case.stall()
            told: list[str] = []
            case.sink.on_empty(lambda: told.append("there is room in a connection that has ended"))
            case.end()
            case.drain()
            gevent.sleep(0)
            assert not told, told[0]

    def _fill(self, case: SlowSinkCase) -> None:
        for _ in range(ENOUGH):
            if not case.sink.offer(case.joined(LARGE_PIECE)):
                return
        raise AssertionError(f"expected a bound for what is offered, got {case.sink.pending} bytes that wait")
