"""Fixtures for every test: a server with scripted clients, and the check that a test leaves nothing behind."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pykka
import pytest
from gevent.hub import get_hub
from gevent.monkey import get_original
from hypothesis import HealthCheck, settings
from support.scripted import ScriptedClient

from nuphar import Server
from nuphar.actors.runtime.log_throttle import THROTTLE

TURNS = 1_000
"""Turns of the hub that greenlets get to end."""

_spawned: weakref.WeakSet[gevent.Greenlet] = weakref.WeakSet()
_real_sleep = get_original("time", "sleep") or time.sleep

# How long an example takes says more about the machine than about us: nothing here is judged by a clock.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

gevent.Greenlet.add_spawn_callback(_spawned.add)
# The hub's own descriptors come with its first use, so they are there before the first test.
get_hub().loop.run_callback_threadsafe(int)
gevent.sleep(0)


def pytest_configure(config: pytest.Config) -> None:
    """Have the programs that tests start compile each module once, also where Python is told to write no bytecode."""
    if os.environ.get("PYTHONDONTWRITEBYTECODE") and not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="nuphar-bytecode-")
        patch = pytest.MonkeyPatch()
        patch.delenv("PYTHONDONTWRITEBYTECODE")
        patch.setenv("PYTHONPYCACHEPREFIX", folder.name)
        config.add_cleanup(folder.cleanup)
        config.add_cleanup(patch.undo)


def living_greenlets() -> set[gevent.Greenlet]:
    """Return the greenlets that have not ended."""
    return {greenlet for greenlet in _spawned if not greenlet.dead}


def living_threads() -> set[int]:
    """Return the OS threads that run Python, but for those of gevent's pools, which wait for work."""
    threads = set()
    for ident, frame in sys._current_frames().items():
        names = set()
        while frame is not None:
            names.add(frame.f_globals.get("__name__"))
            frame = frame.f_back
        if "gevent.threadpool" not in names:
            threads.add(ident)
    return threads


def open_descriptors() -> dict[str, str]:
    """Return what every open descriptor is."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[name] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:  # the one that listed the folder
            continue
    return found


def child_processes() -> set[str]:
    """Return the ids of our child processes, the ones that nobody has waited for included."""
    children: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            children.update((task / "children").read_text().split())
        except OSError:  # a thread that has just ended, or a kernel that does not tell
            continue
    return children


def left_behind(before: tuple[Any, ...]) -> dict[str, Any]:
    """Return what is there now and was not ``before``."""
    greenlets, threads, descriptors, children, actors = before
    found = {
        "greenlets": living_greenlets() - greenlets,
        "threads": living_threads() - threads,
        "descriptors": {fd: what for fd, what in open_descriptors().items() if descriptors.get(fd) != what},
        "processes": child_processes() - children,
        "Pykka's own actors": set(pykka.ActorRegistry.get_all()) - actors,
    }
    return {kind: what for kind, what in found.items() if what}


def inventory() -> tuple[Any, ...]:
    """Return everything that a test could leave behind."""
    return (
        living_greenlets(),
        living_threads(),
        open_descriptors(),
        child_processes(),
        set(pykka.ActorRegistry.get_all()),
    )


@pytest.fixture(autouse=True)
def leave_nothing_behind() -> Iterator[None]:
    """Fail a test that leaves an actor, a greenlet, a thread, a child process or an open descriptor behind."""
    before = inventory()
    yield
    found: dict[str, Any] = {}
    for turn in range(TURNS):
        found = left_behind(before)
        if not found:
            return
        gevent.sleep(0)
        if turn == TURNS // 2:
            gc.collect()  # sockets and greenlets in cycles
        if found.keys() & {"threads", "processes"} or turn > TURNS // 2:
            _real_sleep(0.001)  # other threads, and the kernel, need more than turns of our hub
    raise AssertionError(f"the test left something behind: {found}")


@pytest.fixture(autouse=True)
def forget_log_lines() -> None:
    """Have the first line of each kind written in each test."""
    THROTTLE.forget()


@pytest.fixture
def make_server() -> Iterator[Callable[..., Server]]:
    """A function that starts servers; each is stopped at the end."""
    servers: list[Server] = []

    def make(*args: Any, **options: Any) -> Server:
        server = Server(*args, **options).start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    """A running server without any topic."""
    return make_server()


@pytest.fixture
def client(server: Server) -> Callable[..., ScriptedClient]:
    """A function that connects another client to ``server``."""

    def connect(client_id: str | None = None, **options: Any) -> ScriptedClient:
        return ScriptedClient(server, client_id, **options)

    return connect
