"""The process that makes the noise: ``python -m bench.noise.client NOISE PORT``.

It says a line when it is connected, begins with a line on standard input, and ends with its end. Then it says, as JSON,
how many bytes it sent and got, and how often it had to come again.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading

from ..wire import upgrade
from .noises import HELLO, Noise, choose


class NoisyClient:
    """Sends as fast as the server takes it, and reads whatever comes."""

    def __init__(self, noise: Noise, port: int) -> None:
        self._noise = noise
        self._port = port
        self._is_over = False
        self._sock = self._open()
        self.sent = self.got = self.returns = 0

    def run(self) -> None:
        """Make noise until `stop`."""
        while not self._is_over:
            reader = threading.Thread(target=self._read, args=(self._sock,))
            reader.start()
            with contextlib.suppress(OSError):
                for block in self._noise.blocks():
                    self._sock.sendall(block)
                    self.sent += len(block)
                    if self._is_over:
                        break
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
            reader.join()
            self._sock.close()
            if not self._is_over:
                self.returns += 1
                self._sock = self._open()

    def stop(self) -> None:
        """End soon; from any thread."""
        self._is_over = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _open(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self._port))
        sock.sendall(upgrade(f"127.0.0.1:{self._port}", "/live", "nuphar.v1.cbor"))
        seen = b""
        while b"\r\n\r\n" not in seen:
            chunk = sock.recv(4096)
            if not chunk:
                raise ConnectionError(f"the server refused the upgrade: {seen!r}")
            seen += chunk
        sock.sendall(HELLO + b"".join(self._noise.opening))
        return sock

    def _read(self, sock: socket.socket) -> None:
        room = bytearray(1 << 20)
        with contextlib.suppress(OSError):
            while size := sock.recv_into(room):
                self.got += size


def main() -> None:
    """Make one noise, on the last core that we may use."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    (noise,) = choose(sys.argv[1])
    client = NoisyClient(noise, int(sys.argv[2]))
    sys.stdout.write("connected\n")
    sys.stdout.flush()
    sys.stdin.readline()
    thread = threading.Thread(target=client.run)
    thread.start()
    sys.stdin.read()
    client.stop()
    thread.join()
    json.dump({"sent": client.sent, "got": client.got, "returns": client.returns}, sys.stdout)


if __name__ == "__main__":
    main()
