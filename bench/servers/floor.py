"""The floor: one system call for each delivered frame, from a loop on gevent. No state, no limits, no outbox."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections import defaultdict
from typing import Any

from gevent.server import StreamServer

from .start import Topic, say

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

topics: dict[str, Topic] = defaultdict(Topic)


def serve(sock: Any, address: object) -> None:
    """Serve one connection."""
    sock.setsockopt(6, 1, 1)  # TCP_NODELAY
    fd = sock.fileno()
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(4096)
        if not chunk:
            return
        data += chunk
    key = data.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    upgraded = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    )
    write(fd, upgraded + accept + b"\r\n\r\n")
    data = b""
    topic = Topic()
    try:
        while chunk := sock.recv(65536):
            data += chunk
            while (size := frame_size(data)) and len(data) >= size:
                message = json.loads(unmask(data[:size]))
                data = data[size:]
                if "join" in message:
                    topic = topics[message["join"]]
                    topic.members.add(fd)
                    write(fd, text(b'{"joined":%d,"state":%d}' % (topic.seq, topic.state)))
                else:
                    post(topic, fd, message)
    except OSError:
        pass
    finally:
        topic.members.discard(fd)


def post(topic: Topic, author: int, message: dict[str, Any]) -> None:
    """Acknowledge one message, and deliver it."""
    seq = topic.apply()
    write(author, text(b'{"ack":%d,"seq":%d}' % (message["ref"], seq)))
    if len(topic.members) > 1:
        frame = text(json.dumps({"seq": seq, "data": message["post"]}).encode())
        for member in topic.members:
            if member != author:
                write(member, frame)


def write(fd: int, data: bytes) -> None:
    """Send now or never: a reader that lets its buffers fill is not what a floor is for."""
    if os.write(fd, data) != len(data):
        raise ConnectionError("a client's buffers are full")


def text(payload: bytes) -> bytes:
    """Frame a text message."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    return b"\x81\x7e" + size.to_bytes(2) + payload if size < 65536 else b"\x81\x7f" + size.to_bytes(8) + payload


def frame_size(data: bytes) -> int:
    """Return how many bytes the first frame has; 0 if its header is not there."""
    if len(data) < 6:
        return 0
    size = data[1] & 127
    if size < 126:
        return 6 + size
    wide = 2 if size == 126 else 8
    return 2 + wide + 4 + int.from_bytes(data[2 : 2 + wide]) if len(data) > 14 else 0


def unmask(frame: bytes) -> bytes:
    """Return a whole frame's payload."""
    at = {126: 4, 127: 10}.get(frame[1] & 127, 2)
    payload = frame[at + 4 :]
    size = len(payload)
    key = (frame[at : at + 4] * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(size)


def main() -> None:
    """Serve until SIGTERM."""
    server = StreamServer(("127.0.0.1", 0), serve, backlog=1024)
    server.start()
    say(server.server_port, "gevent")
    server.serve_forever()


if __name__ == "__main__":
    main()
