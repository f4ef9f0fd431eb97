"""Hooks that ask a database through Django, in a process that gevent has patched: no socket keeps a connection open."""

from __future__ import annotations

from pathlib import Path

from support.serving import program

PROGRAM = """
from gevent import monkey; monkey.patch_all()
import functools, gc, os, sys
import django
from django.conf import settings
import gevent

name = os.path.join(sys.argv[1], "of_django.sqlite3")
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "CONN_MAX_AGE": None}})
django.setup()
from django.db import connection, connections

import nuphar
from support.serving import eventually, listen


def closing(hook):
    @functools.wraps(hook)
    def run(*arguments):
        try:
            return hook(*arguments)
        finally:
            connections.close_all()

    return run


def plain(hook):
    return hook


db = RECIPE
asked = set()


@db
def ask(*arguments):
    with connection.cursor() as cursor:
        cursor.execute("select 7")
        return cursor.fetchone()[0]


def hear(name, result=None):
    def hook(*arguments):
        asked.add(name)
        return ask() if result is None else result(ask())
    return hook


def open_connections():
    found = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            found += "of_django" in os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            pass
    return found


def add(model, message):
    return model + message


wiring = nuphar.Wiring(session=nuphar.Slice(add))
server = nuphar.Server(0, wiring, identify=hear("identify", lambda value: nuphar.Identity(str(value))), hub_guard=None)
room = server.topic_kind(
    "room:",
    lambda text: (hear("parse")(), text)[1],
    store=hear("store", lambda value: nuphar.Store(value, add)),
    can_subscribe=hear("can_subscribe", bool),
    on_join=hear("on_join", lambda value: []),
)
server.on_connect(hear("on_connect"))
server.on_topic_message(hear("on_topic_message"))
server.on_message(hear("on_message"))
server.start()
port = listen(server)
clients = []
for _ in range(20):
    stores = {"room:a": nuphar.Store(0, add), "session": nuphar.Store(0, add)}
    clients.append(nuphar.Client(f"ws://127.0.0.1:{port}/live", stores=stores))
for client in clients:
    client.wait_live(timeout=20)
    client.dispatch("room:a", 1).get(timeout=20)
    client.dispatch("session", 1).get(timeout=20)
eventually(lambda: not server.hooks.calls.running)
before = open_connections()
gc.collect()
assert asked == {
    "identify", "parse", "store", "can_subscribe", "on_join", "on_connect", "on_topic_message", "on_message"
}, asked
print(len(server.gateway.connections), "sockets,", before, "connections,", open_connections(), "after a collection")
for client in clients:
    client.close()
server.stop()
"""


def run(recipe: str, folder: Path) -> str:
    """Run the program, and return what it says of its connections."""
    with program("-c", PROGRAM.replace("RECIPE", recipe), str(folder)) as process:
        assert process.wait(timeout=60) == 0, process.output
        return next(line for line in process.output.splitlines() if " sockets, " in line)


def test_with_the_recipe_a_connection_is_closed_when_its_hook_ends(tmp_path: Path) -> None:
    assert run("closing", tmp_path) == "20 sockets, 0 connections, 0 after a collection"


def test_without_it_idle_sockets_keep_none_either_once_garbage_is_collected(tmp_path: Path) -> None:
    line = run("plain", tmp_path)
    assert line.startswith("20 sockets, ")
    assert line.endswith(", 0 after a collection")
