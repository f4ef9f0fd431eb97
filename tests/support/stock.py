"""A stock client: the ``websockets`` package and the protocol's own words, nothing of ours.

Run as a program (``python stock.py PORT``) it goes through the whole scenario, and prints ``ok``.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import Any

import cbor2
from websockets.sync.client import connect

WAIT = 10.0


class Stock:
    """Frames as plain lists over a blocking WebSocket, in CBOR or JSON."""

    def __init__(self, port: int, name: str = "cbor", path: str = "/live") -> None:
        self._is_json = name == "json"
        protocol: Any = f"nuphar.v1.{name}"
        url = f"ws://127.0.0.1:{port}{path}"
        self._stack = ExitStack()
        self.socket = self._stack.enter_context(
            connect(url, subprotocols=[protocol], open_timeout=WAIT, proxy=None, compression=None)
        )

    def send(self, *frame: Any) -> None:
        self.socket.send(json.dumps(frame) if self._is_json else cbor2.dumps(list(frame)))

    def receive(self) -> Any:
        data = self.socket.recv(timeout=WAIT)
        assert isinstance(data, str) == self._is_json
        return json.loads(data) if isinstance(data, str) else cbor2.loads(data)

    def hello(self) -> Any:
        self.send(1, 1, None, None, {}, {})
        return self.receive()

    def close(self) -> None:
        self._stack.close()


def scenario(port: int) -> None:
    """Do all that docs/wire.md promises, with two clients of different encodings on the topic ``counter``."""
    one, two = Stock(port, "cbor"), Stock(port, "json")
    for client in (one, two):
        kind, client_id, session, token, resumed, limits, heartbeat, contract, *_ = client.hello()
        assert (kind, resumed, heartbeat) == (16, False, 20.0)
        assert len(client_id) == 32
        assert session
        assert token
        assert isinstance(contract, str)
        assert limits["message"] == 65536

    for client in (one, two):
        client.send(2, 1, "topic:counter", None, None)
        kind, target, epoch, seq, state, reason = client.receive()
        assert (kind, target, seq, state, reason) == (21, "topic:counter", 0, 0, "subscribed")
        assert client.receive() == [17, "topic:counter", 0, [1], False]

    one.send(4, 2, "topic:counter", 5)
    assert one.receive() == [17, "topic:counter", 1, [2], False]
    assert two.receive() == [19, "topic:counter", 1, 5]
    two.send(4, 2, "topic:counter", 7)
    assert two.receive() == [17, "topic:counter", 2, [2], False]
    assert one.receive() == [19, "topic:counter", 2, 7]

    for client in (one, two):
        client.send(7, 99)
        assert client.receive() == [25, 99]

    # The messages that were missed, then a gap too far, an unknown epoch, and no position at all.
    two.send(5, {"topic:counter": [epoch, 0]})
    assert [two.receive(), two.receive()] == [[19, "topic:counter", 1, 5], [19, "topic:counter", 2, 7]]
    two.send(5, {"topic:counter": [epoch, 99]})
    assert two.receive() == [21, "topic:counter", epoch, 2, 12, "behind"]
    two.send(5, {"topic:counter": ["another", 1]})
    assert two.receive() == [21, "topic:counter", epoch, 2, 12, "restarted"]
    two.send(5, {"topic:counter": None})
    assert two.receive() == [21, "topic:counter", epoch, 2, 12, "subscribed"]

    two.send(3, 3, "topic:counter")
    assert two.receive() == [17, "topic:counter", 2, [3], False]
    one.send(4, 3, "topic:counter", 1)
    assert one.receive() == [17, "topic:counter", 3, [3], False]
    two.send(7, 100)
    assert two.receive() == [25, 100]

    # It comes back where it was.
    two.send(2, 4, "topic:counter", [epoch, 2], None)
    assert two.receive() == [19, "topic:counter", 3, 1]
    assert two.receive() == [17, "topic:counter", 3, [4], False]
    one.close()
    two.close()


if __name__ == "__main__":
    scenario(int(sys.argv[1]))
    print("ok", flush=True)  # noqa: T201
