#!/usr/bin/env bash
# gevent-websocket 0.10.1 with gevent 26.9.0.
# close(code, reason) leaves the code out of the close frame: the reason is its whole content, and RFC 6455 (5.5.1) has
# the first two bytes read as the code, here "wh" as 30568. With no reason the frame is empty, which is the code 1005.
# Its handler answers a handshake with 101 before the application is called, so a 403 of the application is never sent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install --quiet --disable-pip-version-check --target "$folder" \
    gevent==26.9.0 greenlet==3.5.6 zope.event==6.2 zope.interface==8.7 gevent-websocket==0.10.1

cat >"$folder/look.py" <<'PY'
from importlib.metadata import version

import gevent
from gevent import socket
from gevent.pywsgi import WSGIServer
from geventwebsocket.handler import WebSocketHandler


def application(environ, start_response):
    if environ["PATH_INFO"] == "/close":
        environ["wsgi.websocket"].close(4000, "why")
        return []
    start_response("403 Forbidden", [("Content-Type", "text/plain")])
    return [b"no"]


server = WSGIServer(("127.0.0.1", 0), application, handler_class=WebSocketHandler, log=None)
server.start()
print("gevent-websocket", version("gevent-websocket"))
for path in ("/close", "/forbidden"):
    with gevent.Timeout(20), socket.create_connection(("127.0.0.1", server.server_port)) as client:
        client.sendall(
            b"GET %s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % path.encode()
        )
        head, frame = b"".join(iter(lambda: client.recv(65536), b"")).split(b"\r\n\r\n", 1)
    print(path, head.split(b"\r\n")[0].decode(), frame)
PY
seen=$(PYTHONPATH=$folder "$python" -S "$folder/look.py")
expected='gevent-websocket 0.10.1
/close HTTP/1.1 101 Switching Protocols b'"'"'\x88\x03why'"'"'
/forbidden HTTP/1.1 101 Switching Protocols b'"'"'\x88\x00'"'"
echo "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen on 27 November 2026:\n%s\n' "$expected"; exit 1; }
