"""What every kind of targets has to do (`nuphar.actors.sessions.kinds.TargetKind`), behind a server that runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
import pytest

from ...actors.sessions.kinds import TargetKind
from ...actors.sessions.messages import Reconsider, Request
from ...actors.sessions.session import Session
from ...actors.sessions.sessions import generate_client_id
from ...supervision.root.server import Server
from ...transport.server.framing import BARE
from ...transport.wire import frames as f
from ...transport.wire.codec import decode, encode

LIMIT = 10.0
"""Seconds that any wait here may take."""


@dataclass(frozen=True)
class Scene:
    """A kind that is registered on a server which runs.

    Anybody may subscribe to ``target`` and send ``message`` there, nobody to ``forbidden`` (None: there is no such
    name). ``call`` is the name and the arguments of a call that succeeds, if there are any.
    """

    server: Server
    kind: TargetKind
    target: str
    message: Any = 1
    forbidden: str | None = None
    call: tuple[str, Any] | None = None


class Known:
    """A client without a socket; what it has got are frames."""

    def __init__(self, server: Server) -> None:
        self.id = generate_client_id()
        self.got: list[bytes] = []
        self._server = server
        server.connect(self.id, self.got.append)

    @property
    def session(self) -> Session:
        session = self._server.sessions.get(self.id)
        assert session is not None
        return session

    @property
    def frames(self) -> list[f.Frame]:
        return [decode(frame, self._server.codec.serialiser) for frame in self.got]

    def send(self, *frames: f.Frame) -> None:
        for frame in frames:
            self._server.incoming(self.id, encode(frame, self._server.codec.serialiser))

    def answers(self) -> list[tuple[int, type]]:
        """Return what each ref was answered with, in order."""
        found: list[tuple[int, type]] = []
        for frame in self.frames:
            if isinstance(frame, f.Acknowledge):
                found += [(ref, f.Acknowledge) for ref in frame.refs]
            elif isinstance(frame, f.Rejected | f.Reply | f.Failure):
                found.append((frame.ref, type(frame)))
        return found

    def wait_answered(self, *refs: int) -> None:
        """Wait until all of these have an answer, and then for another that would be too many."""
        wait(lambda: {ref for ref, _ in self.answers()} >= set(refs))
        for _ in range(100):
            gevent.sleep(0)


def wait(condition: Callable[[], object]) -> None:
    with gevent.Timeout(LIMIT):
        while not condition():
            gevent.sleep(0)


class TargetKindContract:
    """Give a fixture ``scene``, a `Scene` on a server that the fixture starts and stops."""

    @pytest.fixture
    def known(self, scene: Scene) -> Known:
        return Known(scene.server)

    def enter(self, scene: Scene, known: Known) -> None:
        """Have a client subscribed, by a Subscribe with ref 1."""
        known.send(f.Subscribe(1, scene.target, None, None))
        known.wait_answered(1)

    def test_a_subscribe_is_answered_once_and_lets_in(self, scene: Scene, known: Known) -> None:
        self.enter(scene, known)
        assert known.answers() == [(1, f.Acknowledge)]
        assert known.session.memberships[scene.target].is_in

    def test_so_is_each_of_two(self, scene: Scene, known: Known) -> None:
        known.send(f.Subscribe(1, scene.target, None, None), f.Subscribe(2, scene.target, None, None))
        known.wait_answered(1, 2)
        assert sorted(known.answers()) == [(1, f.Acknowledge), (2, f.Acknowledge)]

    def test_a_message_is_answered_once_behind_its_subscribe(self, scene: Scene, known: Known) -> None:
        known.send(f.Subscribe(1, scene.target, None, None), f.ClientMessage(2, scene.target, scene.message))
        known.wait_answered(1, 2)
        assert known.answers() == [(1, f.Acknowledge), (2, f.Acknowledge)]

    def test_a_message_comes_to_the_others_unless_the_target_is_one_s_own(self, scene: Scene, known: Known) -> None:
        other = Known(scene.server)
        self.enter(scene, known)
        self.enter(scene, other)
        known.send(f.ClientMessage(2, scene.target, scene.message))
        known.wait_answered(2)
        heard = [frame for frame in other.frames if isinstance(frame, f.ServerMessage | f.Push)]
        assert len(heard) == (0 if scene.kind.is_own else 1)

    def test_who_may_not_is_refused_once_and_in_nothing(self, scene: Scene, known: Known) -> None:
        if scene.forbidden is None:
            pytest.skip("everybody may")
        known.send(f.Subscribe(1, scene.forbidden, None, None), f.ClientMessage(2, scene.forbidden, scene.message))
        known.wait_answered(1, 2)
        assert sorted(known.answers()) == [(1, f.Rejected), (2, f.Rejected)]
        assert scene.forbidden not in known.session.memberships

    def test_who_leaves_may_come_again_and_nobody_leaves_its_own(self, scene: Scene, known: Known) -> None:
        self.enter(scene, known)
        known.send(f.Unsubscribe(2, scene.target))
        known.wait_answered(2)
        assert (scene.target in known.session.memberships) is scene.kind.is_own
        known.send(f.Subscribe(3, scene.target, None, None), f.ClientMessage(4, scene.target, scene.message))
        known.wait_answered(3, 4)
        assert sorted(known.answers()) == [(ref, f.Acknowledge) for ref in (1, 2, 3, 4)]

    def test_who_goes_on_with_another_connection_stays_in(self, scene: Scene, known: Known) -> None:
        self.enter(scene, known)
        older, sessions = known.session, scene.server.sessions
        newer = sessions.resume(older, BARE, older.sink)
        sessions.restore(newer, {}, True)
        wait(lambda: newer.memberships[scene.target].is_in)
        known.send(f.Ping(1))  # its own connection is the older one, and counts no more
        newer.post(2, scene.target, scene.message, scene.server.codec.encode_message(scene.message))
        wait(lambda: newer.answers.answer(2) is not None)

    def test_of_a_session_that_has_ended_nothing_is_left(self, scene: Scene, known: Known) -> None:
        self.enter(scene, known)
        session = known.session
        scene.server.disconnect(known.id)
        wait(lambda: scene.server.sessions.get(known.id) is None)
        assert session.memberships == {}
        if scene.kind.is_own:
            assert scene.kind.locate(session, scene.target) is None

    def test_where_a_target_is_found_its_messages_go(self, scene: Scene, known: Known) -> None:
        self.enter(scene, known)
        assert scene.kind.locate(known.session, scene.target) is known.session.memberships[scene.target].mailbox

    def test_no_verb_waits(self, scene: Scene, known: Known) -> None:
        self.enter(scene, known)
        ran: list[bool] = []
        other = gevent.spawn(lambda: ran.append(True))
        request = Request(known.session, None, scene.target, None, None)
        verdict = scene.kind.judge(request, False)
        if verdict is not None and verdict.code is None:
            assert scene.kind.open(verdict) is not None, "who runs and lets somebody in has to open"
        scene.kind.locate(known.session, scene.target)
        list(scene.kind.reconsider(known.session))
        scene.kind.tick(scene.server.books.host.clock())
        assert ran == []
        other.join()

    def test_whose_rights_are_good_stays_and_hears_nothing(self, scene: Scene, known: Known) -> None:
        self.enter(scene, known)
        before = len(known.got)
        scene.server.router.put(Reconsider(known.id))
        known.send(f.ClientMessage(2, scene.target, scene.message))
        known.wait_answered(2)
        wait(lambda: known.session.memberships[scene.target].requests == 0)
        assert len(known.got) == before + 1

    def test_a_call_is_answered_once(self, scene: Scene, known: Known) -> None:
        known.send(f.Call(1, f"{scene.target}.is not there", None))
        known.wait_answered(1)
        assert known.answers() == [(1, f.Failure)]
        if scene.call is not None:
            known.send(f.Call(2, *scene.call))
            known.wait_answered(2)
            assert known.answers()[1:] == [(2, f.Reply)]

    def test_a_stop_is_said_to_whoever_shares_the_target(self, scene: Scene, known: Known) -> None:
        self.enter(scene, known)
        scene.server.stop()
        finals = [frame for frame in known.frames if isinstance(frame, f.Acknowledge) and frame.final]
        assert len(finals) == (0 if scene.kind.is_own else 1)
