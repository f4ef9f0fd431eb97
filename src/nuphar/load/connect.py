"""How all clients of a run get connected and subscribed, without overrunning a listener's queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gevent
from gevent.event import Event
from gevent.pool import Pool

from .client import LoadClient
from .errors import LoadError
from .plan import WebSocketAddress
from .sources import sources_for

HANDSHAKES = 100
"""Clients in the opening handshake at once: a listener's queue holds about a thousand."""

JOIN = 15.0
"""Seconds for the answers to all Subscribes."""

_LATE = 0.05  # seconds that are made up for; more would be a burst


def connect_all(
    clients: Sequence[LoadClient], address: WebSocketAddress, rate: float, over: Event, clock: Callable[[], float]
) -> None:
    """Connect and subscribe ``clients``, at most ``rate`` in a second, or as many as there are when ``over`` is set.

    Raises: LoadError, the first one that a client gets.
    """
    faults: list[LoadError] = []
    sources = sources_for(address.host)

    def connect(client: LoadClient) -> None:
        try:
            client.connect(address, sources)
        except LoadError as error:
            faults.append(error)

    pool = Pool(HANDSHAKES)
    try:
        due = clock()
        for client in clients:
            if faults or over.is_set():
                break
            pool.spawn(connect, client)
            due = max(due + 1 / rate, clock() - _LATE)
            gevent.sleep(max(0.0, due - clock()))
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
