"""Clients over HTTP that do exactly what they are told, with the face of `RawClient`.

They know docs/wire.md and share no code with the package.
"""

from __future__ import annotations

import json
import socket
from base64 import urlsafe_b64decode
from collections import deque
from http.client import HTTPConnection, HTTPResponse
from io import BytesIO
from typing import Any

import cbor2
from gevent import socket as gevent_socket

from .raw import OPEN, WAIT, Closed, RawClient, Refused

TYPES = {"cbor": "application/cbor-seq", "json": "application/x-ndjson"}


class Http(HTTPConnection):
    """A connection on a gevent socket."""

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        super().__init__("127.0.0.1", port, timeout=WAIT)
        self._receive_buffer = receive_buffer

    def connect(self) -> None:
        self.sock = gevent_socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        OPEN.add(self.sock)
        if self._receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.settimeout(WAIT)
        self.sock.connect((self.host, self.port))


def body_of(*frames: Any, is_json: bool = False) -> bytes:
    """Return frames as the body of a POST; bytes and text stand for frames that are none."""
    if is_json:
        return b"".join(f"{each if isinstance(each, str) else json.dumps(each)}\n".encode() for each in frames)
    return b"".join(cbor2.dumps(each if isinstance(each, bytes) else cbor2.dumps(each)) for each in frames)


def frames_of(body: bytes, is_json: bool = False) -> list[Any]:
    """Return the frames of a batch."""
    if is_json:
        return [json.loads(line) for line in body.split(b"\n") if line]
    stream, frames = BytesIO(body), []
    while stream.tell() < len(body):
        frames.append(cbor2.loads(cbor2.load(stream)))
    return frames


class PollClient(RawClient):
    """One line; ``receive`` polls when nothing has come."""

    def __init__(
        self,
        port: int,
        path: str = "/live",
        *,
        encoding: str = "cbor",
        headers: tuple[str, ...] = (),
        receive_buffer: int | None = None,
        greet: bool = True,
    ) -> None:
        self.path = path
        self.is_json = encoding == "json"
        self.content_type = TYPES[encoding]
        self.headers = dict(line.split(": ", 1) for line in headers)
        self.posts, self.gets = Http(port), Http(port, receive_buffer)
        self.got: deque[Any] = deque()
        self.line: str | None = None
        self.number = 0
        self.batch = 0
        self.answer: HTTPResponse | None = None
        self.is_over = False
        self._ref = 0
        self.welcome: list[Any] = self.hello() if greet else []

    @property
    def sock(self) -> Any:  # type: ignore[override]
        """What holds its descriptors."""
        return self

    def close_sockets(self) -> None:
        if self.answer is not None:
            self.answer.close()
        self.posts.close()
        self.gets.close()

    def __exit__(self, *_: object) -> None:
        self.close_sockets()

    def post_body(self, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Do one POST with this body; the headers' names are written with underscores."""
        fields = {"Content-Type": self.content_type, **self.headers}
        if self.line is not None:
            fields |= {"Nuphar-Line": self.line, "Nuphar-Number": str(self.number + 1)}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.posts.request("POST", f"{self.path}/send", body, fields)
        response = self.posts.getresponse()
        data = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, data

    def send(self, *frames: Any) -> None:
        """Send frames in one POST."""
        status, headers, text = self.post_body(body_of(*frames, is_json=self.is_json))
        if self.line is None and status != 201:
            self.close_sockets()
            raise Refused(status, headers, text.decode())
        if status in (201, 204):
            self.number += 1
            self.line = headers.get("nuphar-line", self.line)

    def poll(self, wait: float = WAIT, after: int | None = None) -> tuple[int, dict[str, str], bytes]:
        """Do one poll, and return its answer."""
        assert self.line is not None
        fields = {"Nuphar-Line": self.line, **self.headers}
        number = self.batch if after is None else after
        self.gets.request("GET", f"{self.path}/poll?wait={wait}&after={number}", headers=fields)
        response = self.gets.getresponse()
        data = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, data

    def receive(self) -> Any:
        while not self.got and not self.is_over:
            self._more()
        return self.got.popleft() if self.got else None

    def _more(self) -> None:
        status, headers, data = self.poll()
        if status in (404, 409):
            self.is_over = True
            return
        assert status in (200, 204, 410), (status, data)
        self.batch = int(headers["nuphar-batch"])
        if status == 200:
            assert headers["content-type"] == self.content_type
            assert headers["cache-control"] == "no-store"
            self.got.extend(frames_of(data, self.is_json))
        if "nuphar-close" in headers:
            self._end(headers["nuphar-close"])

    def _end(self, ending: str) -> None:
        code, _, reason = ending.partition(" ")
        self.got.append(Closed(int(code), reason))
        self.is_over = True

    def close(self) -> None:
        """Close politely."""
        if not self.is_over:
            self.post_body(b"", Nuphar_Close="1000 done")
        self.close_sockets()

    def cut(self) -> None:
        """Be gone without a word."""
        self.close_sockets()


class EventsClient(PollClient):
    """One line; ``receive`` reads on in a stream of events."""

    def open_events(self, **headers: str) -> HTTPResponse:
        """Ask for the stream, and return the answer's head."""
        assert self.line is not None
        fields = {"Nuphar-Line": self.line, "Last-Event-ID": str(self.batch), **self.headers, **headers}
        self.gets.request("GET", f"{self.path}/events", headers=fields)
        return self.gets.getresponse()

    def _more(self) -> None:
        if self.answer is None:
            answer = self.open_events()
            if answer.status != 200:
                answer.read()
                self.is_over = True
                return
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            assert answer.headers["X-Accel-Buffering"] == "no"
            self.answer = answer
        name, data = "message", []
        while (line := self.answer.readline()) not in (b"\n", b""):
            field, _, value = line.rstrip(b"\n").partition(b": ")
            match field:
                case b"event":
                    name = value.decode()
                case b"id":
                    self.batch = int(value)
                case b"data":
                    data.append(value)
        if line == b"":
            self.is_over = True
        elif name == "close":
            self._end(data[0].decode())
        elif data:
            body = b"\n".join(data)
            if not self.is_json:
                body = urlsafe_b64decode(body + b"=" * (-len(body) % 4))
            self.got.extend(frames_of(body, self.is_json))
