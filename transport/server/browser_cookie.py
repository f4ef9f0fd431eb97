"""The key of a browser session where the application has none of its own: a cookie that all tabs share. Pure.

It says which tabs belong together, and nothing about who sits before them: whoever signs in there has the same key.
"""

from __future__ import annotations

import re

from .connect_request import ConnectRequest

COOKIE = "nuphar-browser"

SIZE = 16
"""Bytes of a key: 128 bits, so that nobody meets another's by chance or by trying."""

_KEY = re.compile(r"[0-9a-f]{32}")


def browser_key(request: ConnectRequest) -> str | None:
    """Return the key that ``request`` brings, None if there is none, or one that we have not made."""
    key = request.cookies.get(COOKIE, "")
    return key if _KEY.fullmatch(key) else None


def cookie(request: ConnectRequest, key: str) -> tuple[str, str]:
    """Return the header that has the browser keep ``key`` until it is closed (RFC 6265 section 4.1).

    No script sees it, and pages of other sites do not send it. It is kept off plain HTTP if the page came over TLS,
    which its origin says also where a proxy has taken TLS away.

    >>> cookie(ConnectRequest({"HTTP_ORIGIN": "https://a.example"}), "0" * 32)[1]
    'nuphar-browser=00000000000000000000000000000000; Path=/; HttpOnly; SameSite=Lax; Secure'
    """
    is_secure = request.is_secure or request.headers.get("Origin", "").lower().startswith("https://")
    secure = "; Secure" if is_secure else ""
    return "Set-Cookie", f"{COOKIE}={key}; Path=/; HttpOnly; SameSite=Lax{secure}"
