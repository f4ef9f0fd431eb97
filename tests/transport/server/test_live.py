"""The WSGI middleware: what is ours, what is the application's, and what a server without upgrades hears."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nuphar import Live, Server, UsageError
from nuphar.transport.server.live import asset
from nuphar.transport.server.wsgi_handler import UPGRADE
from nuphar.transport.wire.upgrade import Decline


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the application at " + environ["PATH_INFO"].encode()]


def get(live: Live, path: str, method: str = "GET", **environ: Any) -> tuple[str, dict[str, str], bytes]:
    answer: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        answer.update(status=status, headers=dict(headers))

    body = b"".join(live({"PATH_INFO": path, "REQUEST_METHOD": method, **environ}, start_response))
    return answer["status"], answer["headers"], body


@pytest.fixture
def hosted() -> Iterator[Server]:
    """A server that its first request starts."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def live(hosted: Server) -> Live:
    return Live(hosted, application)


@pytest.mark.parametrize("path", ["/", "/liver", "/lives/x", "", "/other/live"])
def test_other_paths_are_the_application_s(live: Live, path: str) -> None:
    assert get(live, path)[2] == b"the application at " + path.encode()


def test_without_an_application_other_paths_are_not_found(hosted: Server) -> None:
    assert get(Live(hosted), "/")[0] == "404 Not Found"


def test_a_server_that_hands_on_no_upgrade_is_told_how_to(live: Live) -> None:
    status, _, body = get(live, "/live")
    assert status == "501 Not Implemented"
    assert b"nuphar.serve()" in body


def test_a_refused_upgrade_is_answered_and_leaves_no_connection(hosted: Server) -> None:
    refuse = Decline("403 Forbidden", "not you", (("Content-Type", "text/plain"),), "why")
    status, headers, body = get(Live(hosted), "/live", **{UPGRADE: lambda origins, **options: refuse})
    assert (status, body) == ("403 Forbidden", b"not you\n")
    assert headers["Content-Length"] == "8"
    assert hosted.gateway.connections == set()


def test_the_first_upgrade_starts_the_server(hosted: Server) -> None:
    refuse = Decline("403 Forbidden", "", (), "why")
    get(Live(hosted), "/live", **{UPGRADE: lambda origins, **options: refuse})
    assert hosted.is_running


def test_the_path_is_ours_to_choose(hosted: Server) -> None:
    live = Live(hosted, application, path="/ws/")
    assert get(live, "/ws")[0] == "501 Not Implemented"
    assert get(live, "/live")[0] == "200 OK"


@pytest.mark.parametrize("path", ["", "/", "live", "//"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="path"):
        Live(Server(), None, path)


def test_an_application_is_callable() -> None:
    with pytest.raises(UsageError, match="WSGI"):
        Live(Server(), "app")  # type: ignore[arg-type]


def test_the_browser_client_is_served_with_its_tag(live: Live) -> None:
    status, headers, body = get(live, "/live/nuphar.js")
    assert status == "200 OK"
    assert headers["Content-Type"].startswith("text/javascript")
    assert headers["Content-Length"] == str(len(body))
    assert (body, headers["ETag"]) == asset("nuphar.js")
    assert get(live, "/live/nuphar.js", HTTP_IF_NONE_MATCH=headers["ETag"])[::2] == ("304 Not Modified", b"")
    assert get(live, "/live/nuphar.js", HTTP_IF_NONE_MATCH='"other"')[0] == "200 OK"


@pytest.mark.parametrize("field", ["W/{}", '"other", {}', "*"])
def test_a_client_that_has_the_browser_client_is_not_sent_it_again(live: Live, field: str) -> None:
    tag = asset("nuphar.js")[1]
    assert get(live, "/live/nuphar.js", HTTP_IF_NONE_MATCH=field.format(tag))[::2] == ("304 Not Modified", b"")


def test_head_gives_the_headers_alone(live: Live) -> None:
    status, headers, body = get(live, "/live/nuphar.js", method="HEAD")
    assert status == "200 OK"
    assert int(headers["Content-Length"]) > 0
    assert body == b""


def test_other_methods_are_not_allowed(live: Live) -> None:
    status, headers, _ = get(live, "/live/nuphar.js", method="POST")
    assert status == "405 Method Not Allowed"
    assert headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("name", ["", "other.js", "../live.py", "nuphar.js/x", "..%2flive.py"])
def test_other_names_below_the_path_are_not_found(live: Live, name: str) -> None:
    assert get(live, f"/live/{name}")[0] == "404 Not Found"
