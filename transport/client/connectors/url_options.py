"""The options that go with a client's URL, the same over every transport. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from ....actors.words.errors import UsageError
from ....actors.words.quantities import check_seconds
from .backoff import ReconnectBackoff
from .credentials import Token
from .fields import HeaderOption

if TYPE_CHECKING:
    import ssl


class HttpOptions(TypedDict, total=False):
    """The options of a connector, over plain HTTP and over a WebSocket (docs/clients.md)."""

    backoff: ReconnectBackoff | None
    chance: Callable[[], float]
    headers: HeaderOption
    proxy: bool | str | None
    ssl_context: ssl.SSLContext | None
    timeout: float
    token: Token


class ClientOptions(HttpOptions, total=False):
    """The options that go with a client's URL: the same, and seconds without a byte."""

    heartbeat: float


NAMES = tuple(sorted(ClientOptions.__annotations__))


def check_client_options(where: object, options: Mapping[str, Any]) -> None:
    """Raise UsageError for options that a client does not have, or that its connector was to be given."""
    if unknown := sorted(set(options) - set(NAMES)):
        raise UsageError(f"expected some of the options {list(NAMES)}, got {unknown}")
    if not isinstance(where, str) and not callable(where):
        raise UsageError(f"expected a URL like 'ws://host/live', or a connector, got {where!r}")
    if options and not isinstance(where, str):
        raise UsageError(f"{sorted(options)} go with a URL: give them to the connector")
    backoff = options.get("backoff")
    if not callable(chance := options.get("chance", callable)):
        raise UsageError(f"chance: expected a function that returns 0 to below 1, got {chance!r}")
    if backoff is not None and not isinstance(backoff, ReconnectBackoff):
        raise UsageError(f"backoff: expected a ReconnectBackoff, got {backoff!r}")
    check_seconds("heartbeat", options.get("heartbeat", 1.0))
