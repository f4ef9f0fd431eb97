"""Nuphar, as its users run it: a topic kind with a store, and every default but the heartbeat."""

from __future__ import annotations

from urllib.parse import urlsplit

import nuphar

from .start import heartbeat, say

PACKAGES = ("gevent", "gevent-websocket", "cbor2", "pykka")


def main() -> None:
    """Serve until SIGTERM."""
    server = nuphar.Server(limits=nuphar.Limits(heartbeat=heartbeat()))
    for prefix in ("t:", "late-", "busy"):
        server.topic_kind(prefix, store=nuphar.Store(0, lambda count, message: count + 1))
    nuphar.serve(
        server,
        port=0,
        on_start=lambda url: say(urlsplit(url).port or 0, *PACKAGES, nuphar=nuphar.__version__),
    )


if __name__ == "__main__":
    main()
