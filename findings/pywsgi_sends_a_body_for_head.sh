#!/usr/bin/env bash
# gevent 26.9.0, gevent.pywsgi.
# A WSGI application that returns a body whatever the method is, as PEP 3333 lets it, is asked HEAD and then GET on one
# connection. RFC 9110 (9.3.2): an answer to HEAD has no content. pywsgi writes the body all the same, so a client that
# keeps to the RFC finds it where the status line of its next answer should be. wsgiref's server leaves that to the
# application too, but ends each connection; gunicorn and Werkzeug leave the body out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install --quiet --disable-pip-version-check --target "$folder" \
    gevent==26.9.0 greenlet==3.5.6 zope.event==6.2 zope.interface==8.7

cat >"$folder/look.py" <<'PY'
import gevent
from gevent import socket
from gevent.pywsgi import WSGIServer


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


server = WSGIServer(("127.0.0.1", 0), application, log=None)
server.start()
with gevent.Timeout(20), socket.create_connection(("127.0.0.1", server.server_port)) as client:
    client.sendall(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answers = b"".join(iter(lambda: client.recv(65536), b""))
behind_the_head = answers.split(b"\r\n\r\n", 1)[1]
print("gevent", gevent.__version__)
print("behind the head of the answer to HEAD:", behind_the_head[:20].decode())
PY
seen=$(PYTHONPATH=$folder "$python" -S "$folder/look.py")
expected="gevent 26.9.0
behind the head of the answer to HEAD: helloHTTP/1.1 200 OK"
echo "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen on 27 November 2026:\n%s\n' "$expected"; exit 1; }
