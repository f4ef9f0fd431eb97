"""The header fields that a program adds to a client's requests: checked before anything is sent. Pure.

>>> Fields({"Authorization": "Bearer x"}).now()
(('Authorization', 'Bearer x'),)

Source: RFC 9110 sections 5.3 (several fields of one name), 5.5 and 5.6.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from inspect import iscoroutinefunction
from typing import Any

from ....actors.words.errors import UsageError

Pairs = tuple[tuple[str, str], ...]

HeaderOption = Mapping[str, str] | Iterable[tuple[str, str]] | Callable[[], Any]
"""Fields, or a function that returns some: it is called at each try to connect, e.g. for a fresh token."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

_OURS = re.compile(
    r"connection|upgrade|content-(length|type)|transfer-encoding|expect|te|trailer|keep-alive|last-event-id|"
    r"proxy-authorization|sec-websocket-.*|nuphar-.*",
    re.IGNORECASE,
)


class Fields:
    """What `now` gives at each try. Raises: UsageError for fields that no request can carry."""

    def __init__(self, headers: HeaderOption = ()) -> None:
        self._make: Callable[[], Any] | None = None
        self._pairs: Pairs = ()
        if iscoroutinefunction(headers):
            raise UsageError("headers: expected a plain function, got a coroutine function; it is called in a thread")
        if callable(headers):
            self._make = headers
        else:
            self._pairs = checked(headers)

    @property
    def may_wait(self) -> bool:
        """Whether a function of the program is asked."""
        return self._make is not None

    def now(self) -> Pairs:
        """Return the fields of a try that begins now.

        Raises: ConnectionError if the function raised, or what it returned is none.
        """
        if self._make is None:
            return self._pairs
        try:
            return checked(self._make())
        except UsageError as error:
            raise ConnectionError(f"the function for {error}") from error
        except Exception as error:
            text = f"the function for headers raised {type(error).__name__}: {error}"
            raise ConnectionError(text) from error


def checked(headers: Any) -> Pairs:
    """Return fields as pairs, those of one name joined.

    Raises: UsageError in one sentence.
    """
    try:
        pairs = [(name, value) for name, value in (headers.items() if isinstance(headers, Mapping) else headers)]
    except (TypeError, ValueError):
        raise UsageError(f"headers: expected pairs of name and value, got {headers!r:.80}") from None
    joined: dict[str, tuple[str, str]] = {}
    for name, value in pairs:
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise UsageError(f"headers: expected a name like 'X-Token', got {name!r:.80}")
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            raise UsageError(f"headers: expected latin-1 text without line ends as {name}, got {_shown(value)}")
        if _OURS.fullmatch(name):
            raise UsageError(f"headers: {name} is set by the client itself")
        key = name.lower()
        before = joined.get(key)
        if before is not None and key == "host":
            raise UsageError("headers: expected one Host, got two")
        mark = "; " if key == "cookie" else ", "
        joined[key] = (name, value.strip()) if before is None else (before[0], f"{before[1]}{mark}{value.strip()}")
    return tuple(joined.values())


def _shown(value: Any) -> str:
    """Say what was got without telling a secret to the log."""
    if not isinstance(value, str):
        return type(value).__name__
    found = next(character for character in value if not _VALUE.fullmatch(character))
    return f"{found!r} at character {value.index(found)}"
