"""Who a client is, by the session of a real Django project, in a process of its own: Django has one project in each."""

from __future__ import annotations

from pathlib import Path

from support.serving import program

PROGRAM = """
from gevent import monkey; monkey.patch_all()
import os, sys
import django
from django.conf import settings

name = os.path.join(sys.argv[1], "of_django.sqlite3")
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "CONN_MAX_AGE": None}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    SECRET_KEY="a secret of this test",
    ROOT_URLCONF="urls",
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
)
django.setup()
from django.contrib import auth
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import path

import types

import nuphar
from nuphar.transport.identify import django_session
from support.raw import RawClient
from support.serving import listen


def sign_in(request):
    auth.login(request, User.objects.get(username=request.GET["user"]), "django.contrib.auth.backends.ModelBackend")
    return HttpResponse("in")


def sign_out(request):
    auth.logout(request)
    return HttpResponse("out")


sys.modules["urls"] = urls = types.ModuleType("urls")
urls.urlpatterns = [path("in", sign_in), path("out", sign_out)]
call_command("migrate", verbosity=0)
ada, bob = (User.objects.create_user(name, password="x") for name in ("ada", "bob"))
for group in ("writers", "editors"):
    ada.groups.add(Group.objects.create(name=group))
identify = django_session()


def browser(user):
    found = Browser()
    assert found.get("/in", {"user": user}).content == b"in"
    return found


def asks(who, function=identify):
    cookies = who if isinstance(who, str) else "; ".join(f"{name}={each.value}" for name, each in who.cookies.items())
    return function(nuphar.ConnectRequest({"HTTP_COOKIE": cookies}))


def row():
    return sorted(Session.objects.values_list("session_key", "session_data", "expire_date"))


of_ada, of_bob = browser("ada"), browser("bob")
before = row()
one, other = asks(of_ada), asks(of_bob)
assert (one.user, one.roles) == (str(ada.pk), ("editors", "writers")), one
assert (other.user, other.roles) == (str(bob.pk), ()), other
key = of_ada.cookies["sessionid"].value
assert len(one.browser) == 32 and one.browser not in (key, other.browser) and key not in repr(one)
assert asks(of_ada).browser == one.browser
assert asks(of_ada, django_session(roles=lambda user: ["boss"])).roles == ("boss",)

assert asks("") is None
for forged in ("x", key[:-1], key.upper(), "../../etc/passwd", "a" * 10_000):
    assert asks(f"sessionid={forged}") is None, forged

settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another secret", ["a secret of this test"]
assert asks(of_ada).user == str(ada.pk)
assert row() == before  # Django would have given the session another key, which nobody would tell the browser
settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a secret of this test", []

bob.set_password("y"); bob.save()
assert asks(of_bob) is None
assert row() == before
ada.is_active = False; ada.save()
assert asks(of_ada) is None
ada.is_active = True; ada.save()
assert asks(of_ada).user == str(ada.pk)
Session.objects.filter(session_key=key).update(expire_date="2020-01-01T00:00:00Z")
assert asks(of_ada) is None
of_ada = browser("ada")
of_ada.get("/out")
assert asks(of_ada) is None
bob.delete()
assert asks(of_bob) is None
print("answers")

of_ada = browser("ada")
server = nuphar.Server(identify=identify, hub_guard=None).start()
port = listen(server, get_wsgi_application())
connections.close_all()


def open_connections():
    found = 0
    for fd in os.listdir("/proc/self/fd"):
        try:
            found += "of_django" in os.readlink(f"/proc/self/fd/{fd}")
        except OSError:
            pass
    return found


client = RawClient(port, headers=(f"Cookie: sessionid={of_ada.cookies['sessionid'].value}",))
assert [session.user for session in server.sessions.all()] == [str(ada.pk)]
assert open_connections() == 0, open_connections()
client.close()
server.stop()
print("served")
"""


def test_it_is_who_has_signed_in_and_nobody_else_and_nothing_is_written(tmp_path: Path) -> None:
    with program("-c", PROGRAM, str(tmp_path)) as process:
        assert process.wait(timeout=60) == 0, process.output
        assert process.output.splitlines()[-2:] == ["answers", "served"]
