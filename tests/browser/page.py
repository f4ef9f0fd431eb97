"""A page with one list on it, under the strictest policies, as a program.

It says its URL and serves until it is told to end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from nuphar import ConnectRequest, Identity, Limits, Refused, Server, Store, serve

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
  window.states = [];
  window.client = connect("/live", {
    onstate: (state, { why }) => states.push([state, why]),
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
    "/elsewhere": ("text/html", "<!doctype html><html lang=en><title>elsewhere</title><p>no client here"),
    "/favicon.ico": ("image/x-icon", ""),
}


def app(told: dict[str, Callable[[], Any]], environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Serve the files, and as JSON what the server tells of itself."""
    path = environ["PATH_INFO"]
    kind, text = ("application/json", json.dumps(told[path]())) if path in told else FILES.get(path, ("text/plain", ""))
    start_response("200 OK", [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Security-Policy", POLICY)])
    return [text.encode()]


def main() -> None:
    """Serve on a free port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--heartbeat", type=float, default=20.0, help="seconds")
    parser.add_argument("--size", type=int, default=0, help="characters of the list's first item; 0 for an empty list")
    options = parser.parse_args()
    queries: list[str] = []
    shown: list[str | None] = []

    def identify(request: ConnectRequest) -> Identity | None:
        queries.append(request.environ.get("QUERY_STRING", ""))
        if "stranger" in queries[-1]:
            raise LookupError("nobody knows this one")
        shown.append(request.bearer or request.query.get("token"))
        if shown[-1] == "old":
            raise Refused("unauthorised", "expired")
        user = request.cookies.get("user")
        if user == "mallory":
            raise Refused("forbidden", "you are banned, Mallory")
        return None if user is None else Identity(user)

    server = Server(limits=Limits(heartbeat=options.heartbeat), identify=identify)
    first = ["x" * options.size] if options.size else []
    topic = server.topic("list").with_store(Store(first, lambda model, message: [*model, message]))
    server.topic_kind("asset-", store=Store(0, lambda total, more: total + more))
    told = {
        "/list": lambda: topic.model,
        "/queries": lambda: queries,  # with which lines were opened
        "/shown": lambda: shown,  # the token of each that was opened, or was to be
        "/users": lambda: [(each.user, each.identity and each.identity.browser) for each in server.sessions.all()],
        "/sessions": lambda: server.stats()["sessions"],
    }
    serve(server, partial(app, told), port=0, on_start=lambda url: sys.stdout.write(f"{url}\n"))


if __name__ == "__main__":
    main()
