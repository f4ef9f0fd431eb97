"""The hub guard: who keeps everybody waiting."""

from __future__ import annotations

import itertools
import logging
import sys
import time

import gevent
import pytest
from gevent.hub import get_hub
from support.serving import eventually

from nuphar import Server, Store, UsageError
from nuphar.actors import Actor
from nuphar.actors.runtime.mailbox import allocate_lock, get_ident
from nuphar.supervision.watch.hub_guard import HubGuard, what_runs


class Spinner(Actor):
    """Computes until its message, a condition, holds."""

    def handle(self, message):
        deadline = time.monotonic() + 5.0
        while not message() and time.monotonic() < deadline:
            pass


@pytest.fixture
def guard():
    guard = HubGuard(get_hub(), limit=0.01)
    guard.start()
    yield guard
    guard.stop()


def wait_for_a_stall(guard):
    eventually(lambda: guard.stalls)


def test_a_handler_that_blocks_the_hub_is_named_with_its_line(guard, caplog):
    caplog.set_level(logging.WARNING, "nuphar.supervision")
    spinner = Spinner.start_link(name="spinner")
    spinner.ask(lambda: caplog.records)
    wait_for_a_stall(guard)
    spinner.stop()
    assert "has not switched for" in caplog.messages[0]
    assert "actor spinner, " in caplog.messages[0]
    assert "in Spinner.handle, at " in caplog.messages[0]
    assert guard.longest.culprit.actor == "spinner"


def test_the_end_of_a_stall_is_logged_with_its_length(guard, caplog):
    caplog.set_level(logging.WARNING, "nuphar.supervision")
    spinner = Spinner.start_link(name="spinner")
    spinner.ask(lambda: caplog.records)
    wait_for_a_stall(guard)
    spinner.stop()
    assert "the hub stood still for" in caplog.messages[-1]
    assert guard.longest.seconds >= 0.01


def test_code_outside_of_any_actor_is_named_by_its_place(guard, caplog):
    caplog.set_level(logging.WARNING, "nuphar.supervision")
    deadline = time.monotonic() + 5.0
    while not caplog.records and time.monotonic() < deadline:
        pass
    wait_for_a_stall(guard)
    assert guard.longest.culprit.actor == ""


def test_a_hub_that_switches_is_no_stall():
    guard = HubGuard(get_hub(), limit=0.2)
    guard.start()
    answers = set()
    with gevent.Timeout(10):
        while len(answers) < 4:
            answers.add(guard._answered)
            gevent.sleep(0)
    guard.stop()
    assert guard.stalls == 0


def test_an_idle_hub_is_nobodys_fault_and_no_stall(caplog):
    caplog.set_level(logging.INFO, "nuphar.supervision")
    hub, thread, over, times, held = get_hub(), get_ident(), allocate_lock(), itertools.count(), []
    over.acquire()

    class Loop:
        """Holds the first sign of life back, and gives the others at once."""

        @staticmethod
        def run_callback_threadsafe(answer):
            held.append(answer)
            if len(held) > 1:
                answer()
                if over.locked():
                    over.release()

    def clock():
        now = next(times)
        if now == 8:  # it has looked several times by then
            held[0]()
        return now

    def watch():
        deadline = time.monotonic() + 5.0
        while what_runs(sys._current_frames()[thread], hub) is not None and time.monotonic() < deadline:
            pass
        guard.start()
        return over.acquire(True, 5.0)

    guard = HubGuard(hub, limit=0.01, clock=clock)
    guard._loop = Loop
    assert hub.threadpool.apply(watch)
    guard.stop()
    assert [(record.levelname, record.message.split(" for ")[0]) for record in caplog.records] == [
        ("INFO", "the process did not run")
    ]
    assert (guard.stalls, guard.longest) == (0, None)


def test_a_server_counts_its_stalls(make_server, caplog):
    caplog.set_level(logging.WARNING, "nuphar.supervision")
    server: Server = make_server(hub_guard=0.01)

    def spin(model, message):
        deadline = time.monotonic() + 5.0
        while not caplog.records and time.monotonic() < deadline:
            pass
        return model

    server.topic("slow").with_store(Store(0, spin)).dispatch(1)
    wait_for_a_stall(server.lifecycle.guard)
    assert "actor topic:slow" in caplog.text
    assert server.stats()["hub_stalls"] >= 1
    assert server.stats()["hub_longest_stall"] > 0.0


def test_a_server_without_a_guard_counts_nothing(make_server):
    assert make_server(hub_guard=None).stats()["hub_stalls"] == 0


def test_a_guard_with_a_negative_limit_is_refused():
    with pytest.raises(UsageError, match="hub_guard: expected seconds above 0 or None, got -1"):
        Server(hub_guard=-1)
