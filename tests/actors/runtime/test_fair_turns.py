import socket

import gevent
import pytest
from gevent import socket as gevent_socket
from support.hosts import InTurns

from nuphar.actors.runtime import fair_turns
from nuphar.actors.runtime.actor import Actor
from nuphar.actors.runtime.fair_turns import Share, Turn, let_others_run
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.words.exit_reasons import KILLED


def test_a_turn_is_over_when_its_time_is():
    turn = Turn(0.25)
    assert [turn.is_over(now) for now in (8.0, 8.125, 8.25, 9.0)] == [False, False, True, True]


def test_those_who_are_busy_share_the_time():
    turn = Turn(0.5)
    assert [turn.is_over(now, busy) for now, busy in ((8.0, 3), (8.0625, 0), (8.125, 0))] == [False, False, True]


def test_whoever_goes_on_knows_how_many_others_do_also_when_one_is_killed():
    others = []

    def work() -> None:
        let_others_run()
        others.append(fair_turns.Contention.others)

    waiting = [gevent.spawn(work) for _ in range(4)]
    gevent.sleep(0)
    assert fair_turns.Contention.waiting == 4
    waiting[0].kill()
    assert gevent.joinall(waiting, timeout=5) == waiting
    assert others == [2, 2, 2]
    assert fair_turns.Contention.waiting == 0
    let_others_run()
    assert fair_turns.Contention.others == 0


def test_a_turn_that_is_renewed_begins_with_the_next_question():
    turn = Turn(0.25)
    turn.is_over(8.0)
    turn.renew()
    assert [turn.is_over(now) for now in (20.0, 20.125, 20.25)] == [False, False, True]


def test_who_lets_others_run_lets_a_reader_read_and_whom_it_wakes_act():
    theirs, ours = socket.socketpair()
    seen = []

    def act() -> None:
        seen.append("acted")

    def read() -> None:
        reading.recv(1)
        seen.append("read")
        gevent.get_hub().loop.run_callback(act)

    with theirs, gevent_socket.socket(fileno=ours.detach()) as reading:
        reader = gevent.spawn(read)
        gevent.sleep(0)  # it waits now
        theirs.send(b"x")
        let_others_run()
        seen.append("next turn")
        reader.join(5)
    assert seen == ["read", "acted", "next turn"]


class Worker(Actor):
    """Notes what it handles, and when it has nothing left to do."""

    def __init__(self, seen: list[object], **link: object) -> None:
        super().__init__(**link)
        self.seen = seen

    def handle(self, message: object) -> None:
        self.seen.append(message)

    def idle(self) -> None:
        self.seen.append("idle")


HALF = fair_turns.ACTOR_BUDGET / 2


def test_an_actor_with_many_messages_lets_others_run_and_finishes_its_work_before() -> None:
    seen: list[object] = []
    worker = Worker.start_link(seen, host=InTurns(HALF, lambda: seen.append("others")))
    gevent.sleep(0)
    seen.clear()
    for number in range(7):
        worker.tell(number)
    worker.stop()
    assert seen == [0, 1, 2, "idle", "others", 3, 4, 5, "idle", "others", 6]


def test_an_actor_that_is_killed_while_others_run_leaves_what_it_has_not_handled() -> None:
    seen: list[object] = []
    mailbox = Mailbox()

    def kill() -> None:
        worker.kill()
        gevent.sleep(0)

    worker = Worker.start_link(seen, mailbox=mailbox, host=InTurns(HALF, kill))
    for number in range(5):
        mailbox.put(number)
    assert worker.ended.get(timeout=5) == KILLED
    assert [each for each in seen if each != "idle"] == [0, 1, 2]
    assert list(mailbox.messages) == [3, 4]


def test_who_brings_work_to_others_has_a_share_of_its_time():
    share = Share()
    assert share.heed(0.0, 8.0) == 0.375
    reader, worker = Turn(0.5, brings=True), Turn(0.5)
    assert [reader.is_over(now, share=share) for now in (8.0, 8.125, 8.1875)] == [False, False, True]
    assert [worker.is_over(now, share=share) for now in (8.0, 8.25, 8.5)] == [False, False, True]


@pytest.mark.parametrize("each", [0.5, 2.0, 6.0])
def test_the_share_comes_to_where_what_follows_takes_its_time_and_not_more(each: float):
    """What follows upon a turn takes ``each`` times as long as the turn."""
    share, rests = Share(), []
    for _ in range(20):
        rests.append(share.at(0.0) * fair_turns.BUDGET * each)
        share.heed(rests[-1], 0.0)
    assert max(rests) <= 1.5 * fair_turns.REST
    assert rests[-1] == pytest.approx(min(fair_turns.BUDGET * each, fair_turns.REST), rel=0.5)


def test_a_share_is_never_nothing_grows_again_and_is_forgotten():
    share = Share()
    assert share.heed(3600.0, 0.0) == share.at(fair_turns.FRESH) == fair_turns.LEAST
    for _ in range(6):
        share.heed(0.0, 0.0)
    assert share.at(fair_turns.FRESH) == 1.0
    assert share.at(fair_turns.FRESH + 0.5) == fair_turns.BEGIN


def test_who_is_followed_by_much_work_takes_less(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fair_turns.Contention, "share", Share())
    for _ in range(4):
        let_others_run()
    before = fair_turns.Contention.share.at(fair_turns.clock())

    def work() -> None:
        end = fair_turns.clock() + 4 * fair_turns.REST
        while fair_turns.clock() < end:
            pass

    gevent.get_hub().loop.run_callback(work)
    let_others_run()
    assert fair_turns.Contention.share.at(fair_turns.clock()) <= max(before / 4, fair_turns.LEAST)
