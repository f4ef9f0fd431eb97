"""The end of very many children: no greenlet for who sleeps, goodbyes first, and never beyond the deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event
from support.serving import eventually

from nuphar import Server, Store
from nuphar.actors import Actor, Ref
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.words.exit_reasons import KILLED, SHUTDOWN, Reason, Shutdown
from nuphar.supervision import worker
from nuphar.supervision.otp import stopping_together
from nuphar.supervision.otp.stopping_together import stop_together
from nuphar.transport.wire.frames import Acknowledge, Subscribe

LIMIT = 10.0  # seconds that any wait here may take

ended: list[str] = []
woken: list[str] = []


class Napper(Actor):
    """Sleeps at once; may be ended in its sleep."""

    ends_asleep = True

    def __init__(self, tells: bool = False, **link: Any) -> None:
        super().__init__(mailbox=Mailbox(naps=True), **link)
        self.has_goodbyes = tells

    def handle(self, message: Any) -> Any:
        woken.append(self.name)

    def terminate(self, reason: Reason) -> None:
        ended.append(self.name)


class Private(Napper):
    """Is to be woken for its end."""

    ends_asleep = False


class Waiter(Napper):
    """Breaks its word: its goodbye waits."""

    may_go = Event()

    def terminate(self, reason: Reason) -> None:
        assert self.may_go.wait(LIMIT)
        super().terminate(reason)


class Grumbler(Napper):
    def terminate(self, reason: Reason) -> None:
        raise ValueError("no")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    ended.clear()
    woken.clear()
    Waiter.may_go.clear()
    yield
    Waiter.may_go.set()


@pytest.fixture
def supervisor() -> Iterator[Ref[Any]]:
    ref = Actor.start_link(name="them")
    yield ref
    ref.stop()


def asleep(kind: type[Napper], name: str, tells: bool = False, shutdown: float = 1.0) -> tuple[Ref[Any], Any]:
    ref = kind.start_link(tells, name=name)
    eventually(lambda: ref.actor_inbox.is_asleep)
    return ref, worker(name, kind, shutdown=shutdown)


def wake_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Napper.runtime, "spawn", lambda *loop: pytest.fail("an actor was woken"))


def stop(children: list[tuple[Ref[Any], Any]], supervisor: Ref[Any], reason: Reason = SHUTDOWN) -> None:
    stop_together(children, reason, supervisor)


def test_who_sleeps_ends_without_being_woken(supervisor: Ref[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    children = [asleep(Napper, str(at)) for at in range(5)]
    wake_nobody(monkeypatch)
    stop(children, supervisor)
    assert ended == list("01234")
    assert [ref.wait_down(0.0) for ref, _ in children] == 5 * [SHUTDOWN]
    assert not any(ref.is_alive() for ref, _ in children)


def test_who_has_a_goodbye_comes_first(supervisor: Ref[Any]) -> None:
    children = [asleep(Napper, str(at), tells=at in (3, 4)) for at in range(5)]
    stop(children, supervisor)
    assert ended == list("34012")


def test_an_actor_that_does_not_say_that_it_may_is_woken(supervisor: Ref[Any]) -> None:
    child = asleep(Private, "private")
    stop([child], supervisor)
    assert child[0].wait_down(0.0) == SHUTDOWN
    assert ended == ["private"]


def test_a_message_that_comes_while_others_end_is_handled_first(
    supervisor: Ref[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping_together, "CHILDREN_AT_ONCE", 1)
    children = [asleep(Napper, str(at)) for at in range(4)]
    gevent.spawn(children[3][0].tell, "hello")
    stop(children, supervisor)
    assert woken == ["3"]
    assert sorted(ended) == list("0123")


def test_a_goodbye_that_waits_is_cut_off_and_the_others_are_told(
    supervisor: Ref[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping_together, "STUCK", 0.05)
    waiting = [asleep(Waiter, "waits", tells=True) for _ in range(2)]
    children = [waiting[0], *(asleep(Napper, str(at), tells=True) for at in range(3)), waiting[1]]
    stop(children, supervisor)
    assert ended == list("012")
    assert [ref.wait_down(LIMIT) for ref, _ in waiting] == [KILLED, KILLED]


def test_when_the_time_is_over_who_has_nobody_to_tell_is_left_alone(
    supervisor: Ref[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping_together, "CHILDREN_AT_ONCE", 1)
    tells, silent = asleep(Napper, "tells", tells=True), [asleep(Napper, "silent") for _ in range(50)]
    stop([*silent, tells], supervisor, Shutdown(deadline=time.monotonic()))
    assert ended == ["tells"]
    left = [ref for ref, _ in silent if ref.wait_down(0.0) is None]
    assert len(left) == 50
    for ref in left:
        ref.kill()


def test_a_terminate_that_raises_is_reported(supervisor: Ref[Any], caplog: pytest.LogCaptureFixture) -> None:
    stop([asleep(Grumbler, "grumbles"), asleep(Napper, "next")], supervisor)
    assert ended == ["next"]
    assert "grumbles" in caplog.text
    assert "shutdown_error" in caplog.text


def test_a_server_s_idle_topics_end_without_greenlets_and_each_subscriber_hears_it(
    server: Server, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = server.topic_kind("t:", store=Store(0, lambda model, message: model + message))
    for at in range(200):
        kind.topic(at).dispatch(1, wait=False)
    ada = client()
    ada.send(*(Subscribe(ref, f"topic:t:{ref}", None, None) for ref in range(1, 101)))
    eventually(lambda: all(topic.mailbox.is_asleep for topic in server.directory.running()))
    ada.take()
    spawned: list[str] = []
    spawn = Actor.runtime.spawn
    monkeypatch.setattr(
        type(Actor.runtime), "spawn", lambda self, loop, over: spawned.append(loop.__qualname__) or spawn(loop, over)
    )
    server.stop()
    finals = [frame for frame in ada.take() if isinstance(frame, Acknowledge) and frame.final]
    assert {frame.target for frame in finals} == {f"topic:t:{at}" for at in range(1, 101)}
    assert spawned == [], "no greenlet was begun for any of them"


def test_a_topic_that_was_to_start_when_the_stop_came_is_not_started_for_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics = [server.topic(f"late-{at}") for at in range(50)]
    assert len(server.books.topic_starts) >= 50, "nobody has run since"
    server.stop()
    assert all(topic._topic.mailbox.owner is None for topic in topics)
    assert not server.books.topic_starts
