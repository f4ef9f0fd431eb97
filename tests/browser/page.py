"""A page with one list on it, under the strictest policies, as a program.

It says its URL and serves until it is told to end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
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


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Serve the files."""
    kind, text = FILES.get(environ["PATH_INFO"], ("text/plain", ""))
    start_response("200 OK", [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Security-Policy", POLICY)])
    return [text.encode()]


def main() -> None:
    """Serve on a free port."""
    server = Server()
    server.topic("list").with_store(Store([], lambda model, message: [*model, message]))
    serve(server, app, port=0, on_start=lambda url: sys.stdout.write(f"{url}\n"))


if __name__ == "__main__":
    main()
