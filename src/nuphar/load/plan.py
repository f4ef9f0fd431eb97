"""What a load run is asked to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from urllib.parse import urlsplit

from .errors import LoadError

MESSAGES_PER_CLIENT = 1.0
"""Messages that each client posts in a second unless told otherwise or held back by `MOST_READ`."""

MOST_READ = 25_000.0
"""Acknowledges and deliveries a second, over all clients, that the default rate comes to at most: a message to 50
clients is 50. A small machine has this and its server to carry; what saturates the clients measures the clients."""

CONNECT_RATE = 500.0
"""Connections opened in a second unless told otherwise: the server, on this machine too, needs its time for each."""

STOP = 15.0
"""Seconds that the own server's stop may take: 10,000 goodbyes are a few, and the clients need the same cores."""

LEAST_KILL = 0.125
"""Seconds: a server's tree gives up after 100 restarts of its router in 10 s."""

FLAKY = 3.0
"""Seconds between two cuts of a client, unless told otherwise."""

LEAST_FLAKY = 0.2
"""Seconds: who is cut sooner has hardly come back."""

CHAOS = 0.1
"""Seconds between two victims of ``--chaos``."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``rate`` is in messages per second over all clients; ``kill`` in seconds, None for never; ``chaos`` kills others;
    ``connect_rate`` in connections per second; ``flaky`` is about how many seconds each client stays connected.

    Client n is in topic n modulo ``topics``. Without ``url`` the run has a server of its own.
    Raises: LoadError for numbers that make no run.
    """

    clients: int = 100
    topics: int = 10
    seconds: float = 5.0
    rate: float | None = None
    url: str | None = None
    kill: float | None = None
    chaos: bool = False
    connect_rate: float = CONNECT_RATE
    flaky: float | None = None

    def __post_init__(self) -> None:
        for name in ("clients", "topics"):
            if getattr(self, name) < 1:
                raise LoadError(f"--{name}: expected at least 1, got {getattr(self, name)}")
        for name in ("seconds", "rate", "kill", "connect_rate", "flaky"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and value > 0):
                raise LoadError(f"--{name.replace('_', '-')}: expected a number above 0, got {value:g}")
        if self.kill is not None and self.kill < LEAST_KILL:
            raise LoadError(f"--kill: expected at least {LEAST_KILL} seconds, got {self.kill:g}")
        if self.flaky is not None and self.flaky < LEAST_FLAKY:
            raise LoadError(f"--flaky: expected at least {LEAST_FLAKY} seconds, got {self.flaky:g}")
        if self.trouble is not None and self.url is not None:
            raise LoadError("--kill, --chaos: only the run's own server can be told to, not the one at --url")
        if self.kill is not None and self.chaos:
            raise LoadError("--kill and --chaos: choose one")
        if self.url is not None:
            WebSocketAddress.of(self.url)

    @property
    def trouble(self) -> tuple[str, float] | None:
        """What the server is told during the run, and each how many seconds."""
        if self.chaos:
            return "chaos", CHAOS
        return None if self.kill is None else ("kill", self.kill)

    @property
    def messages_per_second(self) -> float:
        """The rate, its default worked out."""
        if self.rate is not None:
            return self.rate
        members = max(1.0, self.clients / self.topics)
        return min(self.clients * MESSAGES_PER_CLIENT, MOST_READ / members)


@dataclass(frozen=True, slots=True)
class WebSocketAddress:
    """Where a WebSocket is; ``path`` may have a query."""

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What a Host header says."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def of(cls, url: str) -> WebSocketAddress:
        """Take a URL apart.

        >>> WebSocketAddress.of("ws://localhost:8000/live").authority
        'localhost:8000'

        Raises: LoadError for anything but ``ws://host[:port]/path`` in ASCII.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise LoadError(f"--url: {error}, got {url!r}") from error
        clean = url.isascii() and url.isprintable() and " " not in url
        if parts.scheme != "ws" or not parts.hostname or parts.username or parts.fragment or not clean:
            raise LoadError(f"--url: expected ws://host:port/live, got {url!r}")
        path = parts.path or "/"
        return cls(parts.hostname, 80 if port is None else port, f"{path}?{parts.query}" if parts.query else path)
