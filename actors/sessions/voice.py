"""What a session says to its client, whoever has it say so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..targets.outs import say_rejected, sayable
from ..words.ports import Encoding, Sink
from .answers import Answers, Refusal


class Voice:
    """``write(joined)`` hands what ``encoding.join`` made to the session's sink.

    Its slots are what each delivery touches of a session. Those of a base come first, so they share the header's cache
    line.
    """

    __slots__ = ("answers", "encoding", "sink", "write")

    sink: Sink
    write: Callable[[Any], object]

    def __init__(self, encoding: Encoding, sink: Sink, answers: Answers | None) -> None:
        self.encoding = encoding
        self.connect(sink)
        self.answers = answers if answers is not None else Answers()

    def connect(self, sink: Sink) -> None:
        """Write to ``sink`` from now on."""
        self.sink = sink
        self.write = sink.write

    def reject(self, ref: int, target: str | None, code: str, text: str, details: Any = None) -> None:
        """Tell the client that a frame of its was not applied."""
        if ref:
            self.answers.refuse(ref, Refusal(target, code, text, details))
        self.say_rejected(ref, target, code, text, details)

    def say_done(self, ref: int, target: str) -> None:
        """Write an Acknowledge of a Subscribe or an Unsubscribe after which there is nothing left to do."""
        self.write(self.encoding.join([self.encoding.acknowledge(target, 0, [ref], False)]))

    def say_rejected(self, ref: int, target: str | None, code: str, text: str, details: Any = None) -> None:
        """Write a Rejected that is not the answer to the message with this ref, or not the first."""
        say_rejected(self, ref, target, code, text, details)

    def reply(self, ref: int, value: bytes) -> None:
        """Write the answer to a call; ``value`` is what `Codec.encode_message` makes."""
        self.write(self.encoding.join([self.encoding.reply(ref, value)]))

    def fail(
        self, ref: int, code: str, text: str, trace_id: str | None = None, errors: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Write that a call has no value; ``errors`` are pairs (path, text) about its arguments."""
        said = [(sayable(path), sayable(fault)) for path, fault in errors]
        self.write(self.encoding.join([self.encoding.failure(ref, sayable(code), sayable(text), trace_id, said)]))
