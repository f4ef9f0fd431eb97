"""Tokens that the application has signed, by the real itsdangerous."""

from __future__ import annotations

import time
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer

from nuphar import ConnectRequest, Identity, Refused, UsageError
from nuphar.transport.identify import sign_token, signed_token

SECRET = "a secret of this test"


def bearing(token: str) -> ConnectRequest:
    return ConnectRequest({"HTTP_AUTHORIZATION": f"Bearer {token}"})


def asking(query: str) -> ConnectRequest:
    return ConnectRequest({"QUERY_STRING": query})


def test_a_token_says_who_it_is_in_a_header_or_in_the_query() -> None:
    token, identify = sign_token(SECRET, "ada", ["staff"], {"language": "en"}), signed_token(SECRET, 60)
    for request in (bearing(token), asking(f"room=7&token={token}")):
        who = identify(request)
        assert who is not None
        assert (who.user, who.roles, who.claims) == ("ada", ("staff",), {"language": "en"})


def test_the_header_goes_before_the_query() -> None:
    request = ConnectRequest(
        bearing(sign_token(SECRET, "ada")).environ | asking(f"token={sign_token(SECRET, 'b')}").environ
    )
    assert (who := signed_token(SECRET, 60)(request)) is not None
    assert who.user == "ada"


def test_it_expires_when_the_token_does() -> None:
    before = int(time.time())
    who = signed_token(SECRET, 60)(bearing(sign_token(SECRET, "ada")))
    assert who is not None
    assert who.expires is not None
    assert before + 60 <= who.expires <= time.time() + 60


@pytest.mark.parametrize("query", ["", "token=", "other=x"])
def test_without_a_token_it_is_an_anonymous_client(query: str) -> None:
    assert signed_token(SECRET, 60)(asking(query)) is None


def forged() -> dict[str, str]:
    good = sign_token(SECRET, "ada")
    said, at, signature = good.split(".")
    mallory = sign_token("another secret", "mallory").partition(".")[0]
    other = URLSafeTimedSerializer(SECRET, salt="cookie-session").dumps(["ada", [], {}])
    ours = URLSafeTimedSerializer(SECRET, salt="nuphar.identity")
    return {
        "signed by somebody else": sign_token("another secret", "ada"),
        "another user under a good signature": f"{mallory}.{at}.{signature}",
        "cut off": good[:-1],
        "without its time": f"{said}.{signature}",
        "of no form at all": "x",
        "a session of Flask's, by the same secret": str(other),
        "of another shape": str(ours.dumps({"user": "ada"})),
        "of a user that is none": str(ours.dumps([5, [], {}])),
        "roles that are none": str(ours.dumps(["ada", 5, {}])),
    }


@pytest.mark.parametrize("why", list(forged()))
def test_a_forged_or_damaged_token_is_refused(why: str) -> None:
    with pytest.raises(Refused, match=r"^unauthorised: this token is not one of ours$"):
        signed_token(SECRET, 60)(bearing(forged()[why]))


def test_one_that_is_too_old_is_refused_as_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    token, now = sign_token(SECRET, "ada"), time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + 62)
    with pytest.raises(Refused, match=r"^unauthorised: expired$"):
        signed_token(SECRET, 60)(bearing(token))


def test_of_several_secrets_the_last_one_signs_and_all_are_taken() -> None:
    identify = signed_token(["old", "new"], 60)
    for secret in ("old", "new", ["old", "new"]):
        assert identify(bearing(sign_token(secret, "ada"))) is not None
    with pytest.raises(Refused):
        signed_token("old", 60)(bearing(sign_token(["old", "new"], "ada")))


@pytest.mark.parametrize("secret", ["", b"", [], ["", "x"], None, 5, [None]])
def test_a_secret_that_is_none_is_refused_when_the_server_is_made(secret: Any) -> None:
    with pytest.raises(UsageError, match=r"^secret: expected text or bytes"):
        signed_token(secret, 60)


@pytest.mark.parametrize(("options", "what"), [({"max_age": 0}, "max_age"), ({"query": "page"}, "query")])
def test_other_options_that_cannot_be_are_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=f"^{what}: expected"):
        signed_token(SECRET, **options)


def test_what_cannot_be_an_identity_is_not_signed() -> None:
    with pytest.raises(UsageError, match="expected the user as text, got 5"):
        sign_token(SECRET, 5)  # type: ignore[arg-type]


def test_a_secret_of_bytes_may_have_any() -> None:
    assert signed_token(b"\x00\x01", 60)(bearing(sign_token(b"\x00\x01", "ada"))) != Identity("ada")
