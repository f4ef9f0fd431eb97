"""What a log leaves out of a URL: values in its query that let whoever reads them in. Pure.

An EventSource and a browser's WebSocket can send no header of their own, so the id of a line and a token stand in the
query (docs/wire.md, docs/identity.md).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_SECRET = re.compile(r"token|secret|passw|ticket|auth|jwt|api[_-]?key|signature|session")
_PAIR = re.compile(r"(?<![^?&\s'\"])([^?&=\s'\"]+)=([^&\s'\"#]+)")
_LINE_ID = re.compile(r"[A-Za-z0-9_-]{32}")


def is_secret(name: str) -> bool:
    """Say whether the value of ``name`` in a query is left out of logs.

    >>> is_secret("token"), is_secret("access_token"), is_secret("page")
    (True, True, False)
    """
    return name.lower() in ("line", "sig", "key") or _SECRET.search(name.lower()) is not None


def masked(text: str) -> str:
    """Return ``text``, a URL or a line that has one in it, with ``-`` for each secret in its query.

    Also a query alone is a text. The id of a line is a secret when it has the form of one.

    >>> masked("GET /live?token=eyJhIjoxfQ.x&wait=5 HTTP/1.1")
    'GET /live?token=-&wait=5 HTTP/1.1'
    """
    return _PAIR.sub(_mask, text) if "=" in text else text


def _mask(found: re.Match[str]) -> str:
    name, value = found[1], found[2]
    shown = unquote(name)
    if not is_secret(shown) or (shown == "line" and not _LINE_ID.fullmatch(value)):
        return found[0]
    return f"{name}=-"
