"""How all clients of a run get connected and subscribed, without overrunning a listener's queue."""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence

import gevent
from gevent.event import Event
from gevent.pool import Pool

from .client import Client
from .errors import LoadError
from .plan import Address

RATE = 500.0
"""Connections opened in a second: a listener's queue holds about a thousand."""

HANDSHAKES = 100
"""Clients in the opening handshake at once."""

JOIN = 15.0
"""Seconds for the answers to all Subscribes."""

_FILES = 64  # open files beside the clients' sockets


def connect_all(clients: Sequence[Client], address: Address, over: Event, clock: Callable[[], float]) -> None:
    """Connect and subscribe ``clients``, or as many as there are when ``over`` is set.

    Raises: LoadError, the first one that a client gets.
    """
    faults: list[LoadError] = []

    def connect(client: Client) -> None:
        try:
            client.connect(address)
        except LoadError as error:
            faults.append(error)

    pool = Pool(HANDSHAKES)
    try:
        for client in clients:
            if faults or over.is_set():
                break
            pool.spawn(connect, client)
            gevent.sleep(1 / RATE)
        if not faults:
            pool.join()
    finally:
        pool.kill()
    if faults:
        raise faults[0]
    deadline = clock() + JOIN
    for client in clients:
        if client.is_open or not over.is_set():
            client.wait_joined(max(0.0, deadline - clock()))


def allow_files(clients: int) -> None:
    """Raise this process's limit of open files as far as ``clients`` need; its children inherit that.

    Raises: LoadError if it may not be raised so far.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = clients + _FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise LoadError(f"{clients} clients need {wanted} open files, the limit is {hard}: see ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
