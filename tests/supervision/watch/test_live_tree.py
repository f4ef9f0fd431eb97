"""Looking into a running server."""

from __future__ import annotations

import json

import gevent
from gevent.event import Event

from nuphar import Store
from nuphar.actors import Actor
from nuphar.supervision import Supervisor, which_children, worker
from nuphar.supervision.watch.live_tree import look


def add(model, message):
    return model + message


def nodes(server):
    return {node.id: node for _, node in server.tree().walk()}


def test_the_tree_of_a_server_is_in_start_order(server):
    server.topic("chat").with_store(Store(0, add))
    server.topic("news")
    assert [(depth, node.id) for depth, node in server.tree().walk()] == [
        (0, "server"),
        (1, "connections"),
        (1, "router"),
        (1, "sessions"),
        (1, "topics"),
        (2, "topic:chat"),
        (2, "topic:news"),
    ]


def test_a_restart_shows_with_its_reason(server):
    server.lifecycle.root.registry.whereis("router").kill()
    with gevent.Timeout(5):
        while nodes(server)["router"].restarts == 0:
            gevent.sleep(0)
    router = nodes(server)["router"]
    assert (router.state, router.restarts, router.last_reason) == ("running", 1, "killed")


def test_a_crash_shows_its_exception_in_a_line():
    class Fragile(Actor):
        def handle(self, message):
            raise ValueError("too much")

    supervisor = Supervisor.start_link([worker("fragile", Fragile)], intensity=5)
    (child,) = which_children(supervisor)
    child.child.tell("anything")
    with gevent.Timeout(5):
        while look(supervisor).children[0].restarts == 0:
            gevent.sleep(0)
    assert look(supervisor).children[0].last_reason == "crashed: ValueError: too much"
    supervisor.stop()


def test_waiting_messages_are_counted_with_the_one_in_hand():
    released = Event()

    class Waiting(Actor):
        def handle(self, message):
            released.wait(5)

    supervisor = Supervisor.start_link([worker("waiting", Waiting)])
    (child,) = which_children(supervisor)
    for _ in range(3):
        child.child.tell("wait")
    gevent.sleep(0)
    assert look(supervisor).children[0].mailbox == 3
    released.set()
    supervisor.stop()


def test_the_tree_is_plain_data(server):
    server.topic("chat")
    assert json.loads(json.dumps(server.tree().as_dict()))["id"] == "server"
