"""A topic whose log takes its time: nobody hears what is not confirmed, and nothing else goes wrong meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gevent
import pytest
from support.scripted import ScriptedClient, settle

from nuphar import Busy, Server, Store, UsageError
from nuphar.actors import Ref
from nuphar.actors.routing.deserted import is_deserted
from nuphar.actors.targets import appends, patience, target_actor, waiting
from nuphar.actors.targets.log import AppendAnswer, Record
from nuphar.actors.targets.messages import Logged
from nuphar.actors.targets.target import Target
from nuphar.actors.words.delivery import OVERHEAD
from nuphar.testing.logs import Fate, ScriptedLog
from nuphar.transport.wire.frames import (
    Acknowledge,
    ClientMessage,
    Frame,
    Push,
    Rejected,
    ServerMessage,
    Snapshot,
    Subscribe,
    Unsubscribe,
)

LIMIT = 10.0  # seconds that any wait here may take
Connect = Callable[..., ScriptedClient]
T = "topic:t"


def add(model: tuple[Any, ...], message: Any) -> tuple[Any, ...]:
    return (*model, message)


STORE = Store((), add)


@pytest.fixture
def log() -> ScriptedLog:
    return ScriptedLog(is_held=True)


@pytest.fixture
def topic(server: Server, log: ScriptedLog) -> Any:
    return server.topic("t").with_store(STORE, log=log)


@pytest.fixture
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def joined(client: ScriptedClient) -> ScriptedClient:
    client.send(Subscribe(1, T, None, None))
    client.take()
    return client


def actor_of(server: Server) -> Ref[Any]:
    assert server.lifecycle.root is not None
    assert server.lifecycle.root.registry is not None
    for _ in range(1_000):
        ref = server.lifecycle.root.registry.whereis(T)
        if ref is not None:
            return ref
        gevent.sleep(0)
    raise AssertionError("it is not running")


def test_nobody_hears_of_a_message_before_its_append_is_confirmed(
    server: Server, client: Connect, log: ScriptedLog, topic: Any
) -> None:
    a, b = joined(client()), joined(client())
    a.send(ClientMessage(2, T, "x"))
    assert a.take() == b.take() == []
    log.go_on()
    assert a.take() == [Acknowledge(T, 1, [2], False)]
    assert b.take() == [ServerMessage(T, 1, "x")]


def test_what_comes_meanwhile_is_the_next_batch(server: Server, client: Connect, log: ScriptedLog, topic: Any) -> None:
    a = joined(client())
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    a.send(ClientMessage(3, T, "y"), ClientMessage(4, T, "z"))
    assert a.take() == []
    assert log.waiting == 1
    log.go_on()
    assert a.take() == [Acknowledge(T, 1, [2], False), Acknowledge(T, 3, [3, 4], False)]
    assert [record.ref for record in log.records(T)] == [2, 3, 4]


class Noting(ScriptedLog):
    """Notes what it is given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.batches: list[Sequence[Record]] = []

    def append(self, target: str, epoch: str, records: Sequence[Record], level: str, answer: AppendAnswer) -> None:
        self.batches.append(records)
        super().append(target, epoch, records, level, answer)


@pytest.mark.parametrize("is_held", [False, True])
@pytest.mark.parametrize(("size", "count"), [(1, 1_000), (2_000, 400)])
def test_a_batch_has_at_most_256_records_and_256_kib(
    server: Server, client: Connect, is_held: bool, size: int, count: int
) -> None:
    log = Noting(is_held=is_held)
    server.directory.is_debug = False  # looking at the model takes longer than the log
    server.topic("t").with_store(STORE, log=log)
    a = joined(client())
    first, *rest = (ClientMessage(ref, T, str(ref % 10) * size) for ref in range(2, count + 2))
    a.send(first)
    settle(server)
    a.send(*rest)
    settle(server)
    log.go_on()
    answers = 0
    with gevent.Timeout(LIMIT):
        while answers < count:
            answers += sum(len(frame.refs) for frame in a.take() if isinstance(frame, Acknowledge))
    records = [record for batch in log.batches for record in batch]
    assert [(record.seq, record.ref) for record in records] == [(ref - 1, ref) for ref in range(2, count + 2)]
    assert max(map(len, log.batches)) <= 256
    assert max(sum(len(record.payload) + OVERHEAD for record in batch) for batch in log.batches) <= appends.BATCH
    if is_held:  # not one by one: what came while the first one was on its way makes up the next ones
        assert len(log.batches) <= count // 8


def test_who_joins_meanwhile_gets_a_snapshot_of_what_is_confirmed(
    server: Server, client: Connect, log: ScriptedLog, topic: Any
) -> None:
    a = joined(client())
    log.is_held = True
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    b = client()
    b.send(Subscribe(1, T, None, None))
    assert b.take() == []
    a.send(ClientMessage(3, T, "y"))
    assert b.take() == []
    log.go_on()
    snapshot, answer, message = b.take()
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.state, snapshot.seq) == (("x",), 1)
    assert (answer, message) == (Acknowledge(T, 1, [1], False), ServerMessage(T, 2, "y"))


def test_everything_else_keeps_its_place_as_well(server: Server, client: Connect, log: ScriptedLog, topic: Any) -> None:
    a, b = joined(client()), joined(client())
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    a.send(Unsubscribe(3, T))
    topic.broadcast("push")
    topic.dispatch("own", wait=False)
    assert a.take() == b.take() == []
    log.go_on()
    assert a.take() == [Acknowledge(T, 1, [2], False), Acknowledge(T, 1, [3], False)]
    assert b.take() == [ServerMessage(T, 1, "x"), Push(T, "push"), ServerMessage(T, 2, "own")]


def test_a_read_waits_for_what_was_dispatched_before(server: Server, log: ScriptedLog, topic: Any) -> None:
    topic.dispatch("x", wait=False)
    settle(server)
    reading = gevent.spawn(lambda: topic.snapshot)
    settle(server)
    assert not reading.ready()
    log.go_on()
    assert reading.get(timeout=LIMIT) == (("x",), 1)


def test_a_failed_append_is_answered_busy_and_applied_to_nobody(server: Server, client: Connect) -> None:
    log = ScriptedLog([Fate.TAKEN, Fate.FAILED])
    topic = server.topic("t").with_store(STORE, log=log)
    a, b = joined(client()), joined(client())
    for ref in (2, 3, 4):
        a.send(ClientMessage(ref, T, ref))
        settle(server)
    first, refused, last = a.take()
    assert (first, last) == (Acknowledge(T, 1, [2], False), Acknowledge(T, 2, [4], False))
    assert isinstance(refused, Rejected)
    assert (refused.ref, refused.code) == (3, "busy")
    assert b.take() == [ServerMessage(T, 1, 2), ServerMessage(T, 2, 4)]
    assert topic.snapshot == ((2, 4), 2)


@pytest.mark.parametrize(("fate", "expected"), [(Fate.LOST, ("x", "y")), (Fate.DROPPED, ("y",))])
def test_an_unknown_outcome_is_settled_by_looking_it_up(
    server: Server, client: Connect, fate: Fate, expected: tuple[str, ...]
) -> None:
    log = ScriptedLog([fate], deaf=1)
    topic = server.topic("t").with_store(STORE, log=log)
    a = joined(client())
    a.send(ClientMessage(2, T, "x"))
    with gevent.Timeout(LIMIT):
        while not (answers := a.take()):
            gevent.sleep(0.001)
    assert isinstance(answers[0], Acknowledge if fate is Fate.LOST else Rejected)
    a.send(ClientMessage(3, T, "y"))
    assert isinstance(a.take()[0], Acknowledge)
    assert topic.model == expected


def test_a_log_that_raises_is_asked_what_it_has(server: Server, client: Connect) -> None:
    log = ScriptedLog()
    server.topic("t").with_store(STORE, log=log)
    a = joined(client())

    def broken(*_: Any) -> None:
        raise OSError("the disk is gone")

    log.append = broken  # type: ignore[method-assign]
    a.send(ClientMessage(2, T, "x"))
    (refused,) = a.take()
    assert isinstance(refused, Rejected)
    assert refused.code == "busy"


@pytest.mark.parametrize("chunk", [1, 2, 5, 256])
def test_everything_is_handled_in_the_order_in_which_it_came(
    server: Server, client: Connect, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(waiting, "CHUNK", chunk)
    monkeypatch.setattr(target_actor, "DRAIN", 3)
    log = ScriptedLog(delay=lambda: 0.001)
    topic = server.topic("t").with_store(STORE, log=log)
    a, b = joined(client()), joined(client())
    for ref in range(2, 42):
        topic.dispatch(ref, wait=False)
        a.send(ClientMessage(ref, T, -ref))
        if ref % 6 == 0:
            gevent.sleep(0)
        if ref % 10 == 0:
            topic.broadcast(f"push {ref}")
    a.send(Unsubscribe(42, T))
    heard: list[Frame] = []
    with gevent.Timeout(LIMIT):
        while len([frame for frame in heard if isinstance(frame, ServerMessage)]) < 80:
            gevent.sleep(0.001)
            heard += b.take()
    expected = [message for ref in range(2, 42) for message in (ref, -ref)]
    pushed = [message for ref in range(2, 42) for message in (ref, -ref, *((f"push {ref}",) if ref % 10 == 0 else ()))]
    assert [frame.payload for frame in heard if isinstance(frame, ServerMessage | Push)] == pushed
    assert a.take()[-1] == Acknowledge(T, 80, [42], False)
    assert list(topic.model) == expected


def test_a_stop_refuses_what_waits_behind_it(
    server: Server, client: Connect, log: ScriptedLog, topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "CHUNK", 1)
    a = joined(client())
    topic.dispatch("x", wait=False)
    settle(server)
    stopping = gevent.spawn(topic.stop)
    settle(server)
    a.send(*(ClientMessage(ref, T, ref) for ref in range(2, 6)))
    settle(server)
    log.go_on()
    stopping.get(timeout=LIMIT)
    said, last, *refused = a.take()
    assert (said, last) == (ServerMessage(T, 1, "x"), Acknowledge(T, 1, [], True))
    assert [(frame.ref, frame.code) for frame in refused] == [(ref, "gone") for ref in range(2, 6)]  # type: ignore[union-attr]


def test_too_much_that_waits_is_busy(
    server: Server, client: Connect, log: ScriptedLog, topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appends, "HELD_BEHIND", 300)
    a = joined(client())
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    a.send(*(ClientMessage(ref, T, "y") for ref in range(3, 13)))
    refused = a.take()
    assert {frame.code for frame in refused} == {"busy"}  # type: ignore[union-attr]
    assert [frame.ref for frame in refused] == list(range(7, 13))  # type: ignore[union-attr]
    log.go_on()
    frames = a.take()
    assert [ref for frame in frames for ref in frame.refs] == list(range(2, 7))  # type: ignore[union-attr]
    a.send(ClientMessage(13, T, "z"))
    assert a.take() == [Acknowledge(T, 6, [13], False)]


def test_what_the_server_says_is_refused_as_well_when_too_much_waits(
    server: Server, log: ScriptedLog, topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appends, "HELD_BEHIND", 300)
    for _ in range(6):
        topic.dispatch("x", wait=False)
        settle(server)
    with pytest.raises(Busy, match="bytes wait for the log of topic:t"):
        topic.dispatch("x", wait=False)
    log.go_on()
    settle(server)
    topic.dispatch("y", wait=False)
    assert topic.model[-1] == "y"


def test_a_stop_waits_for_the_log_and_the_last_word_is_the_final_acknowledge(
    server: Server, client: Connect, log: ScriptedLog, topic: Any
) -> None:
    a = joined(client())
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    stopping = gevent.spawn(topic.stop)
    assert a.take() == []
    log.go_on()
    stopping.get(timeout=LIMIT)
    assert a.take() == [Acknowledge(T, 1, [2], False), Acknowledge(T, 1, [], True)]


def test_a_stop_in_the_same_drain_waits_as_well(server: Server, client: Connect, log: ScriptedLog, topic: Any) -> None:
    a = joined(client())
    topic.dispatch("x", wait=False)
    stopping = gevent.spawn(topic.stop)
    assert a.take() == []
    log.go_on()
    stopping.get(timeout=LIMIT)
    assert a.take() == [ServerMessage(T, 1, "x"), Acknowledge(T, 1, [], True)]


def heard(client: ScriptedClient, count: int) -> list[Frame]:
    """Wait until a client has heard so many frames."""
    frames: list[Frame] = []
    with gevent.Timeout(LIMIT):
        while len(frames) < count:
            gevent.sleep(0.001)
            frames += client.take()
    return frames


@pytest.mark.parametrize(("fate", "is_in"), [(Fate.SILENT, True), (Fate.SILENT_DROPPED, False)])
def test_an_append_that_nobody_answers_is_looked_up(fate: Fate, is_in: bool) -> None:
    with Server(log_timeout=0.01) as server:
        topic = server.topic("t").with_store(STORE, log=ScriptedLog([fate]))
        a = joined(ScriptedClient(server))
        a.send(ClientMessage(2, T, "x"))
        (answer,) = heard(a, 1)
        if is_in:
            assert answer == Acknowledge(T, 1, [2], False)
        else:
            assert isinstance(answer, Rejected)
            assert answer.code == "busy"
        a.send(ClientMessage(3, T, "y"))
        assert heard(a, 1) == [Acknowledge(T, 1 + is_in, [3], False)]
        assert topic.model == (("x", "y") if is_in else ("y",))


def test_while_the_log_says_nothing_at_all_what_comes_is_busy_and_it_goes_on_when_the_log_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = ScriptedLog([Fate.SILENT], mute=float("inf"))
    with Server(log_timeout=0.05) as server:
        topic = server.topic("t").with_store(STORE, log=log)
        a, b = joined(ScriptedClient(server)), ScriptedClient(server)
        a.send(ClientMessage(2, T, "x"))
        settle(server)
        a.send(ClientMessage(3, T, "held"))
        b.send(Subscribe(1, T, None, None))
        (refused,) = heard(a, 1)
        assert isinstance(refused, Rejected)
        text = "the log of topic:t does not answer: try again later"
        assert (refused.ref, refused.code, refused.text) == (3, "busy", text)
        a.send(ClientMessage(4, T, "new"))
        (refused,) = heard(a, 1)
        assert isinstance(refused, Rejected)
        assert (refused.ref, refused.code, refused.text) == (4, "busy", text)
        with pytest.raises(Busy, match=text):
            topic.dispatch("own")
        with pytest.raises(Busy, match=text):
            assert topic.model
        assert a.take() == b.take() == []
        log.mute = 0
        assert heard(a, 1) == [Acknowledge(T, 1, [2], False)]
        snapshot, answer = heard(b, 2)
        assert isinstance(snapshot, Snapshot)
        assert (snapshot.state, answer) == (("x",), Acknowledge(T, 1, [1], False))
        a.send(ClientMessage(5, T, "y"))
        assert heard(a, 1) == [Acknowledge(T, 2, [5], False)]
        topic.dispatch("z")
        assert topic.model == ("x", "y", "z")
    lines = [record.getMessage() for record in caplog.records if "has not answered" in record.getMessage()]
    assert lines[0] == "topic:t: its log has not answered for 0.05 s, and is asked again"


def test_an_answer_that_comes_late_is_taken() -> None:
    log = ScriptedLog(is_held=True, mute=float("inf"))
    with Server(log_timeout=0.01) as server:
        server.topic("t").with_store(STORE, log=log)
        a = joined(ScriptedClient(server))
        a.send(ClientMessage(2, T, "x"))
        with gevent.Timeout(LIMIT):
            while log.waiting < 3:  # the append, and look-ups that will never be answered
                gevent.sleep(0.001)
        log.go_on()
        assert heard(a, 1) == [Acknowledge(T, 1, [2], False)]


def test_a_successor_waits_no_longer_than_its_predecessor(quiet: None) -> None:
    with Server(log_timeout=0.05) as server:
        server.topic("t").with_store(STORE, log=ScriptedLog([Fate.SILENT]))
        a = joined(ScriptedClient(server))
        a.send(ClientMessage(2, T, "x"))
        settle(server)
        ref = actor_of(server)
        ref.kill()
        ref.wait_down(LIMIT)
        assert heard(a, 1) == [Acknowledge(T, 1, [2], False)]


@pytest.mark.parametrize("ends", ["the server", "the topic"])
def test_a_stop_tells_everybody_that_nobody_knows_and_says_the_last_word(
    monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr(patience, "STOP", 0.1)
    monkeypatch.setattr(patience, "STOP_ALL", 0.1)
    log = ScriptedLog([Fate.TAKEN, Fate.SILENT], mute=float("inf"))
    with Server() as server:
        topic = server.topic("t").with_store(STORE, log=log)
        a, b = joined(ScriptedClient(server)), joined(ScriptedClient(server))
        a.send(ClientMessage(2, T, "x"))
        assert a.take() == [Acknowledge(T, 1, [2], False)]
        assert b.take() == [ServerMessage(T, 1, "x")]
        a.send(ClientMessage(3, T, "y"))
        settle(server)
        b.send(ClientMessage(2, T, "z"))
        settle(server)
        with gevent.Timeout(LIMIT):
            server.stop(3.0) if ends == "the server" else topic.stop(3.0)
        unknown, last = a.peek()[:2]
        assert isinstance(unknown, Rejected)
        assert (unknown.ref, unknown.code) == (3, "unknown_outcome")
        assert last == Acknowledge(T, 1, [], True)
        final, gone = b.peek()[:2]
        assert final == Acknowledge(T, 1, [], True)
        assert isinstance(gone, Rejected)
        assert (gone.ref, gone.code) == (2, "gone")
    assert topic.snapshot == (("x",), 1)


def test_an_answer_during_the_stop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "STOP", LIMIT)
    log = ScriptedLog([Fate.SILENT], mute=float("inf"))
    with Server(log_timeout=0.01) as server:
        topic = server.topic("t").with_store(STORE, log=log)
        a = joined(ScriptedClient(server))
        a.send(ClientMessage(2, T, "x"))
        settle(server)
        stopping = gevent.spawn(topic.stop)
        settle(server)
        log.mute = 0
        assert heard(a, 2) == [Acknowledge(T, 1, [2], False), Acknowledge(T, 1, [], True)]
        stopping.get(timeout=LIMIT)


def test_a_successor_goes_on_with_what_is_on_its_way(
    server: Server, client: Connect, log: ScriptedLog, topic: Any, quiet: None
) -> None:
    a, b = joined(client()), joined(client())
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    a.send(ClientMessage(3, T, "y"))
    settle(server)
    ref = actor_of(server)
    ref.kill()
    ref.wait_down(LIMIT)
    assert actor_of(server) is not ref
    assert a.take() == b.take() == []
    log.go_on()
    assert a.take() == [Acknowledge(T, 1, [2], False), Acknowledge(T, 2, [3], False)]
    assert b.take() == [ServerMessage(T, 1, "x"), ServerMessage(T, 2, "y")]


def test_an_answer_that_crashes_its_actor_twice_is_asked_for_again(
    server: Server, client: Connect, log: ScriptedLog, topic: Any, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, crashes = joined(client()), [1, 2]
    settle_target = Target.settle

    def fragile(self: Target, *what: Any) -> Any:
        if crashes:
            crashes.pop()
            raise gevent.Timeout
        return settle_target(self, *what)

    monkeypatch.setattr(Target, "settle", fragile)
    a.send(ClientMessage(2, T, "x"))
    settle(server)
    log.go_on()
    frames: list[Frame] = []
    with gevent.Timeout(LIMIT):
        while not frames:
            gevent.sleep(0.001)
            frames = a.take()
    assert frames == [Acknowledge(T, 1, [2], False)]
    assert [letter.message for letter in server.dead_letters() if not isinstance(letter.message, Logged)] == []


def test_a_topic_that_waits_is_not_deserted(server: Server, log: ScriptedLog, topic: Any) -> None:
    topic.dispatch("x", wait=False)
    settle(server)
    known = server.directory.topics["t"]
    assert not is_deserted(known)
    log.go_on()
    settle(server)
    assert is_deserted(known)


def test_a_topic_is_forgotten_by_its_log_when_it_has_ended(server: Server, log: ScriptedLog, topic: Any) -> None:
    log.go_on()
    topic.dispatch("x", wait=False)
    settle(server)
    before = topic._topic.target.order.epoch
    topic.stop()
    assert log.records(T) == []
    again: Any = server.topic("t").with_store(STORE, log=log)
    assert again._topic.target.order.epoch != before


def test_a_level_that_is_not_offered_is_a_clear_error(server: Server, log: ScriptedLog) -> None:
    text = r"level='durable': MemoryLog offers 'accepted'; choose one, or another log"
    with pytest.raises(UsageError, match=text):
        server.topic("a").with_store(STORE, level="durable")
    with pytest.raises(UsageError, match=text):
        server.topic_kind("k:").with_store(STORE, level="durable")
    with pytest.raises(UsageError, match=r"level='safe': ScriptedLog offers 'accepted' and 'durable'"):
        server.topic("b").with_store(STORE, log=log, level="safe")
    assert server.topic("c").with_store(STORE, log=log, level="durable").model == ()


def test_the_topics_of_a_kind_have_its_log(server: Server, client: Connect, log: ScriptedLog) -> None:
    kind = server.topic_kind("k:").with_store(STORE, log=log, level="durable")
    kind.topic("1").dispatch("x", wait=False)
    settle(server)
    assert log.waiting == 1
    log.go_on()
    assert kind.topic("1").model == ("x",)
    assert [record.seq for record in log.records("topic:k:1")] == [1]
