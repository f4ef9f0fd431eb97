"""The contract of `TargetKind`: what is special about one kind of targets, behind a server that runs.

>>> import nuphar
>>> from nuphar.testing import contracts
>>> class TopicsCase(contracts.TargetKindCase):
...     target = "topic:news"
...     def __init__(self):
...         super().__init__(nuphar.Server())
...         self.server.topic("news")
>>> class TestTopics(contracts.TargetKindContract):
...     def make(self):
...         return TopicsCase()
>>> contracts.run(TestTopics)  # pytest runs it by itself
13
"""

from __future__ import annotations

import gevent

from ...actors.sessions.messages import Reconsider, Request
from ...transport.server.framing import BARE
from ...transport.wire import frames as f
from .running import eventually
from .target_kind_case import FakeClient, TargetKindCase

APPLIED = f.Acknowledge
"""What a Subscribe, a message and an Unsubscribe are answered with if all is well."""


class TargetKindContract:
    """What every kind of targets does. Its tests are those of a subclass with a `make`."""

    def make(self) -> TargetKindCase:
        """Return a new case; called once in each test."""
        raise NotImplementedError

    def test_a_subscribe_is_answered_once_and_lets_in(self) -> None:
        with self.make() as case:
            known = self._enter(case)
            self._expect(known, [(1, APPLIED)])
            assert known.session.memberships[case.target].is_in, f"expected {known.session!r} to be in {case.target!r}"

    def test_so_is_each_of_two(self) -> None:
        with self.make() as case:
            known = FakeClient(case.server)
            known.send(*(f.Subscribe(ref, case.target, None, None) for ref in (1, 2)))
            known.wait_answered(1, 2)
            self._expect(known, [(1, APPLIED), (2, APPLIED)])

    def test_a_message_is_answered_once_behind_its_subscribe(self) -> None:
        with self.make() as case:
            known = FakeClient(case.server)
            known.send(f.Subscribe(1, case.target, None, None), f.ClientMessage(2, case.target, case.message))
            known.wait_answered(1, 2)
            assert known.answers() == [(1, APPLIED), (2, APPLIED)], f"expected 1, then 2, got {known.answers()}"

    def test_a_message_comes_to_the_others_unless_the_target_is_one_s_own(self) -> None:
        with self.make() as case:
            known, other = self._enter(case), self._enter(case)
            known.send(f.ClientMessage(2, case.target, case.message))
            known.wait_answered(2)
            heard = [frame for frame in other.frames if isinstance(frame, f.ServerMessage | f.Push)]
            expected = 0 if case.kind.is_own else 1
            assert len(heard) == expected, f"expected {expected} messages at the other client, got {heard}"

    def test_who_may_not_is_refused_once_and_in_nothing(self) -> None:
        with self.make() as case:
            if case.forbidden is None:
                return
            known = FakeClient(case.server)
            known.send(f.Subscribe(1, case.forbidden, None, None), f.ClientMessage(2, case.forbidden, case.message))
            known.wait_answered(1, 2)
            self._expect(known, [(1, f.Rejected), (2, f.Rejected)])
            assert case.forbidden not in known.session.memberships, f"expected nobody to be in {case.forbidden!r}"

    def test_who_leaves_may_come_again_and_nobody_leaves_its_own(self) -> None:
        with self.make() as case:
            known = self._enter(case)
            known.send(f.Unsubscribe(2, case.target))
            known.wait_answered(2)
            is_in = case.target in known.session.memberships
            assert is_in is case.kind.is_own, f"expected is_own, {case.kind.is_own}, got {is_in} after an Unsubscribe"
            known.send(f.Subscribe(3, case.target, None, None), f.ClientMessage(4, case.target, case.message))
            known.wait_answered(3, 4)
            self._expect(known, [(ref, APPLIED) for ref in (1, 2, 3, 4)])

    def test_who_goes_on_with_another_connection_stays_in(self) -> None:
        with self.make() as case:
            known = self._enter(case)
            older, sessions = known.session, case.server.sessions
            newer = sessions.resume(older, BARE, older.sink)
            sessions.restore(newer, {}, True)
            eventually(lambda: newer.memberships[case.target].is_in, "expected the newer session to be in")
            newer.post(2, case.target, case.message, case.server.codec.encode_message(case.message))
            eventually(lambda: newer.answers.answer(2) is not None, "expected an answer to what it sends")

    def test_of_a_session_that_has_ended_nothing_is_left(self) -> None:
        with self.make() as case:
            known = self._enter(case)
            session = known.session
            case.server.disconnect(known.id)
            eventually(lambda: case.server.sessions.get(known.id) is None, "expected the session to end")
            assert session.memberships == {}, f"expected no memberships, got {session.memberships}"
            if case.kind.is_own:
                assert case.kind.locate(session, case.target) is None, "expected its own target to end with it"

    def test_where_a_target_is_found_its_messages_go(self) -> None:
        with self.make() as case:
            known = self._enter(case)
            found, used = case.kind.locate(known.session, case.target), known.session.memberships[case.target].mailbox
            assert found is used, f"expected {used!r}, the mailbox that it was let into, got {found!r}"

    def test_no_verb_waits(self) -> None:
        with self.make() as case:
            known = self._enter(case)
            others: list[str] = []
            other = gevent.spawn(others.append, "expected no wait, got one: another greenlet has run")
            verdict = case.kind.judge(Request(known.session, None, case.target, None, None))
            if verdict is not None and verdict.code is None:
                case.kind.greet(verdict)
                assert case.kind.open(verdict) is not None, "expected a Grant: it runs, and says yes"
            case.kind.locate(known.session, case.target)
            list(case.kind.reconsider(known.session))
            case.kind.tick(case.server.books.host.clock())
            assert not others, others[0]
            other.join()

    def test_whose_rights_are_good_stays_and_hears_nothing(self) -> None:
        with self.make() as case:
            known = self._enter(case)
            before = len(known.got)
            case.server.router.put(Reconsider(known.id))
            known.send(f.ClientMessage(2, case.target, case.message))
            known.wait_answered(2)
            membership = known.session.memberships[case.target]
            eventually(lambda: membership.requests == 0, "expected the question about its right to be answered")
            assert len(known.got) == before + 1, f"expected an Acknowledge, got {known.frames[before:]}"

    def test_a_call_is_answered_once(self) -> None:
        with self.make() as case:
            known = FakeClient(case.server)
            known.send(f.Call(1, f"{case.target}.is not there", None))
            known.wait_answered(1)
            self._expect(known, [(1, f.Failure)])
            if case.call is not None:
                known.send(f.Call(2, *case.call))
                known.wait_answered(2)
                self._expect(known, [(1, f.Failure), (2, f.Reply)])

    def test_a_stop_is_said_to_whoever_shares_the_target(self) -> None:
        with self.make() as case:
            known = self._enter(case)
            case.server.stop()
            finals = [frame for frame in known.frames if isinstance(frame, f.Acknowledge) and frame.final]
            expected = 0 if case.kind.is_own else 1
            assert len(finals) == expected, f"expected {expected} final Acknowledges, got {finals}"

    @staticmethod
    def _enter(case: TargetKindCase) -> FakeClient:
        """Return a client that is subscribed, by a Subscribe with ref 1."""
        known = FakeClient(case.server)
        known.send(f.Subscribe(1, case.target, None, None))
        known.wait_answered(1)
        return known

    @staticmethod
    def _expect(known: FakeClient, expected: list[tuple[int, type]]) -> None:
        got = sorted(known.answers(), key=lambda answer: answer[0])
        assert got == expected, f"expected one answer to each ref, {expected}, got {got}"
