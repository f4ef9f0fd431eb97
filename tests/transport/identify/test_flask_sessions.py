"""Who a client is, by the session of a real Flask application, and by the real Flask-Login."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, session
from flask_login import LoginManager, UserMixin, login_user, logout_user
from support.raw import RawClient, request
from support.serving import listen

from nuphar import ConnectRequest, Identity, Server, UsageError
from nuphar.transport.identify import flask_login, flask_session, required

STAFF = Identity("ada", ("staff",))


class User(UserMixin):  # type: ignore[misc]
    def __init__(self, id: str, is_well: bool = True) -> None:
        self.id = id
        self.is_well = is_well
        self.roles = {"ada": ["staff"]}.get(id, [])

    @property
    def is_active(self) -> bool:
        return self.is_well


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.secret_key = "a secret of this test"
    manager = LoginManager(app)
    users = {"ada": User("ada"), "eve": User("eve", is_well=False)}
    manager.user_loader(users.get)

    @app.post("/in/<user>")
    def sign_in(user: str) -> str:
        session["user"], session["roles"] = user, ["staff"] if user == "ada" else []
        login_user(User(user), force=True, remember="remember" in user)
        return "in"

    @app.post("/put/<kind>")
    def put(kind: str) -> str:
        session["user"] = {"number": 7, "list": ["ada"], "nothing": "", "bool": True}[kind]
        return "put"

    @app.post("/out")
    def sign_out() -> str:
        session.clear()
        logout_user()
        return "out"

    return app


def cookie(app: Flask, *paths: str) -> str:
    """Return the cookies that a browser has after it has posted to these paths."""
    browser = app.test_client()
    for path in paths:
        assert browser.post(path).status_code == 200
    return browser.post("/nowhere").request.headers.get("Cookie", "")


def bringing(cookies: str) -> ConnectRequest:
    environ = Flask("x").test_request_context("/live", headers={"Cookie": cookies}).request.environ
    return ConnectRequest(environ)


def roles(user: User) -> list[str]:
    return user.roles


@pytest.fixture(params=["session", "Flask-Login"])
def identify(request: pytest.FixtureRequest, app: Flask) -> Any:
    """Both recipes."""
    return flask_session(app) if request.param == "session" else flask_login(app, roles=roles)


def test_it_is_who_has_signed_in(app: Flask, identify: Any) -> None:
    assert identify(bringing(cookie(app, "/in/ada"))) == STAFF


def test_who_has_not_or_not_any_more_is_anonymous(app: Flask, identify: Any) -> None:
    assert identify(bringing("")) is None
    assert identify(bringing(cookie(app, "/in/ada", "/out"))) is None


def test_a_cookie_that_is_forged_damaged_or_too_old_is_none(app: Flask, identify: Any) -> None:
    good = cookie(app, "/in/ada")
    name, _, value = good.partition("=")
    said, at, signature = value.rsplit(".", 2)
    other = Flask("other")
    other.secret_key = "another secret"
    theirs = other.session_interface.get_signing_serializer(other)
    assert theirs is not None
    forged = [
        f"{name}={theirs.dumps({'user': 'ada', '_user_id': 'ada'})}",
        f"{name}={said}.{at}.{signature[:-1]}",
        f"{name}={said}",
        f"{name}=",
        f"{name}=%00",
        f"another={value}",
    ]
    assert [identify(bringing(each)) for each in forged] == [None] * len(forged)
    app.permanent_session_lifetime = timedelta(seconds=-1)
    assert identify(bringing(good)) is None


def test_a_user_who_is_not_active_or_not_there_any_more_is_anonymous_to_flask_login(app: Flask) -> None:
    identify = flask_login(app)
    assert identify(bringing(cookie(app, "/in/eve"))) is None
    assert identify(bringing(cookie(app, "/in/zoe"))) is None
    assert identify(bringing(cookie(app, "/in/ada"))) == Identity("ada")


def test_a_session_s_user_is_text_or_a_number(app: Flask) -> None:
    identify = flask_session(app)
    assert identify(bringing(cookie(app, "/put/number"))) == Identity("7")
    assert identify(bringing(cookie(app, "/put/nothing"))) is None
    for kind in ("list", "bool"):
        with pytest.raises(UsageError, match=rf"^session\['user'\]: expected the user as text or .*, got a {kind}$"):
            identify(bringing(cookie(app, f"/put/{kind}")))


def test_what_the_application_does_after_each_request_is_done_here_too(app: Flask, identify: Any) -> None:
    ended: list[object] = []
    app.teardown_appcontext(ended.append)
    identify(bringing(""))
    assert ended == [None]


def test_required_refuses_whom_it_does_not_know(app: Flask, make_server: Any) -> None:
    server: Server = make_server(identify=required(flask_session(app)))
    port = listen(server, app)
    assert request(port, "/live", headers=UPGRADE)[0] == 401
    client = RawClient(port, headers=(f"Cookie: {cookie(app, '/in/ada')}",))
    who = server.sessions.all()[0].identity
    assert who == STAFF
    client.close()


UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol: nuphar.v1.cbor",
)


def test_a_browser_signs_in_on_a_page_and_out_again(app: Flask, make_server: Any) -> None:
    server: Server = make_server(identify=flask_session(app))
    port = listen(server, app)
    origin = f"Origin: http://127.0.0.1:{port}"
    _, fields, _ = request(port, "/in/ada", "POST", ("Content-Length: 0",))
    signed_in = f"Cookie: {fields['set-cookie'].partition(';')[0]}"
    client = RawClient(port, headers=(origin, signed_in))
    (session_of_ada,) = server.sessions.all()
    assert session_of_ada.identity is not None
    assert session_of_ada.user == "ada"
    key = session_of_ada.identity.browser
    assert client.headers["set-cookie"] == f"nuphar-browser={key}; Path=/; HttpOnly; SameSite=Lax"
    after = client.back(headers=(origin,))  # the page of a browser that has signed out
    assert after.welcome[4] is False
    for each in (client, after):
        each.close()
