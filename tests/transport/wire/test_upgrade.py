"""The opening handshake, decided from a request's environment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.transport.wire.origin import Origins
from nuphar.transport.wire.upgrade import Accept, Decline, negotiate, tokens

REQUEST = {
    "REQUEST_METHOD": "GET",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "a.example",
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "keep-alive, Upgrade",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    "HTTP_SEC_WEBSOCKET_PROTOCOL": "nuphar.v1.json, nuphar.v1.cbor",
}


def answer(**changes: str | None) -> Accept | Decline:
    environ = {key: value for key, value in (REQUEST | changes).items() if value is not None}
    return negotiate(environ, Origins())


def test_a_content_length_of_zero_is_no_body() -> None:
    assert isinstance(answer(CONTENT_LENGTH="0"), Accept)


def test_a_good_request_is_accepted_with_the_rfcs_proof_and_our_preferred_subprotocol() -> None:
    accepted = answer()

    assert isinstance(accepted, Accept)
    assert accepted.subprotocol == "nuphar.v1.cbor"
    assert dict(accepted.headers) == {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Sec-WebSocket-Protocol": "nuphar.v1.cbor",
    }


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("REQUEST_METHOD", "POST", 405),
        ("SERVER_PROTOCOL", "HTTP/1.0", 400),
        ("HTTP_UPGRADE", None, 426),
        ("HTTP_UPGRADE", "h2c", 426),
        ("HTTP_UPGRADE", "notwebsocket", 426),
        ("HTTP_CONNECTION", None, 426),
        ("HTTP_CONNECTION", "upgraded", 426),
        ("HTTP_SEC_WEBSOCKET_VERSION", None, 426),
        ("HTTP_SEC_WEBSOCKET_VERSION", "8", 426),
        ("CONTENT_LENGTH", "1", 400),
        ("HTTP_TRANSFER_ENCODING", "chunked", 400),
        ("HTTP_SEC_WEBSOCKET_KEY", None, 400),
        ("HTTP_SEC_WEBSOCKET_KEY", "dGhlIHNhbXBsZSBub25j", 400),
        ("HTTP_SEC_WEBSOCKET_KEY", "dGhlIHNhbXBsZSBub25jZ!==", 400),
        ("HTTP_SEC_WEBSOCKET_KEY", "ü" * 24, 400),
        ("HTTP_SEC_WEBSOCKET_PROTOCOL", None, 400),
        ("HTTP_SEC_WEBSOCKET_PROTOCOL", "xnuphar.v1.cbor, nuphar.v1", 400),
        ("HTTP_ORIGIN", "https://b.example", 403),
    ],
)
def test_a_bad_request_is_refused(key: str, value: str | None, status: int) -> None:
    refused = answer(**{key: value})

    assert isinstance(refused, Decline)
    assert int(refused.status[:3]) == status
    assert refused.body == refused.text.encode() + b"\n"


@pytest.mark.parametrize("upgrade", ["WebSocket", " websocket , h2c"])
def test_upgrade_tokens_are_compared_whole_and_in_any_case(upgrade: str) -> None:
    assert isinstance(answer(HTTP_UPGRADE=upgrade), Accept)


def test_a_wrong_version_hears_the_right_one() -> None:
    refused = answer(HTTP_SEC_WEBSOCKET_VERSION="8")

    assert isinstance(refused, Decline)
    assert ("Sec-WebSocket-Version", "13") in refused.headers


def test_a_client_without_a_subprotocol_hears_which_ones_there_are() -> None:
    refused = answer(HTTP_SEC_WEBSOCKET_PROTOCOL=None)

    assert isinstance(refused, Decline)
    assert "['nuphar.v1.cbor', 'nuphar.v1.json']" in refused.text


def test_the_allowed_origins_are_for_the_log_and_not_for_the_peer() -> None:
    refused = negotiate(REQUEST | {"HTTP_ORIGIN": "https://b.example"}, Origins.allow(["https://secret.example"]))

    assert isinstance(refused, Decline)
    assert "https://secret.example" in refused.reason
    assert "secret" not in refused.text


def test_a_forwarded_host_is_not_trusted() -> None:
    assert isinstance(answer(HTTP_ORIGIN="https://b.example", HTTP_X_FORWARDED_HOST="b.example"), Decline)


def test_a_server_without_subprotocols_asks_for_none() -> None:
    accepted = negotiate(REQUEST, Origins(), ())

    assert isinstance(accepted, Accept)
    assert accepted.subprotocol is None
    assert "Sec-WebSocket-Protocol" not in dict(accepted.headers)


def test_tokens_leave_out_what_is_empty() -> None:
    assert tokens(" a ,, b\t,") == ["a", "b"]


@given(st.dictionaries(st.sampled_from(sorted(REQUEST)), st.text(st.characters(max_codepoint=255))))
def test_any_header_values_get_an_answer(changes: dict[str, str]) -> None:
    assert isinstance(negotiate(REQUEST | changes, Origins()), Accept | Decline)


@pytest.mark.parametrize(
    "extensions", ["foo", 'foo; a; b=1 ;c = "2", bar', "permessage-deflate; client_max_window_bits", "", ", ,"]
)
def test_extensions_are_ignored(extensions: str) -> None:
    accepted = answer(HTTP_SEC_WEBSOCKET_EXTENSIONS=extensions)
    assert isinstance(accepted, Accept)
    assert "Sec-WebSocket-Extensions" not in dict(accepted.headers)


@pytest.mark.parametrize("extensions", ["foo;", "; a", "foo; =1", 'foo; a="', "foo; a=", "f(o", "foo, b(r", "foo bar"])
def test_extensions_that_are_ill_formed_are_refused(extensions: str) -> None:
    """RFC 6455, 9.1."""
    refused = answer(HTTP_SEC_WEBSOCKET_EXTENSIONS=extensions)
    assert isinstance(refused, Decline)
    assert refused.status == "400 Bad Request"
