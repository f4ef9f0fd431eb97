"""Pekko's cases: what a crash is, what a restarted actor knows, and how long it waits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from conformance.otp.nursery import LIMIT, Nursery, child, end, end_ref, open_nursery, settle, states, why
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors import SHUTDOWN, Actor, Crashed, Down, Ref
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.words.errors import Busy, Refused
from nuphar.supervision import Backoff, ChildSpec, Restart, supervisor, worker
from nuphar.supervision.otp.policy import Failures

pytestmark = pytest.mark.usefixtures("caplog")


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    with open_nursery() as nursery:
        yield nursery


class Account(Actor):
    """Has a state, refuses some messages, crashes on others."""

    def __init__(self, journal: list[Any], **link: Any) -> None:
        super().__init__(**link)
        self.journal = journal

    def init(self) -> None:
        self.balance = 0
        self.journal.append("init")

    def handle(self, message: Any) -> Any:
        if message == "refuse":
            raise Refused("too_much", "no")
        self.balance += message
        return self.balance

    def terminate(self, reason: Any) -> None:
        self.journal.append(type(reason).__name__)


def test_K01_stopping_on_a_crash_is_a_matter_of_the_spec_and_the_default_is_otp_s(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a"), nursery.spec("b", Restart.TEMPORARY))
    end(ref, "a", "abnormal")
    end(ref, "b", "abnormal")
    assert states(ref) == "a"


def test_K02_a_refusal_is_an_answer_and_costs_no_restart(nursery: Nursery) -> None:
    journal: list[Any] = []
    ref = nursery.start(worker("account", Account, journal), intensity=0)
    account = child(ref, "account")
    for _ in range(100):
        with pytest.raises(Refused):
            account.ask("refuse")
    assert child(ref, "account") is account
    assert journal == ["init"]


def test_K03_a_restart_begins_with_a_fresh_state(nursery: Nursery) -> None:
    ref = nursery.start(worker("account", Account, []))
    assert child(ref, "account").ask(5) == 5
    with pytest.raises(TypeError):
        child(ref, "account").ask("five")
    assert child(ref, "account").ask(1) == 1


def test_K04_terminate_is_told_of_the_crash_once_and_before_the_restart(nursery: Nursery) -> None:
    journal: list[Any] = []
    ref = nursery.start(worker("account", Account, journal))
    with pytest.raises(TypeError):
        child(ref, "account").ask("five")
    assert states(ref) == "account"
    assert journal == ["init", "Crashed", "init"]


def test_K05_the_children_of_a_supervisor_that_is_restarted_are_restarted_with_it(nursery: Nursery) -> None:
    ref = nursery.start(supervisor("sub", nursery.specs("ab")))
    nursery.take()
    end(ref, "sub", "killed")
    assert sorted(nursery.take()[:2]) == ["-a killed", "-b killed"]
    assert states(child(ref, "sub")) == "a, b"


def test_K06_who_watches_is_told_the_cause() -> None:
    heard: list[Down] = []

    class Watcher(Actor):
        def handle(self, message: Any) -> Any:
            heard.append(message)

    watcher = Watcher.start_link()
    account = Account.start_link([], monitor=watcher)
    with pytest.raises(TypeError) as caught:
        account.ask("five")
    account.wait_down(LIMIT)
    watcher.stop()
    assert heard == [Down(account, Crashed(caught.value))]


@given(
    least=st.floats(0.001, 10.0),
    ratio=st.floats(1.0, 1000.0),
    factor=st.floats(0.0, 2.0),
    failures=st.integers(1, 2000),
    chance=st.floats(0.0, 1.0),
)
def test_K07_a_delay_doubles_up_to_the_most_and_chance_comes_on_top(
    least: float, ratio: float, factor: float, failures: int, chance: float
) -> None:
    backoff = Backoff(least, least * ratio, factor)
    delay = backoff.delay(failures, chance)
    expected = least * 2.0 ** min(failures - 1, 1000)
    assert delay == pytest.approx(min(least * ratio, expected) * (1.0 + chance * factor))


def test_K07_the_first_restart_comes_at_once() -> None:
    assert Failures().next_delay(Backoff(), 100.0, 0.5) == 0.0


def test_K08_a_quiet_period_of_the_least_delay_forgets_the_failures_by_default() -> None:
    assert Backoff().reset == Backoff().least
    backoff, failures = Backoff(1.0, 60.0, reset=1.0), Failures()
    delays = []
    for ran in (0.5, 0.5, 0.5, 1.0, 0.5):
        failures.started += 10.0
        delays.append(failures.next_delay(backoff, failures.started + ran, 0.0))
    assert delays == [0.0, 1.0, 2.0, 0.0, 1.0]


def test_K09_without_an_intensity_there_is_no_most_of_restarts(nursery: Nursery) -> None:
    ref = nursery.dynamic(nursery.spec("a"))
    for _ in range(50):
        nursery.clock.now += 1.0  # each time it has run for longer than the back-off's reset
        end(ref, "a", "abnormal")
    assert states(ref) == "a"


def test_K10_messages_wait_during_a_back_off_up_to_the_bound_and_the_next_one_is_refused(nursery: Nursery) -> None:
    mailbox, journal = Mailbox(3), []

    class Writer(Actor):
        def handle(self, message: Any) -> None:
            journal.append(message)

    def start(monitor: Ref[Any]) -> Ref[Any]:
        return Writer.start_link(monitor=monitor, mailbox=mailbox, name="a")

    ref = nursery.dynamic(ChildSpec("a", start, backoff=Backoff(0.005, 0.005)))
    end(ref, "a", "killed")
    end_ref(child(ref, "a"), "killed")
    assert states(ref) == "a restarting"
    for n in range(3):
        mailbox.put(n)
    with pytest.raises(Busy, match="3 messages wait"):
        mailbox.put(3)
    settle(ref)
    child(ref, "a").stop()
    assert journal == [0, 1, 2]


def test_K11_children_that_failed_together_do_not_come_back_together() -> None:
    backoff, chance = Backoff(1.0, 60.0, 1.0), random.Random(7)
    delays = sorted(backoff.delay(1, chance.random()) for _ in range(1_000))
    assert 1.0 <= delays[0] < delays[-1] <= 2.0
    for tenth in range(10):
        here = sum(1.0 + tenth / 10 <= delay < 1.1 + tenth / 10 for delay in delays)
        assert 60 <= here <= 140


def test_K10_a_supervisor_that_ends_during_a_back_off_does_not_wait_for_it(nursery: Nursery) -> None:
    ref = nursery.start(nursery.spec("a", backoff=Backoff(1000.0, 1000.0)))
    end(ref, "a", "abnormal")
    end_ref(child(ref, "a"), "abnormal")
    assert states(ref) == "a restarting"
    ref.shut_down(SHUTDOWN)
    assert why(ref) == "shutdown"
