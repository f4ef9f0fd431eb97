"""A bad line for every client of a run: cut again and again, and back each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gevent
from gevent.event import Event
from gevent.pool import Pool

from .client import LoadClient
from .connect import HANDSHAKES
from .cuts import LONGEST_AWAY, Cuts, place
from .errors import LoadError
from .plan import WebSocketAddress
from .sources import sources_for

BACK = 15.0
"""Seconds that the last ones have to come back."""

_LOOK = 0.01  # seconds between two looks at who is due


class Flaky:
    """Cuts ``clients`` about every ``seconds``; ``chance()`` is random, from 0 to 1."""

    def __init__(
        self,
        clients: Sequence[LoadClient],
        address: WebSocketAddress,
        seconds: float,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self.count = 0
        """How many cuts there were."""
        self._clients = clients
        self._address = address
        self._sources = sources_for(address.host)
        self._seconds = seconds
        self._clock = clock
        self._chance = chance

    def run(self, calm: Event) -> None:
        """Do it until ``calm`` is set, and then wait until everybody is back."""
        cuts = Cuts(len(self._clients), self._seconds, self._clock(), self._chance)
        pool = Pool(HANDSHAKES)
        try:
            while not calm.wait(_LOOK):
                for number in cuts.due(self._clock()):
                    if self._clients[number].cut(place(self._chance)):
                        self.count += 1
                        pool.spawn(self._bring_back, number, cuts)
                    elif not self._clients[number].ending:  # its Welcome is still on its way
                        cuts.again(number, self._clock())
            pool.join(BACK)
        finally:
            pool.kill()

    def _bring_back(self, number: int, cuts: Cuts) -> None:
        client = self._clients[number]
        gevent.sleep(LONGEST_AWAY * self._chance())
        try:
            client.connect(self._address, self._sources)
        except LoadError as error:
            client.stay_away(str(error))
        else:
            cuts.again(number, self._clock())
