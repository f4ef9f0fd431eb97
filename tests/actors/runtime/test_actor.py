"""The actor on every runtime: greenlets, threads, and both again in a monkey-patched process.

Where Pykka has a trap, one test shows it on Pykka's own actor (``test_plain_pykka_…``), the next that we have none.
"""

from __future__ import annotations

import inspect
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pykka
import pytest
from gevent import queue
from gevent.monkey import get_original

from nuphar.actors import KILLED, NORMAL, SHUTDOWN, Actor, Crashed, Down, Ref, ThreadActor
from nuphar.actors.runtime.future import Future
from nuphar.actors.runtime.mailbox import Mailbox, ThreadMailbox
from nuphar.actors.runtime.registry import Registry
from nuphar.actors.words.errors import NupharError

LIMIT = 10.0  # seconds that any wait here may take
PATCHED = "NUPHAR_TESTS_ARE_PATCHED"

allocate_lock = get_original("_thread", "allocate_lock")
start_new_thread = get_original("_thread", "start_new_thread")


@pytest.fixture(params=[Actor, ThreadActor], ids=["greenlet", "thread"])
def kind(request: pytest.FixtureRequest) -> type[Actor]:
    return request.param  # type: ignore[no-any-return]


class Monitor(Actor):
    """Keeps every Down."""

    def init(self) -> None:
        self.downs: list[Down] = []
        self.first = FIRST[self.ref] = Future()

    def handle(self, message: Any) -> Any:
        if isinstance(message, Down):
            self.downs.append(message)
            if len(self.downs) == 1:
                self.first.set(message)
            return None
        return list(self.downs)


FIRST: dict[Ref[Any], Future] = {}


@pytest.fixture
def monitor() -> Iterator[Ref[Monitor]]:
    ref = Monitor.start_link(name="monitor")
    yield ref
    del FIRST[ref]
    ref.stop()


def first_down(monitor: Ref[Monitor]) -> Down:
    down: Down = FIRST[monitor].get(timeout=LIMIT)
    return down


def downs(monitor: Ref[Monitor]) -> list[Down]:
    found: list[Down] = monitor.ask("downs")
    return found


def echo(kind: type[Actor]) -> type[Actor]:
    """An actor that does what it is told: raises an exception, calls a function, or answers."""

    class Echo(kind):  # type: ignore[misc, valid-type]
        def handle(self, message: Any) -> Any:
            if isinstance(message, BaseException):
                raise message
            if callable(message):
                return message(self)
            return message

    return Echo


class Gate:
    """Holds an actor in its handler until the test opens it; works on greenlets and threads."""

    def __init__(self) -> None:
        self.entered = Future()
        self._open = Future()

    def __call__(self, actor: Any = None) -> str:
        self.entered.set()
        self._open.get(timeout=LIMIT)
        return "through"

    def wait_entered(self) -> None:
        self.entered.get(timeout=LIMIT)

    def open(self) -> None:
        self._open.set()


def run_python(code: str) -> str:
    """Run ``code`` in a process of its own, and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip()


class PlainGreenletActor(pykka.Actor):
    """The least that makes Pykka's actor run on greenlets."""

    _create_actor_inbox = staticmethod(queue.SimpleQueue)
    _create_future = staticmethod(Future)

    def _start_actor_loop(self) -> None:
        self.greenlet = GREENLET[self.actor_urn] = gevent.spawn(self._actor_loop)

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else message


GREENLET: dict[str, gevent.Greenlet] = {}


class PlainThreadActor(pykka.ThreadingActor):
    use_daemon_thread = True

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message(self) if callable(message) else message


def forget(*refs: pykka.ActorRef[Any]) -> None:
    """Take plain Pykka actors, dead or zombies, out of the process-wide list."""
    for ref in refs:
        pykka.ActorRegistry.unregister(ref)
        GREENLET.pop(ref.actor_urn, None)


# A BaseException in one handler.

ONE_FALLS = """
import logging, gevent, pykka
logging.disable(logging.CRITICAL)
class A(pykka.ThreadingActor):
    use_daemon_thread = True
    def on_receive(self, message):
        raise message
bystander, victim = A.start(), A.start()
victim.tell({error})
print(bystander.actor_stopped.wait(10))
"""


@pytest.mark.parametrize("error", ["SystemExit()", "gevent.Timeout(1)", "gevent.GreenletExit()", "KeyboardInterrupt()"])
def test_plain_pykka_stops_every_actor_of_the_process_when_one_raises_a_base_exception(error: str) -> None:
    assert run_python(ONE_FALLS.format(error=error)) == "True"


@pytest.mark.parametrize("error", [SystemExit, gevent.Timeout, gevent.GreenletExit, GeneratorExit, ValueError])
@pytest.mark.parametrize("how", ["tell", "ask"])
def test_whatever_a_handler_raises_hurts_nobody_else(
    kind: type[Actor], error: type[BaseException], how: str, monitor: Ref[Monitor], caplog: pytest.LogCaptureFixture
) -> None:
    bystander, victim = echo(kind).start_link(), echo(kind).start_link(monitor=monitor)
    if how == "tell":
        victim.tell(error())
    else:
        # What would end the greenlet that asks reaches it as an ordinary error.
        with pytest.raises(pykka.ActorDeadError if error is gevent.GreenletExit else error):
            victim.ask(error(), timeout=LIMIT)
    assert isinstance(first_down(monitor).reason, Crashed)
    assert bystander.ask("alive") == "alive"
    bystander.stop()


def test_keyboard_interrupt_ends_its_actor_and_goes_on_to_the_main_greenlet(
    monitor: Ref[Monitor], caplog: pytest.LogCaptureFixture
) -> None:
    bystander, victim = echo(Actor).start_link(), echo(Actor).start_link(monitor=monitor)
    victim.tell(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        gevent.sleep(LIMIT)
    assert isinstance(first_down(monitor).reason, Crashed)
    assert bystander.ask("alive") == "alive"
    bystander.stop()


def test_keyboard_interrupt_in_a_thread_ends_its_actor_alone(
    monitor: Ref[Monitor], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)
    bystander, victim = echo(ThreadActor).start_link(), echo(ThreadActor).start_link(monitor=monitor)
    victim.tell(KeyboardInterrupt())
    assert isinstance(first_down(monitor).reason, Crashed)
    assert bystander.ask("alive") == "alive"
    bystander.stop()


# A failed ask.


def test_plain_pykka_leaves_an_actor_alive_whose_handler_failed_in_an_ask() -> None:
    ref = PlainThreadActor.start()
    with pytest.raises(ValueError):
        ref.ask(ValueError())
    assert ref.is_alive()
    ref.stop()


def test_a_failed_ask_ends_the_actor_and_the_monitor_hears_of_it(
    kind: type[Actor], monitor: Ref[Monitor], caplog: pytest.LogCaptureFixture
) -> None:
    ref = echo(kind).start_link(monitor=monitor)
    error = ValueError("a bug")
    with pytest.raises(ValueError, match="a bug"):
        ref.ask(error)
    assert first_down(monitor) == Down(ref, Crashed(error))
    assert not ref.is_alive()


def test_a_nuphar_error_raised_by_an_ask_is_an_answer_and_the_actor_lives(kind: type[Actor]) -> None:
    ref = echo(kind).start_link()
    with pytest.raises(NupharError, match="no"):
        ref.ask(NupharError("no"))
    assert ref.ask("still here") == "still here"
    ref.stop()


def test_a_nuphar_error_raised_by_a_tell_is_a_crash(
    kind: type[Actor], monitor: Ref[Monitor], caplog: pytest.LogCaptureFixture
) -> None:
    error = NupharError("nobody asked")
    ref = echo(kind).start_link(monitor=monitor)
    ref.tell(error)
    assert first_down(monitor) == Down(ref, Crashed(error))


def test_an_actor_without_handle_says_what_it_does_not_handle(kind: type[Actor]) -> None:
    ref = kind.start_link(name="mute")
    with pytest.raises(NupharError, match="does not handle 'hello'"):
        ref.ask("hello")
    ref.stop()


# A failed start.


def test_plain_pykka_hides_a_failed_start(caplog: pytest.LogCaptureFixture) -> None:
    class Stillborn(pykka.ThreadingActor):
        use_daemon_thread = True

        def on_start(self) -> None:
            raise ValueError("stillborn")

    ref = Stillborn.start()  # no word of it
    assert ref.actor_stopped.wait(LIMIT)


def test_start_link_raises_what_init_raised_and_the_monitor_hears_nothing(
    kind: type[Actor], monitor: Ref[Monitor], caplog: pytest.LogCaptureFixture
) -> None:
    class Stillborn(kind):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            raise ValueError("stillborn")

    with pytest.raises(ValueError, match="stillborn"):
        Stillborn.start_link(monitor=monitor)
    assert downs(monitor) == []


@pytest.mark.parametrize("error", [SystemExit, gevent.Timeout, gevent.GreenletExit])
def test_a_base_exception_in_init_reaches_the_starter_as_an_ordinary_error(
    kind: type[Actor], error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    class Stillborn(kind):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            raise error

    with pytest.raises(pykka.ActorDeadError, match="died in init"):
        Stillborn.start_link()


def test_start_link_returns_when_init_is_done(kind: type[Actor]) -> None:
    done = []

    class Slow(kind):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            if kind is Actor:
                gevent.sleep(0)
            done.append("init")

    ref = Slow.start_link()
    assert done == ["init"]
    ref.stop()


def test_who_is_killed_while_it_starts_an_actor_takes_it_along(monitor: Ref[Monitor]) -> None:
    """A supervisor that is killed in its own init: nobody else would ever end the child."""
    begun: list[Ref[Any]] = []
    is_begun = gevent.event.Event()

    class Slow(Actor):
        def init(self) -> None:
            begun.append(self.ref)
            is_begun.set()
            gevent.sleep(LIMIT)

    starter = gevent.spawn(Slow.start_link, monitor=monitor)
    assert is_begun.wait(LIMIT)
    starter.kill()
    assert begun[0].wait_down(LIMIT) == KILLED
    assert downs(monitor) == []


def test_start_link_gives_up_on_an_init_that_takes_too_long_and_kills_the_actor(
    kind: type[Actor], monitor: Ref[Monitor]
) -> None:
    gate = Gate()
    seen: list[Any] = []

    class Slow(kind):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            seen.append(self.ref)
            gate()

    with pytest.raises(pykka.Timeout):
        Slow.start_link(monitor=monitor, timeout=0.01)
    gate.open()
    assert seen[0].wait_down(LIMIT) == KILLED
    assert not seen[0].is_alive()
    assert downs(monitor) == []


def test_terminate_frees_what_a_failed_init_had_taken(kind: type[Actor], caplog: pytest.LogCaptureFixture) -> None:
    reasons = []

    class Stillborn(kind):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            raise ValueError

        def terminate(self, reason: Any) -> None:
            reasons.append(type(reason))

    with pytest.raises(ValueError):
        Stillborn.start_link()
    assert reasons == [Crashed]


# A killed greenlet.


def test_plain_pykka_leaves_a_zombie_behind_when_an_idle_greenlet_is_killed() -> None:
    ref = PlainGreenletActor.start()
    gevent.sleep(0)
    GREENLET[ref.actor_urn].kill()
    assert ref.is_alive()
    assert ref in pykka.ActorRegistry.get_all()
    with pytest.raises(pykka.Timeout):
        ref.ask("anybody?", timeout=0.01)
    forget(ref)


def test_plain_pykka_stops_every_actor_when_a_busy_greenlet_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    bystander, victim = PlainGreenletActor.start(), PlainGreenletActor.start()
    answer = victim.ask(lambda actor: gevent.sleep(LIMIT), block=False)
    gevent.sleep(0)
    GREENLET[victim.actor_urn].kill()
    assert not bystander.is_alive()
    with pytest.raises(pykka.Timeout):
        answer.get(timeout=0.01)
    forget(bystander, victim)


def test_an_idle_actor_that_is_killed_is_gone_and_refuses_its_asks(kind: type[Actor], monitor: Ref[Monitor]) -> None:
    registry = Registry()
    ref = echo(kind).start_link(monitor=monitor, registry=registry, name="victim")
    ref.kill()
    assert first_down(monitor) == Down(ref, KILLED)
    assert not ref.is_alive()
    assert registry.whereis("victim") is None
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anybody?")


def test_a_busy_actor_that_is_killed_answers_who_waits_for_it(kind: type[Actor], monitor: Ref[Monitor]) -> None:
    gate = Gate()
    bystander, victim = echo(kind).start_link(), echo(kind).start_link(monitor=monitor)
    in_hand, waiting = victim.ask(gate, block=False), victim.ask("next", block=False)
    gate.wait_entered()
    victim.kill()
    assert first_down(monitor) == Down(victim, KILLED)
    with pytest.raises(pykka.ActorDeadError):
        in_hand.get(timeout=LIMIT)
    with pytest.raises(pykka.ActorDeadError):
        waiting.get(timeout=LIMIT)
    assert bystander.ask("alive") == "alive"
    gate.open()
    bystander.stop()


def test_an_actor_that_is_killed_before_it_ever_ran_is_gone(kind: type[Actor], monitor: Ref[Monitor]) -> None:
    ref = echo(kind).start(monitor=monitor)
    ref.kill()
    assert first_down(monitor) == Down(ref, KILLED)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anybody?")


def test_killing_twice_tells_the_monitor_once(kind: type[Actor], monitor: Ref[Monitor]) -> None:
    ref = echo(kind).start_link(monitor=monitor)
    ref.kill()
    first_down(monitor)
    ref.kill()
    gevent.sleep(0)
    assert len(downs(monitor)) == 1


def test_terminate_is_not_called_when_killed(kind: type[Actor]) -> None:
    ended = []

    class Farewell(kind):  # type: ignore[misc, valid-type]
        def terminate(self, reason: Any) -> None:
            ended.append(reason)

    ref = Farewell.start_link()
    ref.kill()
    assert ref.wait_down(LIMIT) == KILLED
    assert ended == []


def test_a_killed_thread_is_disowned_at_once_and_leaves_no_thread_when_its_handler_returns(
    monitor: Ref[Monitor],
) -> None:
    gate = Gate()
    ref = echo(ThreadActor).start_link(monitor=monitor)
    ref.tell(gate)
    gate.wait_entered()
    ref.kill()
    assert first_down(monitor) == Down(ref, KILLED)  # while the handler still runs
    gate.open()  # leave_nothing_behind waits for the thread


def test_the_links_of_a_killed_actor_are_killed_with_it(kind: type[Actor]) -> None:
    child = echo(kind).start_link()
    ref = echo(kind).start_link()
    ref.ask(lambda actor: actor.links.setdefault(child))
    ref.kill()
    assert child.wait_down(LIMIT) == KILLED


def test_the_links_of_an_actor_that_ends_by_itself_live_on(kind: type[Actor]) -> None:
    child = echo(kind).start_link()
    ref = echo(kind).start_link()
    ref.ask(lambda actor: actor.links.setdefault(child))
    ref.stop()
    assert child.ask("alive") == "alive"
    child.stop()


# The registry.


class CountsComparisons:
    """Stands for a ref, and counts how often it is compared."""

    count = 0

    def __init__(self, urn: str) -> None:
        self.actor_urn = self.name = urn
        self.actor_class = object

    def __eq__(self, other: object) -> bool:
        CountsComparisons.count += 1
        return self is other

    def __hash__(self) -> int:
        return hash(self.actor_urn)


def test_plain_pykka_walks_through_all_actors_of_the_process_to_forget_one() -> None:
    refs = [CountsComparisons(f"urn:{n}") for n in range(100)]
    for ref in refs:
        pykka.ActorRegistry.register(ref)  # type: ignore[arg-type]
    CountsComparisons.count = 0
    for ref in reversed(refs):
        pykka.ActorRegistry.unregister(ref)  # type: ignore[arg-type]
    assert CountsComparisons.count >= 100 * 99 / 2


def test_our_registry_forgets_an_actor_without_looking_at_the_others() -> None:
    registry = Registry()
    refs: list[Any] = [CountsComparisons(f"urn:{n}") for n in range(100)]
    for ref in refs:
        registry.add(ref)
    CountsComparisons.count = 0
    for ref in reversed(refs):
        registry.remove(ref)
    assert CountsComparisons.count == 0
    assert len(registry) == 0


def test_plain_pykka_keeps_one_list_for_the_whole_process() -> None:
    ref = PlainThreadActor.start()
    assert ref in pykka.ActorRegistry.get_all()
    ref.stop()


def test_our_actors_are_known_to_their_own_registry_alone(kind: type[Actor]) -> None:
    mine, yours = Registry(), Registry()
    ref = kind.start_link(registry=mine, name="a")
    assert mine.whereis("a") is ref
    assert yours.living() == []
    assert ref not in pykka.ActorRegistry.get_all()
    ref.stop()
    assert mine.living() == []


# Asks.


def test_plain_pykka_asks_without_a_limit() -> None:
    assert inspect.signature(pykka.ActorRef.ask).parameters["timeout"].default is None


def test_our_ask_has_a_limit() -> None:
    assert inspect.signature(Ref.ask).parameters["timeout"].default == 5.0


def test_an_actor_that_asks_itself_gets_a_timeout_and_no_deadlock(
    kind: type[Actor], caplog: pytest.LogCaptureFixture
) -> None:
    ref = echo(kind).start_link()
    with pytest.raises(pykka.Timeout):
        ref.ask(lambda actor: actor.ref.ask("me?", timeout=0.01), timeout=LIMIT)
    assert ref.wait_down(LIMIT) is not None


def test_after_a_timeout_the_handler_still_runs_to_its_end(kind: type[Actor]) -> None:
    gate = Gate()
    ref = echo(kind).start_link()
    with pytest.raises(pykka.Timeout, match=r"within 0\.01 seconds"):
        ref.ask(gate, timeout=0.01)
    gate.open()
    assert ref.ask("next") == "next"
    ref.stop()


def dies_in_between(ref: Any) -> None:
    """Let ``ref`` say that it is alive, and die before the next step: what another thread can do."""

    def is_alive() -> bool:
        del ref.is_alive
        ref.stop()
        return True

    ref.is_alive = is_alive


def test_plain_pykka_leaves_an_ask_hanging_that_lands_after_the_end() -> None:
    ref = PlainThreadActor.start()
    dies_in_between(ref)
    with pytest.raises(pykka.Timeout):
        ref.ask("hello", timeout=0.05)


def test_an_ask_that_lands_after_the_end_is_refused(kind: type[Actor]) -> None:
    ref = echo(kind).start_link()
    dies_in_between(ref)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("hello", timeout=LIMIT)


def test_asks_that_race_with_the_end_from_many_threads_are_all_answered() -> None:
    ref = echo(Actor).start_link()
    outcomes: list[str] = []
    done = [Future() for _ in range(4)]

    def ask(over: Future) -> None:
        for n in range(50):
            try:
                outcomes.append("answered" if ref.ask(n, timeout=LIMIT) == n else "wrong")
            except pykka.ActorDeadError:
                outcomes.append("dead")
        over.set()

    for each in done:
        start_new_thread(ask, (each,))
    ref.tell(lambda actor: actor.exit() if len(outcomes) > 20 else actor.ref.tell(again))

    def again(actor: Any) -> None:
        if len(outcomes) > 20:
            actor.exit()
        else:
            gevent.sleep(0)
            actor.ref.tell(again)

    for each in done:
        each.get(timeout=LIMIT)
    assert len(outcomes) == 200
    assert set(outcomes) <= {"answered", "dead"}


# Tells from other threads.


def tell_from_a_thread_while_the_hub_sleeps(ref: pykka.ActorRef[Any], message: Any) -> None:
    lock = allocate_lock()
    lock.acquire()

    def tell() -> None:
        lock.acquire(True, 0.02)  # until the main thread is in its hub, where nothing else will wake it
        ref.tell(message)

    start_new_thread(tell, ())


def test_plain_pykka_on_greenlets_does_not_wake_up_for_a_tell_from_a_thread() -> None:
    ref = PlainGreenletActor.start()
    late = False
    for _ in range(20):
        event = gevent.event.Event()
        tell_from_a_thread_while_the_hub_sleeps(ref, lambda actor, event=event: event.set())
        if not event.wait(0.2):
            late = True
            break
    assert late
    ref.stop()
    gevent.sleep(0)


def test_a_tell_from_a_thread_wakes_the_hub(kind: type[Actor]) -> None:
    ref = echo(kind).start_link()
    for _ in range(5):
        event = gevent.event.Event()
        tell_from_a_thread_while_the_hub_sleeps(ref, lambda actor, event=event: event.set())
        assert event.wait(LIMIT)
    ref.stop()


def test_nothing_is_lost_that_several_threads_tell(kind: type[Actor]) -> None:
    taken: list[int] = []
    over = Future()

    class Counter(kind):  # type: ignore[misc, valid-type]
        def handle(self, message: int) -> None:
            taken.append(message)
            if len(taken) == 4_000:
                over.set()

    ref = Counter.start_link()

    def tell(first: int) -> None:
        for n in range(first, first + 1_000):
            ref.tell(n)

    for n in range(4):
        start_new_thread(tell, (n * 1_000,))
    over.get(timeout=LIMIT)
    assert sorted(taken) == list(range(4_000))
    for n in range(4):  # and each thread's in its order
        assert [each for each in taken if each // 1_000 == n] == list(range(n * 1_000, (n + 1) * 1_000))
    ref.stop()


# Messages behind a crash.


def test_plain_pykka_drops_the_messages_behind_a_crash(caplog: pytest.LogCaptureFixture) -> None:
    ref = PlainThreadActor.start()
    gate = Gate()
    handled: list[str] = []
    ref.tell(gate)
    ref.tell(ValueError())
    ref.tell(lambda actor: handled.append("behind"))
    gate.open()
    assert ref.actor_stopped.wait(LIMIT)
    assert handled == []


def new_mailbox(kind: type[Actor]) -> Mailbox:
    return ThreadMailbox() if kind is ThreadActor else Mailbox()


def test_a_successor_finds_the_message_in_hand_first_and_then_the_others(
    kind: type[Actor], monitor: Ref[Monitor], caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = new_mailbox(kind)
    handled: list[Any] = []

    class Worker(kind):  # type: ignore[misc, valid-type]
        def handle(self, message: Any) -> None:
            handled.append(message)
            if message == "bad" and handled.count("bad") == 1:
                raise ValueError

    first = Worker.start_link(monitor=monitor, mailbox=mailbox)
    for message in ("good", "bad", "behind"):
        mailbox.put(message)
    first_down(monitor)
    mailbox.put("late")
    second = Worker.start_link(mailbox=mailbox)
    mailbox.put("last")
    second.stop()
    assert handled == ["good", "bad", "bad", "behind", "late", "last"]
    assert first is not second


def test_a_successor_does_not_get_an_ask_that_was_answered_with_the_crash(
    kind: type[Actor], monitor: Ref[Monitor], caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = new_mailbox(kind)
    first = echo(kind).start_link(mailbox=mailbox, monitor=monitor)
    with pytest.raises(ValueError):
        first.ask(ValueError())
    first_down(monitor)
    assert mailbox.empty()


def test_the_mailbox_counts_how_often_its_head_crashed_an_actor_and_an_answered_ask_is_none(
    kind: type[Actor], caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = new_mailbox(kind)
    for count in (1, 2):
        mailbox.put(ValueError()) if count == 1 else None
        echo(kind).start_link(mailbox=mailbox).wait_down(LIMIT)
        assert mailbox.crashes == count
    mailbox.drop()
    ref = echo(kind).start_link(mailbox=mailbox)
    with pytest.raises(ValueError):
        ref.ask(ValueError())
    ref.wait_down(LIMIT)
    assert mailbox.crashes == 0


def test_a_superseded_actor_handles_nothing_more(kind: type[Actor]) -> None:
    mailbox = new_mailbox(kind)
    gate = Gate()
    handled: list[Any] = []

    class Worker(kind):  # type: ignore[misc, valid-type]
        def __init__(self, name: str, **link: Any) -> None:
            super().__init__(**link)
            self.who = name

        def handle(self, message: Any) -> None:
            handled.append((self.who, message))
            if message == "first" and self.who == "old":
                gate()

    old = Worker.start_link("old", mailbox=mailbox)
    mailbox.put("first")
    gate.wait_entered()
    new = Worker.start_link("new", mailbox=mailbox)  # its supervisor has given the old one up
    mailbox.put("second")
    assert new.ask("barrier") is None
    gate.open()
    assert old.wait_down(LIMIT) == KILLED
    mailbox.put("third")
    new.ask("barrier")
    assert [message for who, message in handled if who == "old"] == ["first"]
    assert [message for who, message in handled if who == "new"] == ["first", "second", "barrier", "third", "barrier"]
    new.stop()


def test_a_superseded_actor_that_was_answering_an_ask_takes_nothing_from_its_successor(
    kind: type[Actor], caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = new_mailbox(kind)
    gate, other = Gate(), Gate()
    old = echo(kind).start_link(mailbox=mailbox)
    turns = iter([gate, other])
    answer = old.ask(lambda actor: next(turns)(), block=False)
    gate.wait_entered()
    new = echo(kind).start_link(mailbox=mailbox)
    other.wait_entered()  # the successor is busy with the same ask
    behind = new.ask("behind", block=False)
    gate.open()
    assert old.wait_down(LIMIT) == KILLED
    other.open()
    assert answer.get(timeout=LIMIT) == "through"
    assert behind.get(timeout=LIMIT) == "behind"
    assert new.ask("next") == "next"
    new.stop()
    assert "crashed" not in caplog.text


# Down, exactly once in every ending.


def end_normally(ref: Ref[Any]) -> None:
    ref.tell(lambda actor: actor.exit())


def end_by_stop(ref: Ref[Any]) -> None:
    ref.stop()


def end_by_shutdown(ref: Ref[Any]) -> None:
    ref.shut_down(SHUTDOWN)


def end_by_a_crash_in_a_tell(ref: Ref[Any]) -> None:
    ref.tell(ValueError())


def end_by_a_crash_in_an_ask(ref: Ref[Any]) -> None:
    ref.ask(ValueError(), block=False)


def end_by_kill(ref: Ref[Any]) -> None:
    ref.kill()


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (end_normally, NORMAL),
        (end_by_stop, NORMAL),
        (end_by_shutdown, SHUTDOWN),
        (end_by_a_crash_in_a_tell, Crashed),
        (end_by_a_crash_in_an_ask, Crashed),
        (end_by_kill, KILLED),
    ],
)
def test_down_is_told_once_with_the_reason(
    kind: type[Actor],
    end: Callable[[Ref[Any]], None],
    reason: Any,
    monitor: Ref[Monitor],
    caplog: pytest.LogCaptureFixture,
) -> None:
    ref = echo(kind).start_link(monitor=monitor)
    end(ref)
    down = first_down(monitor)
    assert down.ref is ref
    assert type(down.reason) is reason if isinstance(reason, type) else down.reason == reason
    ref.kill()
    gevent.sleep(0)
    assert len(downs(monitor)) == 1
    assert ref.wait_down(0) == down.reason


def test_a_terminate_that_raises_makes_a_crash_of_an_orderly_end(
    kind: type[Actor], monitor: Ref[Monitor], caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("in terminate")

    class Clumsy(kind):  # type: ignore[misc, valid-type]
        def terminate(self, reason: Any) -> None:
            raise error

    ref = Clumsy.start_link(monitor=monitor)
    assert ref.stop()
    assert first_down(monitor) == Down(ref, Crashed(error))
    assert len(downs(monitor)) == 1


def test_a_terminate_that_raises_does_not_hide_the_crash_before_it(
    kind: type[Actor], monitor: Ref[Monitor], caplog: pytest.LogCaptureFixture
) -> None:
    error = ValueError("first")

    class Clumsy(echo(kind)):  # type: ignore[misc]
        def terminate(self, reason: Any) -> None:
            raise KeyError("second")

    ref = Clumsy.start_link(monitor=monitor)
    ref.tell(error)
    assert first_down(monitor).reason == Crashed(error)


def test_terminate_hears_why(kind: type[Actor], caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Any] = []

    class Farewell(echo(kind)):  # type: ignore[misc]
        def terminate(self, reason: Any) -> None:
            heard.append(type(reason))

    for end in (end_normally, end_by_shutdown, end_by_a_crash_in_a_tell):
        ref = Farewell.start_link()
        end(ref)
        ref.wait_down(LIMIT)
    assert heard == [type(NORMAL), type(SHUTDOWN), Crashed]


def test_a_dead_monitor_is_told_nothing_and_nobody_minds(kind: type[Actor]) -> None:
    monitor = Monitor.start_link()
    ref = echo(kind).start_link(monitor=monitor)
    FIRST.pop(monitor)
    monitor.stop()
    assert ref.stop()


# Stopping.


def test_messages_before_a_stop_are_handled_and_asks_behind_it_are_refused(kind: type[Actor]) -> None:
    gate = Gate()
    ref = echo(kind).start_link()
    ref.tell(gate)
    before = ref.ask("before", block=False)
    stop = ref.stop(block=False)
    behind = ref.ask("behind", block=False)
    gate.open()
    assert before.get(timeout=LIMIT) == "before"
    assert stop.get(timeout=LIMIT) is True
    with pytest.raises(pykka.ActorDeadError):
        behind.get(timeout=LIMIT)


def test_stopping_what_has_stopped_says_so(kind: type[Actor]) -> None:
    ref = kind.start_link()
    assert ref.stop() is True
    assert ref.stop() is False


def test_stop_returns_when_terminate_is_done(kind: type[Actor]) -> None:
    done: list[str] = []

    class Farewell(kind):  # type: ignore[misc, valid-type]
        def terminate(self, reason: Any) -> None:
            if kind is Actor:
                gevent.sleep(0)
            done.append("terminate")

    Farewell.start_link().stop()
    assert done == ["terminate"]


def test_an_actor_that_lives_is_not_down(kind: type[Actor]) -> None:
    ref = kind.start_link()
    assert ref.wait_down(0.0) is None
    ref.stop()


def test_a_ref_is_called_as_its_actor_was_named(kind: type[Actor]) -> None:
    named, unnamed = kind.start_link(name="room"), kind.start_link()
    assert str(named) == "room"
    assert unnamed.actor_urn in str(unnamed)
    named.stop()
    unnamed.stop()


def test_an_actor_inherits_the_registry_of_its_monitor(kind: type[Actor]) -> None:
    registry = Registry()
    monitor = Actor.start_link(registry=registry)
    ref = kind.start_link(monitor=monitor, name="child")
    assert registry.whereis("child") is ref
    ref.stop()
    monitor.stop()


def test_a_crash_is_logged_once_with_its_traceback(kind: type[Actor], caplog: pytest.LogCaptureFixture) -> None:
    ref = echo(kind).start_link(name="unlucky")
    with caplog.at_level(logging.ERROR):
        ref.tell(ValueError("a bug"))
        ref.wait_down(LIMIT)
    (record,) = caplog.records
    assert record.getMessage() == "actor unlucky crashed"
    assert record.exc_info is not None


# Monkey patching.


@pytest.mark.skipif(PATCHED in os.environ, reason="this is the patched process")
@pytest.mark.timeout(60)
def test_all_of_this_holds_in_a_monkey_patched_process_too() -> None:
    code = (
        "from gevent import monkey; monkey.patch_all()\n"
        "import sys, pytest\n"
        f"sys.exit(pytest.main(['-x', '-n0', '-p', 'no:cacheprovider', {__file__!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, PATCHED: "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(PATCHED not in os.environ, reason="this is the process that is not patched")
def test_a_thread_actor_runs_on_a_real_thread_although_threading_is_patched() -> None:
    from nuphar.actors.runtime.mailbox import get_ident

    ref = echo(ThreadActor).start_link()
    assert ref.ask(lambda actor: get_ident()) != get_ident()
    assert threading.current_thread() is threading.main_thread()
    ref.stop()
