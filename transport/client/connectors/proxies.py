"""Which proxy stands between a client and its server, and how it is asked to let a connection through. Pure.

>>> Proxy.of("http://me:secret@proxy.example:3128").host
'proxy.example'

Source: RFC 9110 section 9.3.6 (CONNECT), RFC 9112 section 3.2.2 (absolute form), RFC 7617; the variables are those of
curl, as Python's ``urllib`` reads them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ....actors.words.errors import UsageError
from .refusal import HttpRefusal
from .urls import Address

LONGEST_ANSWER = 16 * 1024
"""The largest answer to a CONNECT, in bytes."""


class Proxy(NamedTuple):
    """Where an HTTP proxy is; ``authorization`` is the value of Proxy-Authorization, or empty."""

    host: str
    port: int
    authorization: str

    @classmethod
    def of(cls, url: str) -> Proxy:
        """Read a proxy's URL; ``http://`` may be left out.

        Raises: UsageError for another scheme, or a URL that names no proxy.
        """
        whole = url if "://" in url else f"http://{url}"
        try:
            address = Address.of(whole, "http")
        except UsageError as error:
            raise UsageError(f"proxy: expected a URL like http://proxy.example:3128: {error}") from None
        if address.is_secure:
            raise UsageError("proxy: expected a URL like http://proxy.example:3128, got https://; TLS goes through it")
        parts = urlsplit(whole)
        authorization = ""
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            authorization = "Basic " + base64.b64encode(pair.encode()).decode()
        return cls(address.host, address.port, authorization)

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """What is said to the proxy alone."""
        return (("Proxy-Authorization", self.authorization),) if self.authorization else ()


def proxy_for(
    address: Address, found: Mapping[str, str], is_excepted: Callable[[str, Mapping[str, str]], object]
) -> Proxy | None:
    """Return the proxy that the environment names for a server; this machine itself never has one.

    ``found`` is what ``urllib.request.getproxies_environment`` returns, ``is_excepted`` its reading of ``no_proxy``.
    Raises: UsageError for a variable that names none.
    """
    kind = "https" if address.is_secure else "http"
    url = found.get(kind) or found.get("all")
    if not url or _is_loopback(address.host) or is_excepted(f"{address.host}:{address.port}", found):
        return None
    try:
        return Proxy.of(url)
    except UsageError as error:
        raise UsageError(f"{kind}_proxy: {error}") from None


def connect_request(address: Address, proxy: Proxy) -> bytes:
    """Write the request for a tunnel to a server."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    lines = [f"CONNECT {host}:{address.port} HTTP/1.1", f"Host: {host}:{address.port}"]
    lines += [f"{name}: {value}" for name, value in proxy.fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Tunnel:
    """The answer to a `connect_request`, in pieces."""

    def __init__(self, proxy: Proxy) -> None:
        self._where = f"the proxy {proxy.host}:{proxy.port}"
        self._data = b""

    def feed(self, data: bytes) -> bool:
        """Take bytes in; say whether the tunnel is open.

        Raises: ConnectionError with the proxy's reason.
        """
        self._data += data
        head, found, rest = self._data.partition(b"\r\n\r\n")
        if not found:
            if data and len(self._data) <= LONGEST_ANSWER:
                return False
            raise ConnectionError(f"{self._where} gave no answer to CONNECT")
        words = head.split(b"\r\n")[0].split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or len(words[1]) != 3 or not words[1].isdigit():
            raise ConnectionError(f"{self._where} is no HTTP proxy: it answered {head[:40]!r}")
        status = int(words[1])
        if 200 <= status < 300:
            if rest:
                raise ConnectionError(f"{self._where} sent bytes through the tunnel before the server was asked")
            return True
        refusal = HttpRefusal(status, head)
        refusal.feed(rest)
        reason = words[2].decode("latin-1") if len(words) > 2 else ""
        raise ConnectionError(f"{self._where} answered {status} {reason}: {refusal.text}".rstrip(": "))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
