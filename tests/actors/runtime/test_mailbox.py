"""The mailbox by itself: bounds, order, and who takes."""

from __future__ import annotations

import gevent
import pytest
from gevent.monkey import get_original

from nuphar import Busy
from nuphar.actors.runtime.future import Future
from nuphar.actors.runtime.mailbox import Mailbox, ThreadMailbox

LIMIT = 10.0  # seconds that any wait here may take

start_new_thread = get_original("_thread", "start_new_thread")


@pytest.fixture(params=[Mailbox, ThreadMailbox])
def mailbox(request: pytest.FixtureRequest) -> Mailbox:
    return request.param(3)  # type: ignore[no-any-return]


def taking(mailbox: Mailbox, taker: object) -> Future:
    """Let somebody wait for the head, as the mailbox's own runtime does."""
    taken = Future()
    if isinstance(mailbox, ThreadMailbox):
        start_new_thread(lambda: taken.set(mailbox.head(taker)), ())
    else:
        gevent.spawn(lambda: taken.set(mailbox.head(taker)))
    while mailbox._parked is None:
        gevent.sleep(0)
    return taken


def test_messages_come_out_as_they_went_in(mailbox: Mailbox) -> None:
    mailbox.put("a")
    mailbox.put("b")
    assert (mailbox.get(), mailbox.get()) == ("a", "b")
    assert mailbox.empty()


def test_a_full_mailbox_is_busy_and_says_how_full(mailbox: Mailbox) -> None:
    for n in range(3):
        mailbox.put(n)
    with pytest.raises(Busy, match="3 messages wait, the bound is 3"):
        mailbox.put(3)
    mailbox.put_anyway("control")
    assert mailbox.drain() == [0, 1, 2, "control"]


def test_the_head_stays_until_it_is_dropped(mailbox: Mailbox) -> None:
    mailbox.put("a")
    assert mailbox.head() == mailbox.head() == "a"
    assert len(mailbox) == 1
    mailbox.drop()
    assert mailbox.empty()


def test_dropping_the_head_forgets_its_crashes(mailbox: Mailbox) -> None:
    mailbox.put("a")
    mailbox.crashes = 2
    mailbox.drop()
    assert mailbox.crashes == 0


def test_a_put_wakes_who_waits(mailbox: Mailbox) -> None:
    mailbox.owner = taker = object()
    taken = taking(mailbox, taker)
    mailbox.put("a")
    assert taken.get(timeout=LIMIT) == "a"


def test_a_put_from_another_thread_wakes_who_waits(mailbox: Mailbox) -> None:
    mailbox.owner = taker = object()
    taken = taking(mailbox, taker)
    start_new_thread(mailbox.put, ("a",))
    assert taken.get(timeout=LIMIT) == "a"


def test_who_is_disowned_wakes_with_nothing(mailbox: Mailbox) -> None:
    mailbox.owner = taker = object()
    taken = taking(mailbox, taker)
    mailbox.disown()
    assert taken.get(timeout=LIMIT) is None
    assert mailbox.owner is None


def test_who_was_disowned_before_it_waits_does_not_wait(mailbox: Mailbox) -> None:
    mailbox.owner = taker = object()
    mailbox.disown()
    assert mailbox.head(taker) is None


def test_draining_takes_everything(mailbox: Mailbox) -> None:
    mailbox.put(1)
    mailbox.put(2)
    assert mailbox.drain() == [1, 2]
    assert mailbox.drain() == []


def test_a_sleeper_is_woken_once_however_many_messages_come() -> None:
    """Woken twice, two greenlets would serve one mailbox."""
    mailbox, woken = Mailbox(3), list[str]()
    mailbox.owner = taker = object()
    taken = taking(mailbox, taker)
    mailbox.put("before it sleeps")
    taken.get(timeout=LIMIT)
    mailbox.drop()
    mailbox.sleep(lambda: woken.append("woken"))
    mailbox.put("a")
    gevent.sleep(0)
    mailbox.put("b")
    gevent.sleep(0)
    assert woken == ["woken"]
