"""Rights that are withdrawn: nothing that is said afterwards reaches who has lost one, until it is allowed again.

Messages are numbered as they are made. When the router hears that a right is gone, all that has a higher number comes
behind that in every mailbox.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nuphar.actors.routing.router import RouterActor
from nuphar.transport import automatic, decode
from nuphar.transport.wire.frames import Push, ServerMessage, Snapshot

if TYPE_CHECKING:
    from .client import Client
    from .world import World

PLAIN = automatic()

SERVER_MESSAGE, PUSH, SNAPSHOT = 0x13, 0x14, 0x15


class Rights:
    """What has been withdrawn from one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._withdrawn: dict[tuple[str, str], int] = {}
        """The number of the newest message at that time, by client id and target."""

    def withdraw(self, client_id: str, target: str) -> None:
        """Hear that a right is found to be gone."""
        self._client.evicted.add(target)
        self._client.promises.strayed(target)
        if target not in self._client.admitted:
            self._withdrawn[client_id, target] = self._client.world.newest

    def allow(self, client_id: str, target: str, since: int) -> None:
        """Hear that a request is granted which was first considered when message ``since`` was the newest."""
        if since >= self._withdrawn.get((client_id, target), 0):
            self._withdrawn.pop((client_id, target), None)

    def hears(self, data: bytes, kind: int) -> None:
        """Take a frame, and see that it tells of nothing that it must not."""
        if kind not in (SERVER_MESSAGE, PUSH, SNAPSHOT) or not self._withdrawn:
            return
        client = self._client
        frame = decode(data, PLAIN)
        assert isinstance(frame, ServerMessage | Push | Snapshot)
        last = self._withdrawn.get((client.core.client_id or "", frame.target))
        newest = self._newest(frame) if isinstance(frame, Snapshot) else frame.payload
        if last is not None and frame.target not in client.admitted and newest >> 4 > last:
            client.world.oracle.fail(
                f"{client.name} hears message {newest >> 4} of {frame.target}; its right was gone at message {last}"
            )

    def _newest(self, snapshot: Snapshot) -> int:
        reference = self._client.world.oracle.references.get(snapshot.epoch)
        return reference.messages[snapshot.seq - 1] if reference is not None and snapshot.seq else 0


@contextmanager
def judged(world: World) -> Iterator[None]:
    """Hear what the router decides about rights."""
    consider, let_in, decide = RouterActor._consider, RouterActor._let_in, RouterActor._decide
    since: dict[Any, int] = {}

    def key(request: Any) -> Any:
        return request.session, request.target, request.number, request.nth

    def clients(request: Any) -> Iterator[Client]:
        return (client for client in world.clients if client.core.client_id == request.session.client_id)

    def considered(self: RouterActor, request: Any, hint: Any = None) -> None:
        if request is not None:
            since.setdefault(key(request), world.newest)
        consider(self, request, hint)

    def decided(self: RouterActor, verdict: Any) -> None:
        request = verdict.request
        session = self._sessions.of(request.session)
        if session is not None and not session.is_over(request):
            membership = session.memberships[request.target]
            if not request.is_check:
                is_late = verdict.code is None and membership.standing.bar_of(request) is not None
                world.oracle.seen["who was allowed before its right went is refused"] += is_late
            elif verdict.code is None:
                world.oracle.seen["a right is good when it is asked about again"] += 1
            else:
                where = (
                    "is in is asked about again and put out" if membership.is_in else "still joins has lost its right"
                )
                world.oracle.seen[f"who {where}"] += 1
                for client in clients(request):
                    client.rights.withdraw(request.session.client_id, request.target)
        decide(self, verdict)

    def lets_in(self: RouterActor, session: Any, verdict: Any) -> None:
        request = verdict.request
        for client in clients(request):
            if not request.is_check:
                client.rights.allow(session.client_id, request.target, since.get(key(request), 0))
        let_in(self, session, verdict)

    RouterActor._consider, RouterActor._decide, RouterActor._let_in = considered, decided, lets_in  # type: ignore[method-assign]
    try:
        yield
    finally:
        RouterActor._consider, RouterActor._decide, RouterActor._let_in = consider, decide, let_in  # type: ignore[method-assign]
