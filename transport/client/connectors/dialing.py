"""How a connector reaches its server: the options that all of them share, and a socket at the end of the way."""

from __future__ import annotations

import contextlib
import ssl
import time
from typing import Any, NamedTuple
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from ....actors.runtime.forks import HomeProcess, own
from ....actors.words.errors import UsageError
from ....actors.words.quantities import check_seconds
from .credentials import Credentials, Token
from .fields import HeaderOption, Pairs
from .proxies import Proxy, Tunnel, connect_request, proxy_for
from .runtimes import ClientRuntime
from .urls import Address


class Route(NamedTuple):
    """The way that one try takes; ``context`` is None without TLS, ``proxy`` without a proxy."""

    address: Address
    fields: Pairs
    context: ssl.SSLContext | None
    proxy: Proxy | None
    home: HomeProcess

    def __repr__(self) -> str:
        return f"<Route to {self.address.netloc}>"  # what is in its fields, and in a query, is not for logs


class Dialing:
    """``headers`` may be `Credentials`, which have the token in them.

    ``ssl_context`` takes the place of the default one, which checks the server's name. ``proxy`` True takes what the
    environment names (``http_proxy``, ``https_proxy``, ``all_proxy``, ``no_proxy``), None goes straight there, a URL is
    a proxy's. ``timeout`` are the seconds that connecting may take.
    Raises: UsageError in one sentence for what cannot be used.
    """

    def __init__(
        self,
        address: Address,
        headers: HeaderOption | Credentials = (),
        ssl_context: ssl.SSLContext | None = None,
        proxy: bool | str | None = True,
        timeout: float = 10.0,
        token: Token = None,
    ) -> None:
        if ssl_context is not None and not isinstance(ssl_context, ssl.SSLContext):
            raise UsageError(f"ssl_context: expected an ssl.SSLContext, got {type(ssl_context).__name__}")
        if ssl_context is not None and not address.is_secure:
            raise UsageError(f"ssl_context: expected a wss:// or https:// URL with it, got one of {address.netloc}")
        if not isinstance(proxy, bool | str | None):
            raise UsageError(f"proxy: expected True, None or a URL, got {proxy!r}")
        self.home = HomeProcess("this client")
        self.address = address
        self.credentials = headers if isinstance(headers, Credentials) else Credentials(headers, token)
        self.timeout = check_seconds("timeout", timeout)
        self._context = ssl_context
        self._given = Proxy.of(proxy) if isinstance(proxy, str) else None
        self._looks = proxy is True

    def route(self, token: str | None = None) -> Route:
        """Return the way that a try takes which begins now; ``token``: see `Credentials.now`.

        Raises: ConnectionError if the program's function, or a variable of the environment, is of no use.
        """
        return Route(self.address, self.credentials.now(token), self._tls(), self._proxy(), self.home)

    def _proxy(self) -> Proxy | None:
        if self._given is not None or not self._looks:
            return self._given
        try:
            return proxy_for(self.address, getproxies_environment(), _is_excepted)
        except UsageError as error:
            raise ConnectionError(str(error)) from None

    def _tls(self) -> ssl.SSLContext | None:
        if self.address.is_secure and self._context is None:
            self._context = ssl.create_default_context()  # once: it reads every certificate of the system
        return self._context


def _is_excepted(host: str, found: Any) -> object:
    return proxy_bypass_environment(host, found)


def dial(route: Route, runtime: ClientRuntime, timeout: float, *, through: bool = True) -> Any:
    """Return a socket that is connected with the server, TLS included, after at most ``timeout`` seconds a step.

    Without ``through`` a proxy is not asked for a tunnel: requests in plain HTTP name the server themselves.
    Raises: OSError, or what the runtime raises for a name that cannot be looked up.
    """
    address, proxy = route.address, route.proxy
    if route.home.is_foreign:
        raise ConnectionError(route.home.reason)
    first = (address.host, address.port) if proxy is None else (proxy.host, proxy.port)
    sock = runtime.connect(first, timeout)
    own(sock)
    try:
        if proxy is not None and (through or address.is_secure):
            _ask(sock, address, proxy, timeout)
        if route.context is None:
            return sock
        sock.settimeout(timeout)
        secure = runtime.secure(sock, route.context, address.host)
        own(secure)
        return secure
    except BaseException:  # a greenlet that is killed, too
        with contextlib.suppress(OSError):
            sock.close()
        raise


def _ask(sock: Any, address: Address, proxy: Proxy, timeout: float) -> None:
    """Have the proxy open a tunnel."""
    deadline = time.monotonic() + timeout
    sock.sendall(connect_request(address, proxy))
    tunnel = Tunnel(proxy)
    while True:
        sock.settimeout(max(0.01, deadline - time.monotonic()))
        if tunnel.feed(sock.recv(4096)):
            break
    sock.settimeout(timeout)
