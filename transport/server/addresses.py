"""Addresses that are listened at, as people read them: in a URL, and in the sentence when one cannot be had.

>>> url_of(("127.0.0.2", 8000)), url_of(("::1", 8000, 0, 0)), url_of("/run/app.sock")
('http://127.0.0.2:8000', 'http://[::1]:8000', 'unix:/run/app.sock')
>>> print(cannot_listen(("127.0.0.1", 80), PermissionError(errno.EACCES, "?")))
cannot listen at 127.0.0.1:80: Permission denied: ports below 1024 are the privileged user's; take a higher one
"""

from __future__ import annotations

import errno
import os
from typing import Any

from ...actors.words.errors import CannotListen

_TAKEN = "somebody listens there already (`ss -ltnp` names who): stop it, or take another {kind}"

_ADVICE = {
    errno.EADDRINUSE: _TAKEN,
    errno.EACCES: "{why}",
    errno.EADDRNOTAVAIL: "no interface of this machine has this address; 0.0.0.0 or :: take all that it has",
    errno.ENOENT: "the folder of the socket does not exist: make it first",
}


def url_of(address: Any, scheme: str = "http") -> str:
    """Return the URL of what ``socket.getsockname()`` says; all interfaces are localhost to a browser here."""
    if isinstance(address, bytes | str):
        return f"unix:{_path(address)}"
    return f"{scheme}://{reachable(address[0])}:{address[1]}"


def reachable(host: str) -> str:
    """Return how a browser on this machine reaches ``host``."""
    if host in ("", "0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host


def cannot_listen(address: Any, error: OSError) -> CannotListen:
    """Return what to raise when ``address``, as it is given to ``bind``, cannot be had: where, why, what to do."""
    is_path = isinstance(address, bytes | str)
    if is_path:
        where, kind, denied = f"unix:{_path(address)}", "path", "the folder of the socket is not ours to write"
    else:
        host, port = address[:2]
        where, kind = f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}", "port"
        denied = "ports below 1024 are the privileged user's; take a higher one"
    number = error.errno or 0
    # gevent writes the address into strerror; a name that is not known has no errno of the system's.
    reason = os.strerror(number) if number > 0 else error.strerror or str(error)
    advice = _ADVICE.get(number, "expected an address of this machine" if number <= 0 else "")
    text = f"cannot listen at {where}: {reason}"
    return CannotListen(number, text + (f": {advice.format(kind=kind, why=denied)}" if advice else ""))


def _path(address: bytes | str) -> str:
    path = os.fsdecode(address)
    return f"@{path[1:]}" if path.startswith("\0") else path  # Linux: a name without a file
