"""Who a client is, by a token that the application has signed with itsdangerous, the extra ``nuphar[identity]``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...actors.words.errors import Refused, UsageError
from ...actors.words.identity import EXPIRED, Identity
from ...actors.words.quantities import is_seconds
from ..server.connect_request import ConnectRequest
from ..wire.secret_names import is_secret
from .requiring import Identify

if TYPE_CHECKING:
    from itsdangerous import URLSafeTimedSerializer

SALT = "nuphar.identity"
"""What tells these tokens from others that the same secret signs, such as Flask's sessions."""

Secret = str | bytes | Sequence[str] | Sequence[bytes]
"""What signs; of several, to change them, the last one signs and all are taken."""


def sign_token(secret: Secret, user: str, roles: Iterable[str] = (), claims: Mapping[str, Any] | None = None) -> str:
    """Return a token for ``user``: text that fits into a header and a URL. Everybody can read what it says.

    ``claims`` are values that JSON has.
    Raises: UsageError for what no `Identity` can be.

    >>> token = sign_token("a secret", "ada", ["staff"])
    >>> who = signed_token("a secret", max_age=60)(ConnectRequest({"HTTP_AUTHORIZATION": f"Bearer {token}"}))
    >>> who.user, who.roles
    ('ada', ('staff',))
    """
    identity = Identity(user, tuple(roles), claims or {})
    token = _signer(secret).dumps([identity.user, list(identity.roles), dict(identity.claims)])
    return token if isinstance(token, str) else token.decode()


def signed_token(secret: Secret, max_age: float = 3600, *, query: str = "token") -> Identify:
    """Return an ``identify`` that takes a token of `sign_token`: from ``Authorization: Bearer``, else from the query.

    ``max_age`` is in seconds from when the token was signed, which is when the identity expires, too. ``query`` is the
    name in the query, one whose value is left out of logs. Without a token the client is anonymous; one that is
    forged, damaged or too old is refused with 401.
    Raises: UsageError.
    """
    if not is_seconds(max_age):
        raise UsageError(f"max_age: expected seconds above 0, got {max_age!r}")
    if not isinstance(query, str) or not is_secret(query):
        raise UsageError(f"query: expected a name that logs leave out, such as 'token' or 'ticket', got {query!r}")
    from itsdangerous import BadData, SignatureExpired  # an optional package

    signer = _signer(secret)

    def identify(request: ConnectRequest) -> Identity | None:
        token = request.bearer or request.query.get(query)
        if not token:
            return None
        try:
            said, at = signer.loads(token, max_age=max_age, return_timestamp=True)  # type: ignore[arg-type]
            user, roles, claims = said
            return Identity(user, tuple(roles), claims, expires=at.timestamp() + max_age)
        except SignatureExpired:
            raise Refused("unauthorised", EXPIRED) from None
        except (BadData, UsageError, TypeError, ValueError):
            raise Refused("unauthorised", "this token is not one of ours") from None

    return identify


def _signer(secret: Secret) -> URLSafeTimedSerializer:
    keys = secret if isinstance(secret, list | tuple) else [secret]
    if not keys or not all(isinstance(key, str | bytes) and key for key in keys):
        raise UsageError("secret: expected text or bytes that nobody can guess, or a list of them, got another value")
    from itsdangerous import URLSafeTimedSerializer

    return URLSafeTimedSerializer(secret, salt=SALT)
