"""Sessions over real sockets: the line is cut, and the client comes back as the one that it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from support.raw import Closed, RawClient
from support.scripted import settle
from support.serving import eventually, listen

from nuphar import Identity, Limits, Refused, Server, Slice, Store, Wiring
from nuphar.actors.sessions.answers import WINDOW
from nuphar.actors.sessions.takeover import NOWHERE
from nuphar.transport.server.framing import BARE

T = "topic:t"
MakeServer = Callable[..., Server]


def append(model: list[Any], message: Any) -> list[Any]:
    if message == "no":
        raise Refused("denied", "not that", {"why": "no"})
    return [*model, message]


class Place:
    """A server with the stored topic ``t`` and the ephemeral ``e``, and what its hooks have heard."""

    def __init__(self, make_server: MakeServer, **options: Any) -> None:
        wiring = Wiring(session=Slice(append))
        options.setdefault("limits", Limits(close=0.1))
        self.server = make_server([], wiring, **options)
        self.topic = self.server.topic("t").with_store(Store([], append))
        self.ephemeral = self.server.topic("e")
        self.heard: list[Any] = []
        for topic in (self.topic, self.ephemeral):
            name = topic.id
            topic.on_join(lambda client_id, name=name: self.heard.append(("join", name)))
            topic.on_leave(lambda client_id, name=name: self.heard.append(("leave", name)))
        self.server.on_connect(lambda client_id: self.heard.append("connect"))
        self.server.on_disconnect(lambda client_id: self.heard.append("disconnect"))
        self.port = listen(self.server)

    def client(self) -> RawClient:
        return RawClient(self.port)

    def is_detached(self) -> bool:
        """Say whether no session has a connection."""
        return self.server.sessions.book.detached == len(self.server.sessions)

    def cut(self, client: RawClient) -> None:
        """Cut the line, and wait until the server knows it."""
        client.cut()
        eventually(self.is_detached)

    def rest(self, client: RawClient) -> list[Any]:
        """Let the server handle all that ``client`` has sent, and return what has come."""
        before = client.barrier()
        settle(self.server)
        return before + client.barrier()

    def resumed(self, client: RawClient) -> list[Any]:
        """Prove that the Welcome has arrived, and return what has come besides."""
        assert client.welcome[4] is True, client.welcome
        kind, n = client.receive()
        assert kind == 7
        client.send([25, n])
        return self.rest(client)

    def is_empty(self) -> bool:
        """Say whether nothing is left of any session."""
        server = self.server
        return not (
            len(server.sessions)
            or len(server.sessions.book)
            or server.own_stores.running()
            or self.topic.subscribers
            or self.ephemeral.subscribers
        )


@pytest.fixture
def place(make_server: MakeServer) -> Place:
    return Place(make_server)


def epoch_of(place: Place) -> str:
    order = place.topic._topic.target.order
    assert order is not None
    return order.epoch


def fresh(client: RawClient, than: RawClient) -> None:
    """See that ``client`` got a session of its own, and nothing else."""
    assert client.welcome[4] is False
    assert client.client_id != than.client_id
    assert client.welcome[2] != than.welcome[2]
    assert client.barrier() == []


# Coming back.


def test_a_session_is_resumed_before_its_first_message(place: Place) -> None:
    one = place.client()
    place.cut(one)
    back = one.back()
    assert place.resumed(back) == []
    assert back.client_id == one.client_id
    assert back.welcome[2] == one.welcome[2]
    assert back.welcome[3] != one.welcome[3]
    assert place.heard == ["connect"]


def test_after_a_hundred_blips_in_a_row_it_is_still_the_same(place: Place) -> None:
    client, epoch = place.client(), epoch_of(place)
    client.subscribe(T)
    client.subscribe("topic:e")
    for n in range(100):
        place.topic.dispatch(n)
        client.cut()
        client = client.back({T: [epoch, n]})
        assert client.welcome[4] is True
    assert client.receive()[0] == 7
    assert client.receive() == [19, T, 100, 99]
    assert place.rest(client) == []
    place.topic.dispatch("live")
    place.ephemeral.broadcast("wave")
    assert place.rest(client) == [[19, T, 101, "live"], [20, "topic:e", "wave"]]
    assert place.topic.subscribers == place.ephemeral.subscribers == [client.client_id]
    assert place.heard == ["connect", ("join", "t"), ("join", "e")]


def test_blips_that_follow_at_once_lose_no_membership(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    place.topic.can_subscribe(lambda *_: gevent.sleep(0) or True)
    lines = [client]
    for _ in range(20):
        lines.append(lines[-1].back({T: [epoch_of(place), 0]}))
    place.topic.dispatch("x")
    assert [19, T, 1, "x"] in place.resumed(lines[-1])
    assert [line.receive_all()[-1].code for line in lines[:-1]] == [4409] * 20
    assert place.topic.subscribers == [client.client_id]
    assert ("leave", "t") not in place.heard


def test_a_line_that_is_lost_while_it_is_being_resumed_loses_no_membership(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    asked, gate = gevent.event.Event(), gevent.event.Event()
    place.topic.can_subscribe(lambda *_: asked.set() or gate.wait(10.0))
    second = client.back({T: [epoch_of(place), 0]})
    assert asked.wait(10.0)
    second.cut()
    third = second.back({T: [epoch_of(place), 0]})
    place.topic.dispatch("x")
    gate.set()
    assert place.resumed(third) == [[19, T, 1, "x"]]
    assert place.topic.subscribers == [client.client_id]
    assert place.heard == ["connect", ("join", "t")]


def test_missed_messages_come_once_and_in_their_order(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    place.topic.dispatch("seen")
    place.rest(client)
    place.cut(client)
    for n in range(3):
        place.topic.dispatch(n)
    back = client.back({T: [epoch_of(place), 1]})
    place.topic.dispatch("live")
    assert place.resumed(back) == [[19, T, 2, 0], [19, T, 3, 1], [19, T, 4, 2], [19, T, 5, "live"]]


def test_its_own_missed_messages_come_as_acknowledges_in_their_places(place: Place) -> None:
    client, epoch = place.client(), epoch_of(place)
    client.subscribe(T)
    place.topic.dispatch("a")
    client.post(T, "mine", "mine too")
    place.rest(client)
    place.topic.dispatch("b")
    place.cut(client)
    back = client.back({T: [epoch, 0]})
    assert place.resumed(back) == [
        [19, T, 1, "a"],
        [17, T, 2, [2], False],
        [17, T, 3, [3], False],
        [19, T, 4, "b"],
    ]


def test_who_is_too_far_behind_gets_its_own_acknowledges_and_a_snapshot(make_server: MakeServer) -> None:
    place = Place(make_server, history=2)
    client, epoch = place.client(), epoch_of(place)
    client.subscribe(T)
    client.post(T, "mine")
    place.rest(client)
    place.cut(client)
    for n in range(3):
        place.topic.dispatch(n)
    back = client.back({T: [epoch, 0]})
    assert place.resumed(back) == [[17, T, 1, [2], False], [21, T, epoch, 4, ["mine", 0, 1, 2], "behind"]]


def test_another_epoch_brings_a_snapshot_alone(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    client.post(T, "mine")
    place.rest(client)
    place.cut(client)
    assert place.resumed(client.back({T: ["another", 0]})) == [[21, T, epoch_of(place), 1, ["mine"], "restarted"]]


@pytest.mark.parametrize("ask", ["hello", "resync", "subscribe"])
def test_a_cursor_from_the_future_brings_a_snapshot(place: Place, ask: str) -> None:
    cursor = [epoch_of(place), 99]
    client = RawClient(place.port, greet=False)
    client.welcome = client.hello(cursors={T: cursor} if ask == "hello" else None)
    if ask == "resync":
        client.send([5, {T: cursor}])
    elif ask == "subscribe":
        client.send([2, client.ref(), T, cursor, None])
    assert place.rest(client)[0] == [21, T, epoch_of(place), 0, [], "behind"]


@pytest.mark.parametrize("ask", ["hello", "resync"])
def test_a_cursor_of_what_is_not_there_or_not_allowed_is_answered_with_out_and_nothing_is_told(
    place: Place, ask: str
) -> None:
    place.topic.can_subscribe(lambda *_: False)
    place.topic.dispatch("secret")
    cursors = {T: [epoch_of(place), 0], "topic:nowhere": ["e", 0]}
    client = RawClient(place.port, greet=False)
    client.welcome = client.hello(cursors=cursors if ask == "hello" else None)
    if ask == "resync":
        client.send([5, cursors])
    frames = place.rest(client)
    assert sorted(frame[:4] for frame in frames) == [
        [27, "topic:nowhere", "not_found", "there is no topic 'nowhere'"],
        [27, T, "denied", "you may not subscribe to 't'"],
    ]
    assert place.topic.subscribers == []


def test_without_a_cursor_a_stored_target_is_as_new_and_an_ephemeral_one_silent(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    client.subscribe("topic:e")
    place.cut(client)
    assert place.resumed(client.back()) == [[21, T, epoch_of(place), 0, [], "subscribed"]]


def test_a_cursor_of_a_target_that_it_is_not_in_any_more_is_answered_with_the_out_that_was_lost(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    place.cut(client)
    place.topic.unsubscribe(client.client_id)
    settle(place.server)
    place.topic.dispatch("x")
    (out,) = place.resumed(client.back({T: [epoch_of(place), 0]}))
    assert [*out[:3], out[4]] == [27, T, "not_subscribed", 0]
    assert place.topic.subscribers == []


def test_a_cursor_of_a_target_that_a_fresh_session_is_not_in_subscribes_it(place: Place) -> None:
    client = RawClient(place.port, greet=False)
    place.topic.dispatch("x")
    client.welcome = client.hello(cursors={T: [epoch_of(place), 0]})
    assert place.rest(client) == [[19, T, 1, "x"]]
    assert place.topic.subscribers == [client.client_id]


def test_who_is_put_out_hears_it_behind_the_rest_with_the_ref_that_had_let_it_in(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    place.topic.dispatch("x")
    place.topic.unsubscribe(client.client_id)
    assert place.rest(client)[-2:] == [[19, T, 1, "x"], [27, T, "denied", "the server has put you out", 1]]


@pytest.mark.parametrize("ask", ["resync", "subscribe"])
def test_a_right_that_is_withdrawn_puts_out_who_asks_again(place: Place, ask: str) -> None:
    client = place.client()
    client.subscribe(T)
    place.rest(client)
    place.topic.can_subscribe(lambda *_: False)
    text = "you may not subscribe to 't'"
    client.send([5, {T: None}] if ask == "resync" else [2, 2, T, None, None])
    rejected = [] if ask == "resync" else [[18, 2, T, "denied", text, None]]
    assert place.rest(client) == [*rejected, [27, T, "denied", text, 1]]
    assert place.topic.subscribers == []


def test_its_own_store_survives(place: Place) -> None:
    client = place.client()
    client.post("session", "mine")
    place.rest(client)
    place.cut(client)
    place.server.dispatch_to(client.client_id, "from the server")
    back = client.back()
    (snapshot,) = place.resumed(back)
    assert (snapshot[0], snapshot[3:]) == (21, [2, ["mine", "from the server"], "subscribed"])
    (ref,) = back.post("session", "more")
    assert place.rest(back) == [[17, "session", 3, [ref], False]]
    place.cut(back)
    again = back.back({"session": [snapshot[2], 1]})
    assert place.resumed(again) == [[19, "session", 2, "from the server"], [17, "session", 3, [ref], False]]


def test_it_may_come_back_in_the_other_encoding(place: Place) -> None:
    client, other = place.client(), place.client()
    client.subscribe(T)
    other.subscribe(T)
    client.cut()
    back = client.back({T: [epoch_of(place), 0]}, subprotocol="nuphar.v1.json")
    assert place.resumed(back) == []
    other.post(T, "x")
    assert back.receive() == [19, T, 1, "x"]


def test_a_message_dispatched_while_nobody_is_there_reaches_it_through_the_server_s_own_subscription(
    place: Place,
) -> None:
    client = place.client()
    place.cut(client)
    place.topic.can_subscribe(lambda *_: False)
    place.topic.subscribe(client.client_id)
    settle(place.server)
    place.topic.dispatch("x")
    assert place.resumed(client.back()) == [[21, T, epoch_of(place), 1, ["x"], "subscribed"]]
    assert place.topic.subscribers == [client.client_id]


# Two connections of one session.


def test_the_older_connection_is_closed_and_hears_nothing_more(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    back = client.back({T: [epoch_of(place), 0]})
    assert place.resumed(back) == []
    place.topic.dispatch("x")
    assert place.rest(back) == [[19, T, 1, "x"]]
    assert client.receive_all() == [Closed(4409, "replaced by a newer connection")]
    eventually(lambda: len(place.server.gateway.connections) == 1)
    assert len(place.server.sessions) == 1
    assert place.rest(back) == []


def test_what_the_older_connection_still_had_in_the_mailbox_is_answered_to_the_newer(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    client.post(T, *range(50))
    back = client.back({T: [epoch_of(place), 0]})
    back.send(*([4, ref, T, ref - 2] for ref in range(2, 52)))
    frames = place.resumed(back)
    answered = [ref for frame in frames if frame[0] == 17 for ref in frame[3]]
    assert sorted(set(answered)) == list(range(2, 52))
    assert [frame for frame in frames if frame[0] == 18] == []
    assert place.topic.model == list(range(50))


# Tokens.


def test_the_old_token_is_good_until_the_new_one_has_arrived(place: Place) -> None:
    client = place.client()
    client.cut()
    lost = client.back()
    assert lost.welcome[4] is True
    lost.cut()  # before its Pong: for all that the server knows, its Welcome was lost
    back = client.back()
    assert place.resumed(back) == []
    assert back.client_id == client.client_id


def test_a_used_token_that_comes_again_ends_the_session(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    back = client.back()
    place.resumed(back)
    thief = client.back()
    fresh(thief, than=client)
    assert back.receive_all() == [Closed(4401, "token reused")]
    eventually(lambda: ("leave", "t") in place.heard and "disconnect" in place.heard)
    assert back.back().welcome[4] is False
    assert place.topic.subscribers == []


def test_the_next_resume_burns_the_token_too(place: Place) -> None:
    client = place.client()
    second = client.back()
    third = second.back()  # no Pong, but the newest token
    assert third.welcome[4] is True
    fresh(client.back(), than=client)
    assert third.receive()[0] == 7
    assert third.receive_all() == [Closed(4401, "token reused")]


@pytest.mark.parametrize(
    "token", ["", "x", "truncated", "other"], ids=["empty", "wrong", "truncated", "another session's"]
)
def test_a_wrong_token_gets_a_fresh_session_and_harms_nobody(place: Place, token: str) -> None:
    client = place.client()
    if token == "truncated":
        token = client.welcome[3][:-1]
    elif token == "other":
        token = place.client().welcome[3]
    fresh(client.back(token=token), than=client)
    assert place.rest(client) == []
    assert place.resumed(client.back()) == []


def test_an_unknown_session_gets_a_fresh_one(place: Place) -> None:
    client = place.client()
    client.welcome[2] = "0" * 32
    fresh(client.back(), than=client)


def test_a_session_without_a_token_gets_a_fresh_one(place: Place) -> None:
    client = place.client()
    other = RawClient(place.port, greet=False)
    other.welcome = other.hello(client.welcome[2], None)
    fresh(other, than=client)


def test_a_session_is_resumed_for_the_same_user_only(make_server: MakeServer) -> None:
    place = Place(make_server, identify=lambda request: Identity(request.headers.get("X-User", "somebody")))
    ada = RawClient(place.port, headers=("X-User: ada",))
    fresh(ada.back(headers=("X-User: bob",)), than=ada)
    fresh(ada.back(), than=ada)
    assert place.resumed(ada.back(headers=("X-User: ada",))) == []


# The end of a session.


def test_a_session_ends_when_its_window_is_over(make_server: MakeServer) -> None:
    place = Place(make_server, resume_window=1.0)
    client = place.client()
    client.subscribe(T)
    client.post("session", "x")
    place.rest(client)
    place.cut(client)
    assert place.heard == ["connect", ("join", "t")]
    place.server.gateway.reception.tick(place.server.gateway.clock() + 1.0)
    settle(place.server)
    assert sorted(place.heard[2:], key=str) == [("leave", "t"), "disconnect"]
    assert place.is_empty()
    fresh(client.back(), than=client)


def test_a_close_with_1000_ends_it_at_once(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    client.close()
    eventually(lambda: "disconnect" in place.heard and ("leave", "t") in place.heard)
    assert place.is_empty()
    fresh(client.back(), than=client)


def test_with_a_window_of_0_it_ends_with_its_connection(make_server: MakeServer) -> None:
    place = Place(make_server, resume_window=0)
    client = place.client()
    client.cut()
    eventually(place.is_empty)
    fresh(client.back(), than=client)


def test_of_too_many_without_a_connection_the_oldest_ends(make_server: MakeServer) -> None:
    place = Place(make_server, max_detached=2)
    clients = [place.client() for _ in range(3)]
    for n, client in enumerate(clients, 1):
        client.cut()
        eventually(lambda n=n: len(place.server.gateway.connections) == 3 - n)
    settle(place.server)
    assert place.heard.count("disconnect") == 1
    fresh(clients[0].back(), than=clients[0])
    assert place.resumed(clients[1].back()) == []
    assert place.resumed(clients[2].back()) == []


def test_ten_thousand_who_only_say_hello_put_out_nobody_who_is_away(make_server: MakeServer) -> None:
    place = Place(make_server)
    away = []
    for _ in range(3):
        away.append(client := place.client())
        client.send([2, 1, T, None, None])
        client.barrier()
        place.cut(client)
    reception = place.server.gateway.reception
    for n in range(10_500):
        greeting = reception.greet(None, None, None, BARE, NOWHERE, lambda code, reason: None)
        reception.lose(greeting.session, place.server.gateway.clock())
        if n % 1_000 == 0:
            settle(place.server)
    settle(place.server)
    assert place.server.stats()["detached"] == 10_000
    for client in away:
        place.resumed(client.back())


def test_of_too_many_bytes_without_a_connection_the_heaviest_end(make_server: MakeServer) -> None:
    place = Place(make_server, max_detached_bytes=30_000)
    light, heavy = place.client(), place.client()
    light.send([2, 1, T, None, None])
    heavy.send([4, 1, "session", "x" * 40_000])  # its own store
    for client in (light, heavy):
        client.barrier()
    light.cut()
    eventually(lambda: place.server.sessions.book.detached == 1)
    assert 0 < place.server.stats()["detached_bytes"] < 1_000
    place.cut(heavy)
    settle(place.server)
    fresh(heavy.back(), than=heavy)
    place.resumed(light.back())


def test_a_session_that_the_server_disconnects_cannot_be_resumed(place: Place) -> None:
    client = place.client()
    place.cut(client)
    place.server.disconnect(client.client_id)
    settle(place.server)
    assert place.is_empty()
    fresh(client.back(), than=client)


def test_a_disconnect_is_not_lost_in_a_hop(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    session = place.server.sessions.get(client.client_id)
    assert session is not None
    client.back()
    place.server.sessions.disconnect(session)
    eventually(place.is_empty)
    assert place.heard.count("disconnect") == 1
    assert place.heard.count(("leave", "t")) == 1


def test_nothing_is_left_after_all_sessions_have_ended(place: Place) -> None:
    clients = [place.client() for _ in range(4)]
    for client in clients:
        client.subscribe(T)
        client.post(T, "x")
        client.post("session", "x")
    clients[0].close()
    clients[1].cut()
    backs = [client.back() for client in clients[2:]]
    place.resumed(backs[0])
    for back in backs:
        back.close()
    eventually(lambda: not place.server.gateway.connections)
    place.server.gateway.reception.tick(float("inf"))
    settle(place.server)
    assert place.is_empty()
    assert place.server.stats()["detached"] == 0
    assert place.heard.count(("join", "t")) == place.heard.count(("leave", "t")) == 4


def test_a_stop_ends_those_that_wait(place: Place) -> None:
    client, other = place.client(), place.client()
    client.subscribe(T)
    client.cut()
    eventually(lambda: place.server.sessions.book.detached == 1)
    place.server.stop()
    assert other.receive_all()[-1].code == 1001
    assert len(place.server.sessions.book) == 0


# What is not allowed any more.


def test_a_right_that_was_withdrawn_meanwhile_is_told_and_the_leave_hook_hears_of_it(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    client.post(T, "x")
    place.rest(client)
    place.cut(client)
    place.topic.can_subscribe(lambda *_: False)
    back = client.back({T: [epoch_of(place), 0]})
    back.send([4, 2, T, "x"], [4, 3, T, "y"])
    frames = place.resumed(back)
    assert sorted(frame[:4] for frame in frames) == [
        [17, T, 0, [2]],
        [18, 3, T, "not_subscribed"],
        [27, T, "denied", "you may not subscribe to 't'"],
    ]
    assert place.topic.subscribers == []
    assert place.heard[-1] == ("leave", "t")
    assert place.topic.model == ["x"]


def test_a_topic_that_has_stopped_meanwhile_is_out(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    epoch = epoch_of(place)
    place.cut(client)
    place.topic.stop()
    settle(place.server)
    (out,) = place.resumed(client.back({T: [epoch, 0]}))
    assert [*out[:3], out[4]] == [27, T, "not_subscribed", 0]


def test_an_unsubscribe_while_it_is_being_resumed_is_answered_and_the_leave_hook_hears_of_it(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    place.topic.can_subscribe(lambda *_: gevent.sleep(0) or True)
    back = client.back({T: [epoch_of(place), 0]})
    back.send([3, 9, T])
    assert place.resumed(back) == [[17, T, 0, [9], False]]
    settle(place.server)
    assert place.topic.subscribers == []
    assert place.heard[-1] == ("leave", "t")


def test_who_ends_while_it_is_being_resumed_leaves(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    asked, gate = gevent.event.Event(), gevent.event.Event()
    place.topic.can_subscribe(lambda *_: asked.set() or gate.wait(10.0))
    back = client.back()
    assert asked.wait(10.0)
    back.close()
    eventually(place.is_empty)
    gate.set()
    settle(place.server)
    assert place.is_empty()
    assert place.heard.count(("leave", "t")) == 1


# Refs.


def test_a_repeated_ref_is_answered_again_and_applied_once(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    client.send([4, 5, T, "x"], [4, 5, T, "x"], [4, 6, T, "no"])
    place.rest(client)
    client.send([4, 5, T, "x"], [4, 6, T, "no"])
    acknowledge, rejected = place.rest(client)
    assert acknowledge == [17, T, 1, [5], False]
    assert rejected == [18, 6, T, "denied", "not that", {"why": "no"}]
    assert place.topic.model == ["x"]


def test_a_message_that_was_answered_on_a_lost_line_is_answered_on_the_next(place: Place) -> None:
    client, epoch = place.client(), epoch_of(place)
    client.subscribe(T)
    client.post(T, "x")
    eventually(lambda: place.topic.seq == 1)
    place.cut(client)
    back = client.back({T: [epoch, 0]})
    back.send([4, 2, T, "x"], [4, 3, T, "y"])
    assert place.resumed(back) == [[17, T, 1, [2], False], [17, T, 1, [2], False], [17, T, 2, [3], False]]
    assert place.topic.model == ["x", "y"]


def test_a_message_that_was_held_on_a_lost_line_counts_as_new(place: Place) -> None:
    asked, gate = gevent.event.Event(), gevent.event.Event()
    place.topic.can_subscribe(lambda *_: asked.set() or gate.wait(10.0))
    client = place.client()
    client.subscribe("topic:e")
    client.send([2, 2, T, None, None], [4, 3, T, "held"], [4, 4, "topic:e", "wave"])
    assert asked.wait(10.0)
    assert place.rest(client) == [[17, "topic:e", 0, [4], False]]
    back = client.back()
    back.send([2, 2, T, None, None], [4, 3, T, "held"])
    gate.set()
    frames = place.resumed(back)
    assert [17, T, 1, [3], False] in frames + place.rest(back)
    assert place.topic.model == ["held"]


def test_a_ref_of_another_epoch_is_acknowledged_without_a_place(place: Place) -> None:
    client = place.client()
    place.ephemeral.with_store(Store([], append))
    client.subscribe("topic:e")
    client.post("topic:e", "x")
    place.rest(client)
    place.ephemeral.stop()
    settle(place.server)
    place.server.topic("e").with_store(Store([], append))
    client.subscribe("topic:e")
    place.rest(client)
    client.send([4, 2, "topic:e", "x"])
    assert place.rest(client) == [[17, "topic:e", 0, [2], False]]


def test_without_a_membership_the_session_answers_itself(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    client.post(T, "x", "no")
    client.send([3, 9, T])
    place.rest(client)
    client.send([4, 2, T, "x"], [4, 3, T, "no"])
    assert place.rest(client) == [[17, T, 0, [2], False], [18, 3, T, "denied", "not that", {"why": "no"}]]


def test_a_ref_below_the_window_is_unknown_and_not_applied(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    client.send([4, 2, T, "x"], [4, 2 + WINDOW, T, "y"], [4, 2, T, "x"])
    frames = place.rest(client)
    assert [frame[:4] for frame in frames if frame[0] == 18] == [[18, 2, T, "unknown_outcome"]]
    assert place.topic.model == ["x", "y"]


def test_a_ref_that_goes_back_is_malformed(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    client.send([4, 9, T, "x"], [4, 5, T, "y"])
    frames = place.rest(client)
    assert [18, 5, T, "malformed", "expected a ref above 9, got 5", None] in frames
    assert place.topic.model == ["x"]


def test_a_ref_that_was_used_for_another_target_is_malformed(place: Place) -> None:
    client = place.client()
    client.subscribe(T)
    client.subscribe("topic:e")
    client.send([4, 9, T, "x"], [4, 9, "topic:e", "x"])
    frames = place.rest(client)
    assert [18, 9, "topic:e", "malformed", "ref 9 was used for topic:t before", None] in frames


def test_the_hook_of_topic_messages_does_not_hear_a_repeat(place: Place) -> None:
    heard: list[Any] = []
    place.server.on_topic_message(lambda message, *_: heard.append(message))
    client = place.client()
    client.subscribe(T)
    client.send([4, 2, T, "x"], [4, 2, T, "x"])
    place.rest(client)
    assert heard == ["x"]


def test_a_message_that_a_hook_is_hearing_when_the_line_is_lost_is_applied_once(place: Place) -> None:
    heard, gate = gevent.event.Event(), gevent.event.Event()

    def hear(*_: Any) -> None:
        if not heard.is_set():
            heard.set()
            gate.wait(4.0)

    place.server.on_topic_message(hear)
    client = place.client()
    client.subscribe(T)
    client.send([4, 2, T, "x"], [4, 3, T, "y"])
    assert heard.wait(10.0)
    back = client.back({T: [epoch_of(place), 0]})
    back.send([4, 2, T, "x"], [4, 3, T, "y"])
    frames = place.resumed(back)
    gate.set()
    assert frames == [[17, T, 2, [2, 3], False]]
    settle(place.server)
    assert place.topic.model == ["x", "y"]


def test_ref_0_is_neither_answered_nor_remembered(place: Place) -> None:
    client = place.client()
    client.subscribe("topic:e")
    client.send([4, 0, "topic:e", "x"], [4, 0, "topic:e", "x"])
    assert place.rest(client) == []
