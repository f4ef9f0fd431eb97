"""Thousands of clients in one process: non-blocking sockets and one epoll, polled without sleeping."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from .wire import DELIVERED, Template, Wire, upgrade

READ = 256 * 1024
"""Bytes of one read."""

OPENING = 64
"""Clients that open at once: below every server's backlog."""

PATIENCE = 60.0
"""Seconds that an opening may take, or what is still on its way at the end."""


class Topic:
    """A topic as the load sees it: its members, and when each of its messages was posted."""

    def __init__(self, name: str, post: Template) -> None:
        self.name = name
        self.post = post
        self.members: list[Client] = []
        self.posted: list[float] = []


class Client:
    """One connection. ``seen`` counts the messages of its topic that it knows of, its own included."""

    __slots__ = ("posted", "refs", "seen", "sock", "steps", "tail", "topic", "unsent")

    def __init__(self, sock: socket.socket, topic: Topic, steps: list[tuple[bytes, bytes]]) -> None:
        self.sock = sock
        self.topic = topic
        self.steps = deque(steps)
        self.tail = b""
        self.unsent = b""
        self.refs = 0
        self.seen = 0
        self.posted: deque[float] = deque()


class Crowd:
    """The clients of one run. ``lost`` counts connections that the server ended, ``beats`` heartbeats answered."""

    def __init__(self, wire: Wire, port: int) -> None:
        self.clients: list[Client] = []
        self.topics: dict[str, Topic] = {}
        self.lost = self.beats = 0
        self._wire = wire
        self._port = port
        self._epoll = select.epoll()
        self._by_fd: dict[int, Client] = {}
        self._ack, self._ping, self._refused = wire.ack, wire.ping, wire.refused
        # A marker may be cut in two by a read: so much is kept, and looked at again for what is as long.
        self._keep = max(len(DELIVERED), len(self._ack), len(self._ping)) - 1
        self._upgrade = upgrade(f"127.0.0.1:{port}", wire.path, wire.subprotocol)

    def open(self, names: Iterable[str], message: str, until: float = float("inf")) -> list[float]:
        """Open a client in each of these topics; stop at the time ``until``. Return how long each took."""
        waiting = iter(names)
        begun: dict[Client, float] = {}
        took: list[float] = []
        deadline = time.perf_counter() + PATIENCE
        more = True
        while more or begun:
            while more and len(begun) < OPENING:
                name = next(waiting, None)
                more = name is not None and time.perf_counter() < until
                if more:
                    begun[self._begin(str(name), message)] = time.perf_counter()
            for fd, event in self._epoll.poll(0):
                client = self._by_fd[fd]
                if not client.steps:
                    self._read(client, event)
                elif self._step(client):
                    now = time.perf_counter()
                    took.append(now - begun.pop(client))
            if self.lost or time.perf_counter() > deadline:
                raise RuntimeError(f"{len(took)} clients opened, {len(begun)} did not, {self.lost} were lost")
        return took

    def read(self, patience: float = 0.0) -> Iterator[tuple[Client, int, int]]:
        """Read what is there now, or comes first within ``patience`` seconds: each client's acknowledgements and
        deliveries."""
        by_fd, receive = self._by_fd, self._read
        for fd, event in self._epoll.poll(patience):
            client = by_fd[fd]
            acks, deliveries = receive(client, event)
            if acks or deliveries:
                yield client, acks, deliveries

    def post(self, client: Client, count: int, now: float) -> None:
        """Post so many messages, in one write."""
        topic, fill, ref = client.topic, client.topic.post.fill, self._wire.ref
        first = client.refs + 1
        client.refs += count
        for _ in range(count):
            client.posted.append(now)
            topic.posted.append(now)
        if count == 1:
            self.send(client, fill(ref(first)))
        else:
            self.send(client, b"".join([fill(ref(number)) for number in range(first, first + count)]))

    def send(self, client: Client, data: bytes) -> None:
        """Send now, and what does not fit as soon as it does."""
        if client.unsent:
            client.unsent += data
            return
        try:
            sent = client.sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            client.unsent = data[sent:]
            self._epoll.modify(client.sock.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def idle(self, seconds: float) -> None:
        """Do nothing but read, and answer heartbeats."""
        self.wait(lambda: False, seconds)

    def wait(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Read until ``condition()``, at most so long. Did it come true?"""
        until = time.perf_counter() + seconds
        while not condition():
            for _ in self.read():
                pass
            if time.perf_counter() > until:
                return False
        return True

    def close(self) -> None:
        """Close everything."""
        for client in self.clients:
            client.sock.close()
        self._epoll.close()

    def _begin(self, name: str, message: str) -> Client:
        topic = self.topics.get(name)
        if topic is None:
            topic = self.topics[name] = Topic(name, self._wire.post(name, message))
        sock = socket.create_connection(("127.0.0.1", self._port))  # the kernel answers, not the server
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        client = Client(sock, topic, self._wire.opening(name))
        topic.members.append(client)
        self.clients.append(client)
        self._by_fd[sock.fileno()] = client
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        sock.send(self._upgrade)
        return client

    def _step(self, client: Client) -> bool:
        """Go on with the opening; true when it is done."""
        try:
            client.tail += (chunk := client.sock.recv(READ))
        except OSError:
            chunk = b""
        if not chunk:
            self._lose(client)
            return False
        while client.steps and (at := client.tail.find(client.steps[0][0])) >= 0:
            marker, answer = client.steps.popleft()
            client.tail = client.tail[at + len(marker) :]
            if answer:
                self.send(client, answer)
        if not client.steps:
            client.tail = b""
        return not client.steps

    def _read(self, client: Client, event: int) -> tuple[int, int]:
        if event & select.EPOLLOUT:
            data, client.unsent = client.unsent, b""
            self._epoll.modify(client.sock.fileno(), select.EPOLLIN)
            self.send(client, data)
            if not event & ~select.EPOLLOUT:
                return 0, 0
        try:
            chunk = client.sock.recv(READ)
        except BlockingIOError:
            return 0, 0
        except OSError:
            chunk = b""
        if not chunk:
            self._lose(client)
            return 0, 0
        old = len(client.tail)
        data = client.tail + chunk
        client.tail = data[-self._keep :]
        if self._refused and self._refused in data:
            raise RuntimeError(f"the server refused a message: {data[:200]!r}")
        ping = data.find(self._ping, max(0, old - len(self._ping) + 1))
        if ping >= 0:
            self.beats += 1
            self.send(client, self._wire.pong(data[ping + len(self._ping) :]))
        acks = data.count(self._ack, max(0, old - len(self._ack) + 1))
        return acks, data.count(DELIVERED, max(0, old - len(DELIVERED) + 1))

    def _lose(self, client: Client) -> None:
        self.lost += 1
        self._epoll.unregister(client.sock.fileno())
