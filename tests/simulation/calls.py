"""Calls: a kind of targets that answers them, and what each client has called and not been answered."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

from nuphar.actors.sessions.kinds import Call, TargetKind
from nuphar.actors.words.errors import Refused
from nuphar.transport import automatic, decode
from nuphar.transport.wire.codec import encode
from nuphar.transport.wire.frames import Call as CallFrame
from nuphar.transport.wire.frames import Failure, Reply
from nuphar.transport.wire.strict import dump_cbor

if TYPE_CHECKING:
    from .client import Client
    from .world import World

PLAIN = automatic()

REPLY, FAILURE = 0x16, 0x17

FIRST = 1 << 40
"""Refs of calls are above those of anything else that a client sends here."""

CODES = {1: "no", 2: "crashed"}
"""What a number is answered with that has no Reply, by its rest modulo `KINDS`."""

LATE, KINDS = 3, 5


class Echo(TargetKind):
    """``page:echo`` gives back its number: at once or later, if it does not refuse it or crash on it."""

    def __init__(self, world: World) -> None:
        self.numbers = count()
        self._world = world
        self._called: Counter[int] = Counter()

    def call(self, session: Any, call: Call) -> None:
        number = call.arguments
        self._called[number] += 1
        if self._called[number] > 1:
            self._world.oracle.fail(f"call {number} is made twice")
        match number % KINDS:
            case 1:
                raise Refused("no", "it was refused")
            case 2:
                raise ValueError(number)
            case 3:
                self._world.later(self._world.chance(), lambda: session.reply(call.ref, dump_cbor(number)))
            case _:
                session.reply(call.ref, dump_cbor(number))

    def is_made(self, number: int) -> bool:
        """Say whether a call has come here."""
        return self._called[number] > 0


class Calls:
    """The calls of one client on its present connection: each has one answer, and those at once in their order."""

    def __init__(self, client: Client) -> None:
        self.open: dict[int, int] = {}
        self._client = client
        self._refs = count(FIRST)

    def say(self) -> None:
        """Call, if there is a connection that has been welcomed."""
        client = self._client
        if client.core.is_live and client.line is not None:
            ref, number = next(self._refs), next(client.world.echo.numbers)
            self.open[ref] = number
            client.core.outgoing.append(encode(CallFrame(ref, "page:echo", number), PLAIN))
            client.flush()

    def forget(self) -> None:
        """The connection is gone: nobody answers on another one."""
        if self.open:
            self._client.world.oracle.seen["a call whose connection is gone"] += 1
        self.open.clear()

    def hears(self, data: bytes, kind: int) -> None:
        """Take a frame, and see that it is the answer to a call, and no other at once is older."""
        if kind not in (REPLY, FAILURE):
            return
        oracle, name, echo = self._client.world.oracle, self._client.name, self._client.world.echo
        frame = decode(data, PLAIN)
        assert isinstance(frame, Reply | Failure)
        if frame.ref not in self.open:
            oracle.fail(f"{name}: {frame} is the answer to nothing that it has called on this connection")
        older = [number for ref, number in self.open.items() if ref < frame.ref]
        number = self.open.pop(frame.ref)
        if number % KINDS != LATE and any(each % KINDS != LATE for each in older):
            oracle.fail(f"{name}: call {number} is answered before {older}")
        said = frame.code if isinstance(frame, Failure) else frame.value
        if said != CODES.get(number % KINDS, number) or not echo.is_made(number):
            oracle.fail(f"{name}: call {number} is answered with {said}")
        oracle.seen["a call is answered"] += 1
        if older:
            oracle.seen["a call is answered late, by another order"] += 1
