"""Flask-SocketIO without gevent or eventlet: Werkzeug's server, simple-websocket, threads for each connection.

But with TCP_NODELAY, without which every other message waits 40 ms and nothing can be saturated.
"""

from __future__ import annotations

import logging
import socket

from flask import Flask, request
from flask_socketio import SocketIO, join_room
from werkzeug.serving import WSGIRequestHandler

from .socketio_work import work
from .start import heartbeat, say


def main() -> None:
    """Serve until SIGTERM."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Flask(__name__)
    io = SocketIO(app, async_mode="threading", ping_interval=heartbeat())

    def on(name: str, handler: object) -> None:
        assert callable(handler)
        io.on_event(name, lambda *arguments: handler(request.sid, *arguments))

    def emit(event: str, arguments: tuple[object, ...], **options: object) -> None:
        io.emit(event, arguments, **options)

    work(on, lambda sid, room: join_room(room), emit)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # It says so a moment before it listens; whoever measures asks until it does.
    say(port, "Flask-SocketIO", "python-socketio", "simple-websocket", "Werkzeug")
    WSGIRequestHandler.disable_nagle_algorithm = True
    io.run(app, host="127.0.0.1", port=port, allow_unsafe_werkzeug=True)


if __name__ == "__main__":
    main()
