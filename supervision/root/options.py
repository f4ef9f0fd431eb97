"""The options of a server: every one has a default, a unit and a reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from ...actors.routing.deserted import TOPIC_WINDOW as TOPIC_WINDOW
from ...actors.routing.topics import TOPICS, TOPICS_EACH
from ...actors.runtime.hooks import HOOK_TIMEOUT, check_hook
from ...actors.runtime.mailbox import BOUND
from ...actors.runtime.turns import Bounds
from ...actors.sessions.asking import SUBSCRIPTIONS
from ...actors.sessions.reception import RESUME_WINDOW
from ...actors.sessions.session_book import DETACHED, DETACHED_BYTES
from ...actors.targets.order import HISTORY
from ...actors.targets.patience import ANSWER_LIMIT as LOG_LIMIT
from ...actors.words.errors import UnknownOption, UsageError
from ...actors.words.quantities import is_count, is_seconds
from ...actors.words.rates import Rates
from ...transport.server.connect_request import IdentifyHook
from ...transport.server.limits import Limits
from ...transport.wire.origin import Origins
from ...transport.wire.peer_address import Proxies
from ..watch.hub_guard import LIMIT


class ServerOptions(TypedDict, total=False):
    """The same for editors and type checkers, which complete ``Server(...)`` from it; `Options` says what it means."""

    origins: Origins
    limits: Limits
    rates: Rates | None
    proxies: tuple[str, ...]
    history: int
    max_topics: int
    max_topics_begun: int
    topic_window: float
    max_subscriptions: int
    mailbox: int
    log_timeout: float
    hook_timeout: float
    max_hooks: int
    max_hooks_each: int
    retry_after: float
    resume_window: float
    max_detached: int
    max_detached_bytes: int
    identify: IdentifyHook | None
    hub_guard: float | None
    inspect: str | None
    debug: bool | None


@dataclass(frozen=True)
class Options:
    """What ``Server(**options)`` takes."""

    origins: Origins = field(default_factory=Origins)
    """Whose pages may connect: by default those of the same host."""
    limits: Limits = field(default_factory=Limits)
    """What one connection may use."""
    rates: Rates | None = field(default_factory=Rates)
    """How much clients may do, and how many may come from one address (docs/security.md); None: no limits."""
    proxies: tuple[str, ...] = ()
    """Networks of the proxies in front, "unix" for a Unix socket: the address is what they say (X-Forwarded-For)."""
    history: int = HISTORY
    """Messages kept for each topic, for clients that come back."""
    max_topics: int = TOPICS
    """Topics that may run at once; a Subscribe beyond them is answered ``busy``."""
    max_topics_begun: int = TOPICS_EACH
    """Topics of a kind that run at once because the Subscribe of one session began them; another is ``busy``."""
    topic_window: float = TOPIC_WINDOW
    """Seconds for which a topic of a kind goes on when nobody is subscribed; ``float("inf")``: for ever."""
    max_subscriptions: int = SUBSCRIPTIONS
    """Targets that one session may be subscribed to."""
    mailbox: int = BOUND
    """Messages that may wait for one topic; a message beyond them is answered ``busy``."""
    log_timeout: float = LOG_LIMIT
    """Seconds that a topic's own log may take to answer; then it is asked what it has (docs/design/log.md)."""
    hook_timeout: float = HOOK_TIMEOUT
    """Seconds that a hook may take; a kind's ``parse`` and the function that makes its stores are hooks, too."""
    max_hooks: int = Bounds.at_once
    """Calls of hooks that run at once for clients who come, subscribe and leave; 100,000 more may wait their turn."""
    max_hooks_each: int = Bounds.at_once_each
    """Of these, for one session; as many more of it wait as it may have subscriptions, the next one is ``busy``."""
    retry_after: float = 1.0
    """Seconds after which clients are told to come back when the server stops."""

    resume_window: float = RESUME_WINDOW
    """Seconds for which a session waits for its client after its connection is lost; 0: it ends with it."""
    max_detached: int = DETACHED
    """Sessions that may wait for their client; those that hold nothing end first, then who has waited longest."""
    max_detached_bytes: int = DETACHED_BYTES
    """Bytes that these may hold together: subscriptions, answers, their own stores; the heaviest end first."""
    identify: IdentifyHook | None = None
    """``identify(request) -> Identity | None``: who a client is that connects; None: everybody is anonymous."""

    hub_guard: float | None = LIMIT
    """Seconds without a switch after which the hub guard names who keeps everybody waiting; None for no guard."""

    inspect: str | None = None
    """Where the read-only inspector listens, for ``nuphar top``: ``127.0.0.1:port``, ``unix:/path``, None: nowhere.

    One that is taken shifts to the next that is free."""

    debug: bool | None = None
    """Whether updates are watched that change their model in place or forget to return one; None: under pytest, or
    where ``NUPHAR_DEBUG=1`` is set. Costs a look at the whole model for each message."""

    def hook_bounds(self) -> Bounds:
        """Return how many calls of hooks may run and wait."""
        return Bounds(self.max_hooks, self.max_hooks_each, waiting_each=self.max_subscriptions)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Check the names and kinds of ``given``.

        Raises: UnknownOption, UsageError.
        """
        if "identity" in given:
            raise UsageError(
                "option identity: expected identify, which takes its place: identify(request) returns a "
                "nuphar.Identity or None, and request.environ is what identity was given (docs/identity.md)"
            )
        known = {each.name for each in dataclasses.fields(cls)}
        if unknown := sorted(given.keys() - known):
            raise UnknownOption(f"unknown option {unknown}; there are {sorted(known)}")
        if (identify := given.get("identify")) is not None:
            given = {**given, "identify": check_hook("identify", identify)}
        options = cls(**given)
        for name, (expected, is_right) in _CHECKS.items():
            if not is_right(value := getattr(options, name)):
                raise UsageError(f"option {name}: expected {expected}, got {value!r}")
        return options


def is_window(seconds: Any) -> bool:
    """Say whether a topic may wait so long for a subscriber."""
    return is_seconds(seconds, or_zero=True) or (isinstance(seconds, float) and seconds == float("inf"))


_COUNT = ("an integer above 0", is_count)
_SECONDS = ("seconds above 0", is_seconds)
_SECONDS_OR_NONE = ("seconds above 0 or None", lambda value: value is None or is_seconds(value))
_SECONDS_OR_ZERO = ("seconds from 0", lambda value: is_seconds(value, or_zero=True))
_WINDOW = ('seconds from 0, or float("inf") for ever', is_window)

_CHECKS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "origins": ("Origins", lambda value: isinstance(value, Origins)),
    "limits": ("Limits", lambda value: isinstance(value, Limits)),
    "rates": ("Rates or None", lambda value: value is None or isinstance(value, Rates)),
    "proxies": ('networks such as ("10.0.0.0/8", "unix")', lambda value: isinstance(Proxies(value), Proxies)),
    "history": _COUNT,
    "max_topics": _COUNT,
    "max_topics_begun": _COUNT,
    "topic_window": _WINDOW,
    "max_subscriptions": _COUNT,
    "mailbox": _COUNT,
    "log_timeout": _SECONDS,
    "hook_timeout": _SECONDS,
    "max_hooks": _COUNT,
    "max_hooks_each": _COUNT,
    "retry_after": _SECONDS_OR_ZERO,
    "resume_window": _SECONDS_OR_ZERO,
    "max_detached": _COUNT,
    "max_detached_bytes": _COUNT,
    "identify": ("a function or None", lambda value: value is None or callable(value)),
    "hub_guard": _SECONDS_OR_NONE,
    "debug": ("True, False or None", lambda value: value is None or isinstance(value, bool)),
    "inspect": ("an address as text or None", lambda value: value is None or isinstance(value, str)),
}
"""For each option what is expected, and whether a value is it."""


def check_window(name: str, seconds: Any) -> float | None:
    """Return ``seconds`` if a topic may wait so long for a subscriber; None is for the server's option to say.

    Raises: UsageError.
    """
    if seconds is None or is_window(seconds):
        return seconds  # type: ignore[no-any-return]
    raise UsageError(f"{name}: expected {_WINDOW[0]}, got {seconds!r}")
