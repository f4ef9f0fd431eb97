#!/usr/bin/env bash
# python-engineio 4.15.1 (below python-socketio and Flask-SocketIO), gunicorn 27.0.1 with its worker gevent,
# gevent-websocket 0.10.1, simple-websocket 1.1.0.
# With simple-websocket an Engine.IO server on gevent upgrades to a WebSocket under gunicorn's own gevent worker. If
# gevent-websocket can be imported, though nobody uses it, the same upgrade is answered with 500: async mode gevent then
# takes WebSockets from that package's handler alone, and does not look whether it is at work. So another package that
# depends on gevent-websocket takes WebSockets away from a program that it does not touch.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
install() { "$python" -m pip install --quiet --disable-pip-version-check --target "$@"; }
install "$folder/one" gevent==26.9.0 greenlet==3.5.6 zope.event==6.2 zope.interface==8.7 gunicorn==27.0.1 packaging==26.4 \
    python-engineio==4.15.1 simple-websocket==1.1.0 wsproto==1.3.2 h11==0.16.0
install "$folder/other" --no-deps gevent-websocket==0.10.1

cat >"$folder/site_app.py" <<'PY'
import engineio

server = engineio.Server(async_mode="gevent")
app = engineio.WSGIApp(server)
PY
cat >"$folder/look.py" <<'PY'
import re
import signal
import socket
import subprocess
import sys
from importlib.metadata import version

command = [sys.executable, "-S", "-m", "gunicorn", "-k", "gevent", "-b", "127.0.0.1:0", "--graceful-timeout", "1", "site_app:app"]
with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as gunicorn:
    port = next(int(found[1]) for line in gunicorn.stderr if (found := re.search(r"at: http://127.0.0.1:(\d+)", line)))
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.sendall(
            b"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        status = client.recv(65536).split(b"\r\n")[0].decode()
    gunicorn.send_signal(signal.SIGTERM)
    gunicorn.communicate(timeout=20)
print(f"python-engineio {version('python-engineio')}, gunicorn {version('gunicorn')}: {status}")
PY
cd "$folder"
seen="alone: $(XDG_RUNTIME_DIR=$folder PYTHONPATH=$folder/one:$folder "$python" -S look.py)
gevent-websocket beside it: $(XDG_RUNTIME_DIR=$folder PYTHONPATH=$folder/one:$folder/other:$folder "$python" -S look.py)"
expected="alone: python-engineio 4.15.1, gunicorn 27.0.1: HTTP/1.1 101 Switching Protocols
gevent-websocket beside it: python-engineio 4.15.1, gunicorn 27.0.1: HTTP/1.1 500 Internal Server Error"
echo "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen on 27 November 2026:\n%s\n' "$expected"; exit 1; }
