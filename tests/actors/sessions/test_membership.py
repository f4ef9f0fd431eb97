"""A membership: what is held and what goes on, whatever crosses whatever."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from nuphar import Busy
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions import membership_table as table
from nuphar.actors.sessions.membership import HELD, Membership
from nuphar.actors.sessions.membership_table import (
    NEXT,
    WHEN_A_LEAVE_WAS_HELD,
    WHEN_NOTHING_IS_ASKED,
    AnswerHeld,
    Ask,
    Close,
    Decide,
    Dismiss,
    End,
    Forward,
    Grant,
    Greet,
    Greeted,
    Illegal,
    MembershipState,
    PutOut,
    Refuse,
    Release,
    Supersede,
    Trust,
    Unsubscribe,
    Wait,
    Wake,
)
from nuphar.actors.sessions.messages import Request, Verdict
from nuphar.actors.sessions.standing import UNGREETED
from nuphar.actors.targets.messages import Join, Leave, Post, Why

ROOT = Path(__file__).parents[3]
ME: Any = "me"
OLDER: Any = "older"
BOUND = 6

ASKED = Request(ME, 1, "topic:t", None, None)
EVENTS = {
    Ask(),
    Trust(),
    Greet(),
    Wait(Verdict(ASKED)),
    Greeted(),
    Grant(Mailbox(), Join(ME, 1, None, ())),
    Dismiss(),
    End(),
    Supersede(),
} | {kind(Leave(ME, None)) for kind in (Refuse, Unsubscribe, PutOut, Close)}


def nobody(cursor: Any) -> None:
    """Ask nobody."""


def put_out() -> Leave:
    return Leave(ME, None, Why("denied", "out", 0))


class Asked:
    """A request as the router knows it: its ref or None, and its membership's number and leaves at the time."""

    def __init__(self, ref: int | None, number: int, leaves: int) -> None:
        self.ref = ref
        self.number = number
        self.leaves = leaves


class Run:
    """A session in one target, as often as it comes, and whoever hears what became of what it asked and said."""

    def __init__(self, is_heir: bool) -> None:
        self.mailbox = Mailbox()
        self.membership = Membership(bound=BOUND)
        self.asked: list[Asked] = []
        self.ref = self.server_leaves = 0
        self.refs = {"subscribe": list[int](), "post": list[int](), "unsubscribe": list[int]()}
        self.answered: list[int] = []
        """The refs that have their answer, or that nobody has begun."""
        self.refused: list[int] = []
        self.members: set[Any] = set()
        self.waiting: list[Verdict] = []
        """Those that wait until it has been greeted, and are then decided in their order."""
        if is_heir:
            older = Membership()
            older.step(Ask())
            older.step(Grant(self.mailbox, None))
            heir = older.heir(OLDER, 2, BOUND, self.restore)
            assert heir is not None
            self.membership = heir
            self.members = {OLDER}
        else:
            self.subscribe()

    def restore(self, cursor: Any = None) -> None:
        """Do what a session does when its client has named a target, or something has to be held for it."""
        self.asked.append(Asked(None, self.membership.number, self.membership.leaves))
        self.step(Ask())

    # What the client does.

    def subscribe(self) -> None:
        if self.is_out:
            self.membership = Membership(self.membership.number + 1, BOUND)
        elif self.membership.wake is not None:
            self.membership.wake(None)
        self.asked.append(Asked(self.next("subscribe"), self.membership.number, self.membership.leaves))
        self.step(Ask())

    def post(self) -> None:
        ref = self.next("post")
        try:
            self.membership.put(Post(ME, ref, "x", b"x"))
        except Busy:
            assert not self.membership.is_in
            self.refused.append(ref)

    def unsubscribe(self) -> None:
        ref = self.next("unsubscribe")
        if self.is_out:
            self.answered.append(ref)
            return
        try:
            self.step(Unsubscribe(Leave(ME, ref)))
        except Busy:
            self.refused.append(ref)

    # What the server does.

    def decide(self, which: int, kind: str) -> None:
        """Answer one of the requests."""
        request = self.asked.pop(which % len(self.asked))
        membership = self.membership
        is_gone = self.is_out or membership.number != request.number
        is_over = is_gone or request.leaves < membership.left
        if request.ref is not None and (is_over or kind != "grant"):
            self.answered.append(request.ref)  # by the router
        if is_gone:
            return
        if is_over or kind == "nonsense":
            self.step(Dismiss())
        elif kind == "grant":
            self.step(Grant(self.mailbox, Join(ME, request.ref, None, ()), request.leaves))
        else:
            self.step(Refuse(put_out()))

    def wait(self) -> None:
        """Have one of the requests wait until it has been greeted."""
        verdict = Verdict(ASKED._replace(trusted=True), text=str(self.membership.requests))
        if self.membership.standing.is_greeted:
            self.waiting.append(verdict)
        self.step(Wait(verdict))

    def step(self, event: table.MembershipEvent) -> None:
        was, legal = self.membership.state, NEXT[self.membership.state]
        if type(event) not in legal:
            with pytest.raises(Illegal):
                self.membership.step(event)
            assert self.membership.state is was
            return
        note(f"{was.name} + {type(event).__name__}")
        effects = self.membership.step(event)
        assert self.membership.state in reachable(legal[type(event)])
        for effect in effects:
            self.perform(effect)

    @property
    def is_out(self) -> bool:
        return self.membership.state is MembershipState.ENDED

    # What comes of it.

    def perform(self, effect: table.MembershipEffect) -> None:
        match effect:
            case Forward(mailbox, message):
                mailbox.put_anyway(message)
                self.take()
            case AnswerHeld(message):
                if message.ref is not None:
                    self.answered.append(message.ref)
            case Release(ref):
                self.answered.append(ref)
            case Wake():
                self.restore()
            case Decide(verdict) if self.waiting:
                assert verdict == self.waiting.pop(0)

    def take(self) -> None:
        """Be the target: whoever posts is in it, and everything has its answer there."""
        for message in self.mailbox.drain():
            match message:
                case Join(session, ref, replaces=replaces):
                    assert replaces is None or replaces in self.members
                    self.members.discard(replaces)
                    self.members.add(session)
                case Leave(session, ref):
                    self.members.discard(session)
                case Post(session, ref):
                    assert session in self.members
            if ref is not None:
                self.answered.append(ref)

    def next(self, kind: str) -> int:
        self.ref += 1
        self.refs[kind].append(self.ref)
        return self.ref

    def check(self) -> None:
        """See that everything holds that holds at any time."""
        self.take()
        membership = self.membership
        assert self.is_out or membership.requests == sum(each.number == membership.number for each in self.asked)
        assert (membership.wake is not None) is (membership.state is MembershipState.UNNAMED)
        assert membership.wake is None or not membership._held, "what is held waits for no name"
        assert membership.is_in is (membership.state in (MembershipState.JOINED, MembershipState.ASKING_AGAIN))
        assert (ME in self.members) is membership.is_in
        assert OLDER not in self.members or membership.replaces == OLDER
        assert len(membership._held) <= BOUND + membership.requests + self.server_leaves
        assert membership.held_bytes(1) == sum(1 + isinstance(each, Post) for each in membership._held)


def reachable(then: MembershipState) -> set[MembershipState]:
    """Return ``then``, and what follows from it by itself."""
    found = {then}
    for rule in (WHEN_A_LEAVE_WAS_HELD, WHEN_NOTHING_IS_ASKED):
        found |= {rule[each] for each in found if each in rule}
    return found


STEPS = st.one_of(
    st.sampled_from(
        [
            *["subscribe"] * 2,
            *["post"] * 3,
            "unsubscribe",
            "named",
            "trust",
            "greet",
            "wait",
            "greeted",
            "put out",
            "end",
        ]
    ),
    st.tuples(st.integers(0, 3), st.sampled_from(["grant", "grant", "refuse", "nonsense"])),
)
LAST = st.sampled_from(["grant", "refuse", "supersede", "close"])


@settings(max_examples=300)
@given(st.booleans(), st.lists(STEPS, min_size=5, max_size=40), LAST)
def test_every_ref_is_answered_once_and_in_order_whatever_crosses_whatever(
    is_heir: bool, steps: list[Any], last: str
) -> None:
    run = Run(is_heir)
    for step in steps:
        match step:
            case "subscribe" | "post" | "unsubscribe":
                getattr(run, step)()
            case which, kind if run.asked:
                run.decide(which, kind)
            case _ if run.is_out:
                pass  # there is nothing that could hear of it
            case "named" if run.membership.state is MembershipState.UNNAMED:
                run.restore()
            case "trust":
                run.step(Trust())
            case "greet":
                run.step(Greet())
            case "wait":
                run.wait()
            case "greeted":
                run.step(Greeted())
            case "put out":
                run.server_leaves += 1
                run.step(PutOut(put_out()))
            case "end":
                run.members.clear()  # the target is over, and with it whoever was in
                run.step(End())
        run.check()
    if run.is_out or last in ("grant", "refuse"):
        if run.membership.wake is not None:
            run.membership.wake(None)
        while run.asked:
            run.decide(0, last)
            run.check()
        assert run.membership.state in (MembershipState.JOINED, MembershipState.ENDED)
    else:
        held = [each for each in run.membership._held if each.ref]
        if last == "supersede":
            run.step(Supersede())
            held = [each for each in held if isinstance(each, Leave)]  # the Posts are told
        else:
            run.step(Close(put_out()))
            assert run.members == set()
        # All that comes again from the next connection, or nobody waits for it any more.
        run.answered += [each.ref for each in [*held, *run.asked] if each.ref is not None]
    assert sorted(run.answered + run.refused) == list(range(1, run.ref + 1))
    posts = [ref for ref in run.answered if ref in run.refs["post"]]
    assert posts == sorted(posts)
    if run.is_out:
        with pytest.raises(Busy, match="has ended"):
            run.membership.put("more")


def test_only_so_many_messages_are_held() -> None:
    membership = Membership()
    for n in range(HELD):
        membership.put(n)
    with pytest.raises(Busy, match=str(HELD)):
        membership.put(HELD)


def test_as_many_unsubscribes_are_held_as_there_are_requests_even_over_the_bound() -> None:
    membership = Membership(bound=0)
    membership.step(Ask())
    membership.step(Unsubscribe(Leave(ME, 1)))
    with pytest.raises(Busy):
        membership.step(Unsubscribe(Leave(ME, 2)))
    mailbox = Mailbox()
    membership.step(Ask())
    effects = membership.step(Grant(mailbox, None))
    assert effects == [Forward(mailbox, Leave(ME, 1))]
    membership.step(Unsubscribe(Leave(ME, 3)))


def test_a_leave_of_the_server_names_the_subscribe_that_had_let_it_in() -> None:
    membership, mailbox = Membership(), Mailbox()
    membership.step(Ask())
    membership.step(PutOut(put_out()))
    membership.step(Ask())
    join = Join(ME, 7, None, ())
    out = Leave(ME, None, Why("denied", "out", 7))
    assert membership.step(Grant(mailbox, join)) == [Forward(mailbox, join), Forward(mailbox, out)]
    assert membership.left == 0, "the client has not left: what it asked for is not over"
    membership.step(Grant(mailbox, join._replace(ref=9)))
    assert membership.step(PutOut(put_out())) == [Forward(mailbox, out._replace(why=Why("denied", "out", 9)))]


def test_who_left_and_asked_again_gets_what_was_sent_before_by_the_answer_to_the_latter() -> None:
    membership, mailbox = Membership(), Mailbox()
    first, second = Post(ME, 2, "a", b"a"), Post(ME, 5, "b", b"b")
    membership.step(Ask())
    membership.put(first)
    membership.step(Unsubscribe(Leave(ME, 3)))
    membership.step(Ask())
    membership.put(second)
    assert membership.is_new(1)
    sent = [effect.message for effect in membership.step(Grant(mailbox, Join(ME, 4, None, ()), leaves=1))]
    leave = Leave(ME, 3, greeted=False)
    assert sent == [Join(ME, None, None, ()), first, leave, Join(ME, 4, None, ()), second]
    assert membership.state is MembershipState.ASKING_AGAIN


def test_the_heir_takes_its_predecessor_out_when_it_is_refused_or_closed() -> None:
    for last in (Refuse(put_out()), Dismiss(), Close(put_out())):
        membership, mailbox = Membership(), Mailbox()
        membership.step(Ask())
        membership.step(Grant(mailbox, None))
        heir = membership.heir(OLDER, 2, BOUND, nobody)
        assert heir is not None
        heir.step(Ask())
        assert heir.step(last) == [Forward(mailbox, Leave(OLDER, None))]


def test_an_heir_takes_the_place_of_its_predecessor_once_even_if_it_left_and_asked_again() -> None:
    membership, mailbox = Membership(), Mailbox()
    membership.step(Ask())
    membership.step(Grant(mailbox, None))
    heir = membership.heir(OLDER, 2, BOUND, nobody)
    assert heir is not None
    heir.step(Ask())
    heir.step(Unsubscribe(Leave(ME, 3)))
    heir.step(Ask())
    sent = [effect.message for effect in heir.step(Grant(mailbox, Join(ME, 4, None, ()), leaves=1))]
    silent = Join(ME, None, None, (), None, OLDER)
    assert sent == [silent, Leave(ME, 3), Join(ME, 4, None, ())]
    assert heir.replaces is None


def test_what_is_held_for_one_that_is_unnamed_asks_once() -> None:
    woken: list[Any] = []

    def unnamed() -> Membership:
        membership = Membership()
        membership.step(Ask())
        membership.step(Grant(Mailbox(), None))
        heir = membership.heir(OLDER, 2, BOUND, woken.append)
        assert heir is not None
        return heir

    heir = unnamed()
    assert heir.step(Unsubscribe(Leave(ME, 3))) == [Wake()]
    assert unnamed().step(PutOut(put_out())) == [Wake()]
    assert woken == []
    unnamed().put(Post(ME, 1, "x", b"x"))
    unnamed().put_anyway(Post(ME, 1, "x", b"x"))
    assert woken == [None, None]
    heir.step(Ask())
    heir.put(Post(ME, 4, "x", b"x"))
    assert heir.step(Unsubscribe(Leave(ME, 5))) == []
    assert woken == [None, None]


def test_what_its_target_ended_for_it_resumes_no_more() -> None:
    membership = Membership()
    membership.step(Ask())
    membership.step(Grant(Mailbox(), None))
    heir = membership.heir(OLDER, 2, BOUND, nobody)
    assert heir is not None
    heir.step(Ask())
    heir.step(End())
    assert heir.replaces is None
    assert heir.is_new(0)
    assert heir.step(Refuse(put_out())) == []


def test_trust_ends_with_being_in_and_comes_with_the_next_grant_of_the_server() -> None:
    membership, mailbox = Membership(), Mailbox()
    membership.step(Ask(trusted=True))
    membership.step(Ask())
    membership.step(Grant(mailbox, None, trusted=True))
    membership.step(PutOut(put_out()))
    assert not membership.trusted
    membership.step(Grant(mailbox, None, trusted=True))
    assert membership.trusted


@pytest.mark.parametrize("state", MembershipState)
@pytest.mark.parametrize("event", sorted(EVENTS, key=lambda event: type(event).__name__))
def test_what_is_in_no_row_is_refused_and_changes_nothing(state: MembershipState, event: table.MembershipEvent) -> None:
    membership = in_state(state)
    if type(event) in NEXT[state]:
        membership.step(event)
        assert membership.state in reachable(NEXT[state][type(event)])
        return
    with pytest.raises(Illegal, match=f"{type(event).__name__} cannot happen to a membership that is {state.name}"):
        membership.step(event)
    assert membership.state is state


def in_state(state: MembershipState) -> Membership:
    """Return a membership in this state."""
    membership = Membership()
    membership.step(Ask())
    if state is MembershipState.UNNAMED:
        membership.step(Grant(Mailbox(), None))
        heir = membership.heir(OLDER, 2, BOUND, nobody)
        assert heir is not None
        membership = heir
    if state in (MembershipState.JOINED, MembershipState.ASKING_AGAIN):
        membership.step(Grant(Mailbox(), None))
    if state is MembershipState.ASKING_AGAIN:
        membership.step(Ask())
    if state is MembershipState.ENDED:
        membership.step(Dismiss())
    assert membership.state is state
    return membership


def test_every_row_of_the_tables_stands_in_the_docs_and_no_other() -> None:
    page = (ROOT / "docs" / "design" / "membership.md").read_text()
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")
    ]
    said = {tuple(row[:3]) for row in rows if len(row) == 4}
    real = {(state.name, kind.__name__, then.name) for state, nexts in NEXT.items() for kind, then in nexts.items()}
    real |= {(was.name, "a Leave was held", then.name) for was, then in WHEN_A_LEAVE_WAS_HELD.items()}
    real |= {(was.name, "nothing is asked any more", then.name) for was, then in WHEN_NOTHING_IS_ASKED.items()}
    assert said == real


def test_one_that_ended_while_it_was_joining_is_freed_without_the_collector() -> None:
    gc.collect()
    membership = Membership()
    membership.step(Ask())
    membership.put(Post(ME, 1, "x", b"x"))
    assert membership.step(Dismiss()) == [AnswerHeld(Post(ME, 1, "x", b"x"))]
    del membership
    assert gc.collect() == 0


def test_what_was_sent_under_each_of_several_subscribes_finds_it_in() -> None:
    membership, mailbox = Membership(), Mailbox()
    posts = [Post(ME, ref, "a", b"a") for ref in (2, 5, 8)]
    membership.step(Ask())
    membership.put(posts[0])
    membership.step(Unsubscribe(Leave(ME, 3)))
    membership.step(Ask())
    membership.put(posts[1])
    membership.step(Unsubscribe(Leave(ME, 6)))
    membership.step(Ask())
    membership.put(posts[2])
    sent = [effect.message for effect in membership.step(Grant(mailbox, Join(ME, 7, None, ()), leaves=2))]
    silent = Join(ME, None, None, ())
    first, second = (Leave(ME, ref, greeted=False) for ref in (3, 6))
    assert sent == [silent, posts[0], first, silent, posts[1], second, Join(ME, 7, None, ()), posts[2]]


def test_only_so_many_wait_for_a_greeting_and_what_the_server_wants_always_does() -> None:
    membership, verdict = Membership(), Verdict(ASKED)
    membership.step(Ask())
    assert membership.step(Wait(verdict)) == [Decide(verdict)], "nobody is greeted: there is nothing to wait for"
    membership.step(Greet())
    for _ in range(UNGREETED):
        assert membership.step(Wait(verdict)) == []
    with pytest.raises(Busy, match=f"{UNGREETED} requests wait"):
        membership.step(Wait(verdict))
    trusted = Verdict(ASKED._replace(trusted=True))
    membership.step(Wait(trusted))
    assert membership.step(Greeted()) == [*[Decide(verdict)] * UNGREETED, Decide(trusted)]
    assert membership.step(Greeted()) == []


def test_who_resumes_has_been_greeted_unless_it_leaves_before() -> None:
    membership, mailbox = Membership(), Mailbox()
    assert membership.is_new(0)
    membership.step(Ask())
    membership.step(Grant(mailbox, None))
    assert not membership.is_new(0)
    heir = membership.heir(OLDER, 2, BOUND, nobody)
    assert heir is not None
    heir.step(Ask())
    heir.step(Unsubscribe(Leave(ME, 3)))
    assert not heir.is_new(0)
    assert heir.is_new(1)
