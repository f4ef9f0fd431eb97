"""The contract of `Encoding`: how frames are written for one kind of connection.

>>> from nuphar.testing import contracts
>>> from nuphar.transport.server.framing import BARE
>>> class BareCase(contracts.EncodingCase):
...     encoding = BARE
...     def frames(self, joined):
...         return [self.decode(frame) for frame in joined]
>>> class TestBare(contracts.EncodingContract):
...     def make(self):
...         return BareCase()
>>> contracts.run(TestBare)  # pytest runs it by itself
10
"""

from __future__ import annotations

from typing import Any

from ...actors.words.ports import Encoding
from ...transport.serialiser.serialiser import automatic
from ...transport.wire.codec import Codec, decode
from ...transport.wire.frames import Acknowledge, Frame, Out, Push, Rejected, ServerMessage, Snapshot
from .memory_sink import MemorySink
from .running import Case

TARGETS = ["session", "topic:t", "topic:çж\U0001f600", "topic:" + "x" * 200]
"""Names of targets, with what needs more than one byte."""

NUMBERS = [0, 1, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**53 - 1]
"""Where a number takes another size in CBOR (RFC 8949 section 3), up to the largest (docs/wire.md)."""

PLAIN_VALUES: list[Any] = [None, True, 0, -1, 2**53 - 1, 1.5, "", "çж\U0001f600", [], [1, [2]], {}, {"a": {"b": None}}]
"""Payloads and states: plain data."""


VARIED = (
    [(target, 1, None) for target in TARGETS]
    + [("topic:t", number, None) for number in NUMBERS]
    + [("topic:t", 1, value) for value in PLAIN_VALUES]
)
"""A target, a number and a value, each of them varied."""


class EncodingCase(Case):
    """An encoding, and how the client at the other end reads what it has joined."""

    encoding: Encoding

    def __init__(self) -> None:
        self._serialiser = automatic()
        self._codec = Codec(self._serialiser)

    def frames(self, joined: Any) -> list[Frame]:
        """Return the frames that a client reads out of ``joined``; `decode` reads one."""
        raise NotImplementedError

    def decode(self, data: bytes | str) -> Frame:
        """Read one frame, in CBOR or JSON."""
        return decode(data, self._serialiser)

    def payload(self, message: Any) -> bytes:
        """Return ``message`` as it travels between actors."""
        return self._codec.encode_message(message)

    def state(self, model: Any) -> bytes:
        """Return ``model`` as it travels between actors."""
        return self._codec.encode_model(model)

    def sink(self) -> Any:
        """Return a sink that `deliver` may write to, with what a `MemorySink` has."""
        return MemorySink()


class EncodingContract:
    """What every encoding does. Its tests are those of a subclass with a `make`."""

    def make(self) -> EncodingCase:
        """Return a new case; called once in each test."""
        raise NotImplementedError

    def test_an_acknowledge_is_read_as_it_was_written(self) -> None:
        with self.make() as case:
            for target, number, _ in VARIED:
                for refs, final in (([number], False), ([1, number, 3], True), ([], True)):
                    piece = case.encoding.acknowledge(target, number, refs, final)
                    self._expect(case, [piece], Acknowledge(target, number, refs, final))

    def test_a_rejected_is_read_as_it_was_written(self) -> None:
        with self.make() as case:
            for target, number, details in VARIED:
                piece = case.encoding.rejected(number, target, "crashed", 'it says "no"', details)
                self._expect(case, [piece], Rejected(number, target, "crashed", 'it says "no"', details))
            piece = case.encoding.rejected(1, None, "malformed", "", None)
            self._expect(case, [piece], Rejected(1, None, "malformed", "", None))

    def test_an_out_is_read_as_it_was_written(self) -> None:
        with self.make() as case:
            for target, number, _ in VARIED:
                piece = case.encoding.out(target, "denied", "no", number)
                self._expect(case, [piece], Out(target, "denied", "no", number))

    def test_a_server_message_is_read_as_it_was_written(self) -> None:
        with self.make() as case:
            for target, number, value in VARIED:
                piece = case.encoding.server_message(target, number, case.payload(value))
                self._expect(case, [piece], ServerMessage(target, number, value))

    def test_what_is_told_besides_is_read_as_it_was_written(self) -> None:
        with self.make() as case:
            for target, number, value in VARIED:
                one: dict[str, Any] = {"author": target, "at": number / 8}
                piece = case.encoding.server_message(target, number, case.payload(value), one)
                self._expect(case, [piece], ServerMessage(target, number, value, one))
                many: dict[str, Any] = {"author": [target, None], "at": [None, number]}
                for refs, extra in (([1, number], many), ([number], {"author": [target]})):
                    piece = case.encoding.acknowledge(target, number, refs, False, extra)
                    self._expect(case, [piece], Acknowledge(target, number, refs, False, extra))
                piece = case.encoding.acknowledge(target, number, [1], False, {})
                self._expect(case, [piece], Acknowledge(target, number, [1], False))

    def test_a_push_is_read_as_it_was_written(self) -> None:
        with self.make() as case:
            for target, _, value in VARIED:
                self._expect(case, [case.encoding.push(target, case.payload(value))], Push(target, value))

    def test_a_snapshot_is_read_as_it_was_written(self) -> None:
        with self.make() as case:
            for target, number, value in VARIED:
                piece = case.encoding.snapshot(target, "e1", number, case.state(value), "subscribed")
                self._expect(case, [piece], Snapshot(target, "e1", number, value, "subscribed"))

    def test_pieces_are_joined_in_their_order(self) -> None:
        with self.make() as case:
            expected = [ServerMessage("topic:t", n, "x" * n) for n in range(300)]
            pieces = [case.encoding.server_message("topic:t", n, case.payload("x" * n)) for n in range(300)]
            self._expect(case, pieces, *expected)

    def test_what_is_joined_is_delivered_to_all(self) -> None:
        with self.make() as case:
            joined = case.encoding.join([case.encoding.push("topic:t", case.payload(5))])
            sinks = [case.sink() for _ in range(3)]
            case.encoding.deliver(sinks, joined)
            assert [sink.arrived for sink in sinks] == [[joined]] * 3, f"got {[sink.arrived for sink in sinks]}"

    def test_what_is_offered_and_not_taken_is_listed_and_nobody_is_given_up(self) -> None:
        with self.make() as case:
            joined = case.encoding.join([case.encoding.push("topic:t", case.payload(5))])
            sinks = [case.sink() for _ in range(3)]
            full = sinks[1]
            full.fill()
            refused: list[Any] = []
            case.encoding.deliver(sinks, joined, refused)
            assert refused == [full], f"expected the one that is full to be listed, got {refused}"
            assert [len(sink.arrived) for sink in sinks] == [1, 0, 1], f"got {[len(sink.arrived) for sink in sinks]}"
            assert not full.is_too_slow, "expected an offer to end nothing"

    def _expect(self, case: EncodingCase, pieces: list[bytes], *expected: Frame) -> None:
        found = case.frames(case.encoding.join(pieces))
        assert found == list(expected), f"expected {list(expected)!r:.400}, got {found!r:.400}"
