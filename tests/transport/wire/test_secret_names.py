"""What stands in the query of a URL and lets whoever reads it in is not logged."""

from __future__ import annotations

import pytest

from nuphar.transport.wire.secret_names import is_secret, masked

LINE = "x" * 32


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/live?token=abc.def", "/live?token=-"),
        ("GET /live?a=1&token=abc&b=2 HTTP/1.1", "GET /live?a=1&token=-&b=2 HTTP/1.1"),
        ("token=abc", "token=-"),
        ("/live?access_token=abc&TOKEN=x", "/live?access_token=-&TOKEN=-"),
        ("/live?jwt=a.b.c&ticket=7&sig=9", "/live?jwt=-&ticket=-&sig=-"),
        (f"/live/events?line={LINE}&after=3", "/live/events?line=-&after=3"),
        ("/chart?line=7", "/chart?line=7"),
        ("/live?t%6Fken=abc", "/live?t%6Fken=-"),
        ("/live?token=", "/live?token="),
        ("/live?page=token", "/live?page=token"),
        ("/live?broken=1", "/live?broken=1"),
        ("/monkey=1", "/monkey=1"),
        ("'GET /live?token=abc' from x", "'GET /live?token=-' from x"),
        ("no query", "no query"),
    ],
)
def test_only_the_values_of_secrets_are_left_out(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("name", ["token", "access_token", "Token", "auth", "api_key", "api-key", "X-Amz-Signature"])
def test_it_knows_a_secret_by_its_name(name: str) -> None:
    assert is_secret(name)
    assert masked(f"/live?{name}=abc") == f"/live?{name}=-"


@pytest.mark.parametrize("name", ["page", "wait", "after", "number", "monkey", ""])
def test_other_names_are_shown(name: str) -> None:
    assert not is_secret(name)
