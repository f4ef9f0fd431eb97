"""python-socketio on gevent, as its documentation says: patched, gevent's WSGI server, gevent-websocket.

But with TCP_NODELAY, without which every other message waits 40 ms and nothing can be saturated.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import socket  # noqa: E402

import socketio  # noqa: E402
from gevent.pywsgi import WSGIServer  # noqa: E402
from geventwebsocket.handler import WebSocketHandler  # noqa: E402

from .socketio_work import work  # noqa: E402
from .start import heartbeat, say  # noqa: E402


def main() -> None:
    """Serve until SIGTERM."""
    io = socketio.Server(async_mode="gevent", ping_interval=heartbeat())
    work(io.on, io.enter_room, io.emit)
    app = socketio.WSGIApp(io)
    server = WSGIServer(("127.0.0.1", 0), app, handler_class=WebSocketHandler, log=None, backlog=1024)
    server.init_socket()
    server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server.start()
    say(server.server_port, "python-socketio", "python-engineio", "gevent", "gevent-websocket")
    server.serve_forever()


if __name__ == "__main__":
    main()
