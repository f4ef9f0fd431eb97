"""A client that knows the protocol's page and nothing else, over real sockets."""

from __future__ import annotations

from typing import Any

from support import stock
from support.raw import RawClient
from support.serving import in_thread, listen

from nuphar import Server, Store


def add(model: Any, message: Any) -> Any:
    return model + message


def serve_counter(server: Server) -> int:
    server.topic("counter").with_store(Store(0, add))
    return listen(server)


def test_a_stock_client_can_do_all_that_the_page_says_in_cbor_and_json_on_one_topic(server: Server) -> None:
    in_thread(stock.scenario, serve_counter(server))
    assert server.topic("another").id == "another"  # the server lives on


def test_a_hello_with_cursors_brings_what_was_missed_without_a_subscribe(server: Server) -> None:
    port = serve_counter(server)
    with RawClient(port) as first:
        (_, _, epoch, *_), _ = first.subscribe("topic:counter")
        first.post("topic:counter", 1, 2, 3)
        first.barrier()
    with RawClient(port, greet=False) as second:
        second.send([1, 1, None, None, {"topic:counter": [epoch, 1]}, {}])
        assert second.receive()[0] == 16
        assert second.take(2) == [[19, "topic:counter", 2, 2], [19, "topic:counter", 3, 3]]


def test_a_resync_of_a_topic_that_was_never_subscribed_subscribes(server: Server) -> None:
    port = serve_counter(server)
    with RawClient(port) as one, RawClient(port) as two:
        one.subscribe("topic:counter")
        two.send([5, {"topic:counter": None}])
        assert two.receive()[0] == 21
        one.post("topic:counter", 4)
        assert two.receive() == [19, "topic:counter", 1, 4]


def test_what_was_sent_in_one_write_is_answered_in_order_with_one_acknowledge_for_neighbours(server: Server) -> None:
    port = serve_counter(server)
    with RawClient(port) as one, RawClient(port) as two:
        one.subscribe("topic:counter")
        two.subscribe("topic:counter")
        refs = one.post("topic:counter", *[1] * 10)
        answered: list[int] = []
        while answered != refs:
            kind, _, seq, now, final = one.receive()
            assert (kind, final) == (17, False)
            answered += now
            assert seq == len(answered)
        assert two.take(10) == [[19, "topic:counter", seq, 1] for seq in range(1, 11)]


def test_a_subscribe_and_the_posts_behind_it_may_share_one_write(server: Server) -> None:
    with RawClient(serve_counter(server)) as client:
        client.send([2, 1, "topic:counter", None, None], [4, 2, "topic:counter", 5], [3, 3, "topic:counter"])
        frames = client.receive_until(lambda frame: frame[0] == 17 and 3 in frame[3])
        assert [frame[0] for frame in frames] == [21, 17, 17, 17]
        assert [frame[2:4] for frame in frames[1:]] == [[0, [1]], [1, [2]], [1, [3]]]


def test_a_snapshot_of_many_megabytes_arrives_whole(server: Server) -> None:
    server.topic("big").with_store(Store("x" * 5_000_000, lambda model, message: model))
    with RawClient(listen(server)) as client:
        snapshot, answer = client.subscribe("topic:big")
        assert len(snapshot[4]) == 5_000_000
        assert answer[0] == 17


def test_a_broadcast_reaches_everybody_in_both_encodings_but_the_excluded(server: Server) -> None:
    topic = server.topic("news")
    port = listen(server)
    with RawClient(port) as one, RawClient(port, subprotocol="nuphar.v1.json") as two, RawClient(port) as three:
        for client in (one, two, three):
            client.subscribe("topic:news")
        topic.broadcast({"text": "ü"}, exclude=three.client_id)
        assert one.receive() == two.receive() == [20, "topic:news", {"text": "ü"}]
        assert three.barrier() == []


def test_a_session_has_a_store_of_its_own(make_server: Any) -> None:
    from nuphar import Slice, Wiring

    server = make_server(10, Wiring(session=Slice(add)))
    port = listen(server)
    with RawClient(port) as one, RawClient(port) as two:
        assert one.subscribe("session")[0][:1] == [21]
        assert two.subscribe("session")[0][4] == 10
        one.post("session", 5)
        assert one.receive()[:3] == [17, "session", 1]
        assert two.barrier() == []
