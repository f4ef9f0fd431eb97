"""Who a client is, as the application says: a user, and what may be known of it. Pure.

``None`` in place of an `Identity` is an anonymous client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .errors import UsageError
from .quantities import is_seconds
from .target_names import fault_of_id

EXPIRED = "expired"
"""The reason of a close with 4401, and the sentence of a 401, when an identity's time is over (docs/wire.md)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """``user`` is the user's stable name or number as text: 1 to 255 bytes of UTF-8 without control characters.

    ``roles`` are names that the application's own rules ask for, ``claims`` whatever else it wants to know of the
    user, by name. ``expires`` is in seconds since the epoch (`time.time`); None is never. ``browser`` is the key of
    the browser session, the same in all tabs of one browser; it is a secret, and says nothing about who it is. Neither
    it nor the claims are shown when an identity is printed or logged.
    Raises: UsageError, which says what was got and what was expected.
    Source: docs/identity.md.

    >>> ada = Identity("ada", roles=["staff"], claims={"language": "en"}, browser="8f3c")
    >>> ada
    Identity(user='ada', roles=('staff',), expires=None)
    >>> ada.claims["language"]
    'en'
    >>> Identity(5)
    Traceback (most recent call last):
    nuphar.actors.words.errors.UsageError: Identity: expected the user as text, got 5: write str(user.id)
    """

    user: str
    roles: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    expires: float | None = None
    browser: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.user, str):
            raise UsageError(f"Identity: expected the user as text, got {self.user!r}: write str(user.id)")
        if (fault := fault_of_id(self.user)) is not None:
            raise UsageError(f"Identity: user {self.user[:40]!r}: {fault}")
        if not isinstance(self.roles, tuple | list | set | frozenset) or not all(
            isinstance(role, str) and role for role in self.roles
        ):
            raise UsageError(f"Identity: expected roles as a tuple of texts, got {self.roles!r}")
        if not isinstance(self.claims, Mapping) or not all(isinstance(name, str) for name in self.claims):
            raise UsageError(f"Identity: expected claims as a mapping with text keys, got {type(self.claims).__name__}")
        if self.expires is not None and not is_seconds(self.expires):
            raise UsageError(f"Identity: expected expires in seconds since the epoch or None, got {self.expires!r}")
        if self.browser is not None and not (isinstance(self.browser, str) and self.browser):
            raise UsageError("Identity: expected browser as a text that is not empty, or None, got another value")
        ordered = self.roles if isinstance(self.roles, tuple | list) else sorted(self.roles)
        object.__setattr__(self, "roles", tuple(ordered))
        object.__setattr__(self, "claims", MappingProxyType(dict(self.claims)))

    def has_expired(self, now: float) -> bool:
        """Say whether it counts no more at ``now``, in seconds since the epoch."""
        return self.expires is not None and now >= self.expires


def user_of(identity: Identity | None) -> str | None:
    """Return the user of an identity, None for an anonymous client.

    >>> user_of(Identity("ada")), user_of(None)
    ('ada', None)
    """
    return None if identity is None else identity.user


def goes_on_as(before: Identity | None, now: Identity | None) -> bool:
    """Say whether a session goes on when its client comes back: as the same user, or as one that has signed in.

    >>> ada, bob = Identity("ada"), Identity("bob")
    >>> goes_on_as(ada, ada), goes_on_as(None, ada), goes_on_as(ada, bob), goes_on_as(ada, None)
    (True, True, False, False)
    """
    return before is None or before.user == user_of(now)


def check_identity(what: str, identity: Any) -> Identity | None:
    """Return ``identity`` if it is one, or None.

    Raises: UsageError, which begins with ``what``.
    """
    if identity is None or isinstance(identity, Identity):
        return identity
    raise UsageError(f"{what}: expected a nuphar.Identity or None, got a {type(identity).__name__}")
