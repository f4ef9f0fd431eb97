#!/usr/bin/env bash
# gunicorn 27.0.1 with gevent 26.9.0.
# With --max-requests 2 a worker of the class gevent ends after its second request, and says so. One of the class
# gevent_pywsgi, which takes the same settings, answers any number of them: its requests do not pass through the
# function that counts, and no line of the log says that the setting has no effect.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install --quiet --disable-pip-version-check --target "$folder" \
    gevent==26.9.0 greenlet==3.5.6 zope.event==6.2 zope.interface==8.7 gunicorn==27.0.1 packaging==26.4

cat >"$folder/site_app.py" <<'PY'
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
    return [b"hello"]
PY
cat >"$folder/look.py" <<'PY'
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from urllib.request import ProxyHandler, build_opener

ask = build_opener(ProxyHandler({})).open
print("gunicorn", version("gunicorn"))
for worker in ("gevent", "gevent_pywsgi"):
    command = [sys.executable, "-S", "-m", "gunicorn", "-k", worker, "-b", "127.0.0.1:0", "--max-requests", "2", "site_app:app"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as gunicorn:
        log = gunicorn.stderr
        port = next(int(found[1]) for line in log if (found := re.search(r"at: http://127.0.0.1:(\d+)", line)))
        for _ in range(6):
            ask(f"http://127.0.0.1:{port}/", timeout=20).read()
        gunicorn.send_signal(signal.SIGTERM)
        rest = gunicorn.communicate(timeout=60)[1]
    print(f"{worker}: after six requests", "it restarts" if "Autorestarting worker" in rest else "it goes on")
PY
cd "$folder"
seen=$(XDG_RUNTIME_DIR=$folder PYTHONPATH=$folder "$python" -S look.py)
expected="gunicorn 27.0.1
gevent: after six requests it restarts
gevent_pywsgi: after six requests it goes on"
echo "$seen"
[ "$seen" = "$expected" ] || { printf 'This has changed. Seen on 27 November 2026:\n%s\n' "$expected"; exit 1; }
