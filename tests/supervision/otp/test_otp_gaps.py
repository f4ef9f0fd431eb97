"""What Pykka lacks and a supervisor needs; tests/actors/runtime/test_actor.py shows each beside plain Pykka."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import gevent
import pykka
import pytest
from conformance.otp.nursery import LIMIT, Broken, Nursery, child, end, open_nursery, states, why

from nuphar.actors import SHUTDOWN, Actor, Down, Ref, ThreadActor
from nuphar.actors.runtime.future import Future
from nuphar.actors.runtime.mailbox import Mailbox, ThreadMailbox
from nuphar.actors.runtime.registry import Registry
from nuphar.actors.words.errors import Busy, NupharError
from nuphar.supervision import ChildSpec, worker

pytestmark = pytest.mark.usefixtures("caplog")


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with open_nursery() as nursery:
        yield nursery


class Obedient(Actor):
    """Raises, calls or answers what it is told."""

    def handle(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message(self) if callable(message) else message


def test_P_01_an_error_that_is_no_answer_reaches_who_asked_and_counts_as_a_restart(nursery: Nursery) -> None:
    ref = nursery.start(worker("a", Obedient), intensity=1)
    with pytest.raises(NupharError):
        child(ref, "a").ask(NupharError("an answer"))
    for _ in range(2):
        with pytest.raises(ValueError, match="a crash"):
            child(ref, "a").ask(ValueError("a crash"))
    assert why(ref) == "shutdown"


@pytest.mark.parametrize("error", [SystemExit, gevent.GreenletExit, gevent.Timeout, GeneratorExit])
def test_P_02_whatever_one_child_raises_the_others_live(nursery: Nursery, error: type[BaseException]) -> None:
    ref = nursery.start(*[worker(id, Obedient) for id in "abc"])
    others = child(ref, "a"), child(ref, "c")
    b = child(ref, "b")
    b.tell(error())
    b.wait_down(LIMIT)
    assert states(ref) == "a, b, c"
    assert (child(ref, "a"), child(ref, "c")) == others


def test_P_03_a_failed_init_is_the_error_of_the_start(nursery: Nursery) -> None:
    nursery.script("a", "error")
    ref = nursery.start()
    with pytest.raises(Broken):
        nursery.spec("a").start(ref)


def test_P_03_an_init_that_takes_too_long_fails_its_start_and_is_killed(nursery: Nursery) -> None:
    class Slow(Actor):
        def init(self) -> None:
            started.append(self.ref)
            gevent.sleep(LIMIT)

    started: list[Ref[Any]] = []
    ref = nursery.start()
    with pytest.raises(pykka.Timeout):
        worker("a", Slow, start_timeout=0.01).start(ref)
    assert why(started[0]) == "killed"


def test_P_04_every_end_is_told_exactly_once(nursery: Nursery) -> None:
    downs: Counter[Ref[Any]] = Counter()

    class Watcher(Actor):
        def handle(self, message: Any) -> Any:
            if isinstance(message, Down):
                downs[message.ref] += 1

    watcher = Watcher.start_link()
    all = [Obedient.start_link(monitor=watcher) for _ in range(60)]
    for n, each in enumerate(all):
        how = n % 5
        if how == 0:
            each.kill()
            each.kill()
        elif how == 1:
            each.tell(ValueError())
        elif how == 2:
            each.shut_down(SHUTDOWN)
            each.kill()
        elif how == 3:
            each.shut_down(SHUTDOWN)
    for n, each in enumerate(all):
        if n % 5 < 4:
            each.wait_down(LIMIT)
    alive = [each for each in all if each.is_alive()]
    watcher.ask("all told")
    assert len(all) - sum(downs.values()) == len(alive) == 12
    assert set(downs.values()) == {1}
    for each in alive:
        each.stop()
    watcher.stop()


def test_P_05_a_thread_that_wakes_up_after_its_end_neither_answers_nor_takes_a_message_away() -> None:
    mailbox = ThreadMailbox()
    entered, gate = Future(), Future()
    handled: list[Any] = []
    first_ref: list[Ref[Any]] = []

    class Blocking(ThreadActor):
        def handle(self, message: Any) -> Any:
            if self.ref is first_ref[0]:
                entered.set()
                gate.get(timeout=LIMIT)
                return "too late"
            handled.append(message)
            return "in time"

    first = Blocking.start_link(mailbox=mailbox)
    first_ref.append(first)
    answer = first.ask("hello", block=False)
    entered.get(timeout=LIMIT)
    first.kill()
    second = Blocking.start_link(mailbox=mailbox)
    assert answer.get(timeout=LIMIT) == "in time"
    gate.set()
    second.stop()
    assert handled == ["hello"]


def test_P_07_a_full_mailbox_refuses() -> None:
    entered, gate = Future(), Future()

    def block(actor: Any) -> None:
        entered.set()
        gate.get(timeout=LIMIT)

    mailbox = Mailbox(2)
    ref = Obedient.start_link(mailbox=mailbox)
    ref.tell(block)
    entered.get(timeout=LIMIT)
    ref.tell("waits")
    with pytest.raises(Busy, match="2 messages wait, the bound is 2"):
        ref.tell("one too many")
    gate.set()
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"


def test_P_08_a_thousand_asks_behind_a_crash_all_have_an_answer() -> None:
    ref = Obedient.start_link()
    ref.tell(ValueError())
    answers = [ref.ask(n, block=False) for n in range(1_000)]
    outcomes = Counter[str]()
    for answer in answers:
        try:
            answer.get(timeout=LIMIT)
            outcomes["answered"] += 1
        except pykka.ActorDeadError:
            outcomes["refused"] += 1
    assert outcomes == {"refused": 1_000}


def test_P_08_with_a_mailbox_that_outlives_it_a_successor_answers_them(nursery: Nursery) -> None:
    mailbox = Mailbox()

    class Once(Obedient):
        def handle(self, message: Any) -> Any:
            if message == "crash" and not crashes:
                crashes.append(message)
                raise ValueError
            return message

    crashes: list[str] = []

    def start(monitor: Ref[Any]) -> Ref[Any]:
        return Once.start_link(monitor=monitor, mailbox=mailbox, name="a")

    ref = nursery.start(ChildSpec("a", start))
    a = child(ref, "a")
    a.tell("crash")
    answers = [a.ask(n, block=False) for n in range(1_000)]
    assert [answer.get(timeout=LIMIT) for answer in answers] == list(range(1_000))
    assert child(ref, "a") is not a


def test_P_08_asking_a_stale_ref_between_two_owners_leaves_the_mailbox_as_it_is() -> None:
    mailbox = Mailbox()
    ref = Obedient.start_link(mailbox=mailbox)
    ref.kill()
    assert why(ref) == "killed"
    mailbox.put("for the successor")
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anybody?")
    assert len(mailbox) == 1


def test_P_09_a_stale_ref_never_reaches_the_new_actor(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"))
    stale = child(ref, "a")
    end(ref, "a", "abnormal")
    nursery.take()
    with pytest.raises(pykka.ActorDeadError):
        stale.ask("normal")
    with pytest.raises(pykka.ActorDeadError):
        stale.tell("normal")
    stale.kill()
    stale.shut_down(SHUTDOWN)
    assert states(ref) == "a"
    assert nursery.take() == []


def test_P_10_two_registries_do_not_know_each_other_s_actors(nursery: Nursery) -> None:
    other = Registry()
    nursery.start(nursery.spec("a"))
    assert nursery.journal.whereis("a") is not None
    assert other.whereis("a") is None
    assert pykka.ActorRegistry.get_by_class(Actor) == []
