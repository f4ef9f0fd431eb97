"""Somebody who has copied a client's session and token, and comes in with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nuphar import Identity
from nuphar.transport import decode, encode
from nuphar.transport import frames as f
from nuphar.transport.wire.websocket_frames import BINARY, encode_frame
from nuphar.transport.wire.websocket_reader import FrameReader

from .client import MASK, WELCOME
from .site import PLAIN
from .watching import check_theft

if TYPE_CHECKING:
    from .world import World


class Thief:
    """Says Hello with what it has stolen, as its user or as another, and proves it if it may go on.

    Then it says something, and is gone after a while.
    """

    def __init__(
        self, world: World, session: str, token: str, ref: int, user: str | None, *, is_used: bool, is_foreign: bool
    ) -> None:
        self._world = world
        self._stolen = session
        self._is_used = is_used
        self._is_foreign = is_foreign
        self._site = world.site
        self._ref = ref
        self._reader = FrameReader(1 << 24, client=True)
        self._line = world.open_line()
        self._line.on_data = self._hear
        self._line.identity = None if user is None else Identity(user)
        self._is_resumed = False
        self._send(f.Hello(1, session, token, {}, {}))
        world.later(world.chance() * 20, self._leave)

    def _send(self, frame: f.Frame) -> None:
        self._line.send_up(encode_frame(BINARY, encode(frame, PLAIN), MASK))

    def _hear(self, data: bytes) -> None:
        world = self._world
        for event in self._reader.feed(data):
            if not isinstance(event, bytes):
                continue
            if event[1] == WELCOME:
                welcome = decode(event, PLAIN)
                assert isinstance(welcome, f.Welcome)
                self._is_resumed = welcome.resumed
                if self._site is world.site:
                    if not self._is_foreign:
                        check_theft(world, self._stolen, is_used=self._is_used, is_resumed=welcome.resumed)
                    elif welcome.resumed:
                        world.oracle.fail("a thief comes in as another user")
                    else:
                        world.oracle.seen["a thief of another user"] += 1
                world.oracle.seen["a thief who comes first" if welcome.resumed else "a thief who gets nothing"] += 1
            elif event[1] == 7 and self._is_resumed:
                ping = decode(event, PLAIN)
                assert isinstance(ping, f.Ping)
                self._send(f.Pong(ping.n))
                # With the proof the client's own token is burnt, so its refs are the thief's from now on.
                message, identity = world.next_message(0), self._line.identity
                world.authors.says(message, None if identity is None else identity.user)
                self._send(f.ClientMessage(self._ref, "topic:board", message))

    def _leave(self) -> None:
        self._line.cut(self._world.rng, 3.0, 0.0)
