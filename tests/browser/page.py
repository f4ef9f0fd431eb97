"""A page with one list on it, under the strictest policies, as a program.

It says its URL and serves until it is told to end.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

from nuphar import Server, Store, serve

POLICY = "default-src 'self'; require-trusted-types-for 'script'; trusted-types nuphar"

MODULE = """
import { connect } from "/live/nuphar.js";
start(connect);
"""
START = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
const hash = new Set(location.search.slice(1).split("&"));
if (hash.has("forbidden")) {
  Object.defineProperty(window, "indexedDB", { value: { open() { throw new Error("it is forbidden") } } });
}
class Dead {
  constructor() { setTimeout(() => this.onclose({ code: 1006, reason: "" })); }
  send() {}
  close() {}
}
function start(connect) {
  window.told = [];
  window.client = connect("/live", {
    ...(hash.has("offline") ? { WebSocket: Dead, platform: { fetch: undefined } } : {}),
    ...(hash.has("hasty") ? { platform: { random: () => Math.random() / 50 } } : {}), // it comes back within 20 ms
    onreject: (error, { message }) => told.push([error.code, message]),
  });
  const update = (model, message) => [...model, message];
  window.list = client.subscribe("list", { update, optimistic: true, initial: [] });
}
"""
HTML = "<!doctype html><html lang=en><title>list</title><script src=/start.js></script>"
FILES = {
    "/": ("text/html", HTML + "<script type=module src=/module.js></script>"),
    "/classic": ("text/html", HTML + "<script src=/live/nuphar.classic.js></script><script src=/classic.js></script>"),
    "/start.js": ("text/javascript", START),
    "/module.js": ("text/javascript", MODULE),
    "/classic.js": ("text/javascript", "start(nuphar.connect);"),
    "/favicon.ico": ("image/x-icon", ""),
}


def app(topic: Any, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Serve the files, and under /list what the server has."""
    kind, text = FILES.get(environ["PATH_INFO"], ("text/plain", ""))
    if environ["PATH_INFO"] == "/list":
        kind, text = "application/json", json.dumps(topic.model)
    start_response("200 OK", [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Security-Policy", POLICY)])
    return [text.encode()]


def main() -> None:
    """Serve on a free port."""
    server = Server()
    topic = server.topic("list").with_store(Store([], lambda model, message: [*model, message]))
    serve(server, partial(app, topic), port=0, on_start=lambda url: sys.stdout.write(f"{url}\n"))


if __name__ == "__main__":
    main()
