"""Every program in ``examples/`` is run as its docs say, on a free port, and used by real clients."""

from __future__ import annotations

import json
import re
import runpy
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from support.counting import add
from support.raw import RawClient, close_all, request
from support.serving import ROOT, Program, eventually, listen, program

from nuphar import Client, Meta, Refused, Store
from nuphar.transport.identify import sign_token

EXAMPLES = ROOT / "examples"


@pytest.fixture(autouse=True)
def close_raw_clients() -> Iterator[None]:
    yield
    close_all()


def run(*arguments: str, **options: Any) -> AbstractContextManager[Program]:
    """Return an example in a process of its own; the ones that choose port 8000 get a free one."""
    return program(*arguments, cwd=EXAMPLES, **options)


def on_free_port(module: str, extra: str = "") -> tuple[str, ...]:
    """Return what runs a module as the main program with its ``serve`` on port 0."""
    code = (
        "import functools, runpy, nuphar\n"
        "serve = nuphar.serve\n"
        "nuphar.serve = lambda *args, **options: serve(*args, **options | {'port': 0})\n"
        f"{extra}\n"
        f"runpy.run_path({module!r} + '.py', run_name='__main__')\n"
    )
    return ("-c", code)


def url(process: Program) -> str:
    return process.wait_for(r"(http://127\.0\.0\.1:\d+)")[1]


def port(process: Program) -> int:
    return int(url(process).rpartition(":")[2])


def test_every_example_has_its_test_here() -> None:
    tested = Path(__file__).read_text()
    for example in EXAMPLES.glob("*.py"):
        assert f'"{example.stem}' in tested, f"{example.name} has no test"


def test_a_client_of_forty_lines_counts_along() -> None:
    with run(*on_free_port("counter")) as process:
        where = f"ws{url(process)[4:]}/live"
        with Client(where, stores={"counter": Store(0, add)}) as other:
            assert other.dispatch("counter", 40).get(timeout=5) == 1
            with run("minimal_client.py", where, "2") as minimal:
                minimal.wait_for(r"^42$")
            other.wait_until(lambda client: client.model("counter") == 42, timeout=5)


def test_the_counter_counts_for_every_client() -> None:
    with run(*on_free_port("counter")) as process:
        address = f"ws{url(process)[4:]}/live"
        stores = {"counter": Store(0, add)}
        with Client(address, stores=stores) as one, Client(address, stores=stores) as two:
            one.wait_live()
            two.wait_live()
            assert one.dispatch("counter", 1).get(timeout=5) == 1
            assert two.dispatch("counter", 2).get(timeout=5) == 2
            one.wait_until(lambda one: one.model("counter") == 3)
        process.signal(signal.SIGTERM)
        assert process.wait() == 0


@pytest.mark.skipif(find_spec("locust") is None, reason="locust is not installed: pip install 'nuphar[locust]'")
def test_locust_counts_connections_and_acknowledged_messages() -> None:
    with run(*on_free_port("counter")) as server:
        address = f"ws{url(server)[4:]}/live"
        load = ("--headless", "--users", "3", "--spawn-rate", "3", "--run-time", "2s", "--json", "--host", address)
        with run("-m", "locust", "-f", "locustfile.py", *load) as locust:
            assert locust.wait(timeout=40) == 0, locust.output
        rows = json.loads(re.search(r"^\[\n.*^\]$", locust.output, re.MULTILINE | re.DOTALL)[0])  # type: ignore[index]
        by_kind = {row["method"]: row for row in rows}
        assert (by_kind["connect"]["num_requests"], by_kind["connect"]["name"]) == (3, address)
        assert by_kind["dispatch"]["num_requests"] >= 3
        assert {row["num_failures"] for row in rows} == {0}
        with Client(address, stores={"counter": Store(0, add)}) as client:
            assert client.wait_live().model("counter") >= by_kind["dispatch"]["num_requests"]


@pytest.mark.skipif(find_spec("locust") is None, reason="locust is not installed: pip install 'nuphar[locust]'")
def test_locust_is_told_of_a_connection_that_fails() -> None:
    load = ("--headless", "--users", "1", "--run-time", "3s", "--only-summary", "--host", "no URL of ours")
    with run("-m", "locust", "-f", "locustfile.py", *load) as locust:
        assert locust.wait(timeout=40) == 1  # what Locust says when a request failed
    assert re.search(r"1 +connect no URL of ours: ", locust.output), locust.output


def test_two_people_talk_in_a_chat_room() -> None:
    with run("chat.py", "serve", "0") as server:
        address = f"{url(server)}/live"
        with (
            run("chat.py", "join", address, "tea", "Ada", stdin=True) as ada,
            run("chat.py", "join", address, "tea", "Bob", stdin=True) as bob,
        ):
            bob.wait_for("came in")
            ada.wait_for("came in")
            ada.write("hello")
            ada.wait_for("^Ada: hello$")
            bob.wait_for("^Ada: hello$")
            bob.write("hello yourself")
            ada.wait_for("^Bob: hello yourself$")
            ada.write("")
            ada.wait_for("not said: invalid")
            ada.write("x" * 1_001)
            ada.wait_for("not said: invalid: .*, got 1001")
            ada.write("still here")
            bob.wait_for("^Ada: still here$")
            assert ada.wait() == 0
            bob.wait_for(r"^\*: .... left$")
            assert bob.wait() == 0
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def test_a_chat_rooms_name_is_one_word() -> None:
    with run("chat.py", "serve", "0") as server:
        name = f"{url(server)}/name/Ada"
        with urlopen(name, timeout=10) as answer:
            token = answer.read().decode()
        with pytest.raises(HTTPError, match="409") as taken:
            urlopen(name, timeout=10)
        taken.value.close()
        client = RawClient(int(urlsplit(name).port or 0), headers=(f"Authorization: Bearer {token}",))
        assert client.subscribe("topic:room:two words")[0][3] == "not_found"
        assert client.subscribe("topic:room:")[0][3] == "not_found"
        assert client.subscribe("topic:lobby")[0][3] == "not_found"
        assert client.subscribe("topic:room:tea")[-1][0] == 17


def test_a_chat_without_arguments_says_how_to_use_it() -> None:
    with run("chat.py") as process:
        assert process.wait() == 1
        assert "chat.py serve" in process.output


def check_board(address: int) -> None:
    """Pin a note over HTTP and one over a WebSocket, and see both on both sides."""
    assert b"/live/nuphar.js" in request(address, "/")[2]
    assert request(address, "/live/nuphar.js")[0] == 200
    client = RawClient(address)
    client.subscribe("topic:board")
    assert request(address, "/notes", "POST", body=b"text=milk")[0] == 303
    assert client.receive()[:3] == [19, "topic:board", 1]
    client.post("topic:board", {"_": "Pin", "0": "bread"})
    assert client.receive()[:3] == [17, "topic:board", 2]
    assert request(address, "/notes")[2].split() == b'{"notes":["milk","bread"],"seq":2}'.split()
    client.close()


def test_the_flask_board_under_serve() -> None:
    pytest.importorskip("flask", reason="the extra nuphar[dev] is not installed")
    with run(*on_free_port("flask_board")) as process:
        check_board(port(process))
        process.signal(signal.SIGTERM)
        assert process.wait() == 0


def test_the_flask_board_under_gunicorn(tmp_path: Path) -> None:
    pytest.importorskip("flask", reason="the extra nuphar[dev] is not installed")
    pytest.importorskip("gunicorn", reason="the extra nuphar[gunicorn] is not installed")
    options = ("-k", "nuphar.transport.gunicorn.Worker", "-b", "127.0.0.1:0", "--chdir", str(EXAMPLES))
    with program("-m", "gunicorn", *options, "flask_board:app", XDG_RUNTIME_DIR=str(tmp_path)) as process:
        check_board(port(process))
        process.signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        assert "Traceback" not in process.output


def test_the_background_thread_ticks_and_ends() -> None:
    # A second is long for a test: its waits are cut to a hundredth.
    faster = (
        "import threading\n"
        "wait = threading.Event.wait\n"
        "threading.Event.wait = lambda self, timeout=None: wait(self, timeout and timeout / 100)"
    )
    with run(*on_free_port("background", faster)) as process:
        client = RawClient(port(process))
        client.subscribe("topic:ticks")
        first, second, third = (frame[2] for frame in client.take(3))
        assert (second, third) == (first + 1, first + 2)
        process.signal(signal.SIGINT)
        client.receive_all()  # and it does not answer, so the stop takes its time while the thread goes on
        assert process.wait() == 0
        assert "Traceback" not in process.output


def test_a_thread_of_the_background_example_counts_until_it_is_stopped() -> None:
    module = runpy.run_path(str(EXAMPLES / "background.py"))
    server, ticks, over = module["server"], module["ticks"], threading.Event()
    with server:
        thread = threading.Thread(target=module["tick"], args=(over, 0.001))
        thread.start()
        eventually(lambda: ticks.model >= 3)
        over.set()
        eventually(lambda: not thread.is_alive())
        thread.join()


def test_the_chats_store_keeps_the_last_lines_and_refuses_bad_ones() -> None:
    chat = runpy.run_path(str(EXAMPLES / "chat.py"))
    say, ada = chat["say"], Meta("ada", "c1", 5.0, 1)
    room: tuple[object, ...] = ()
    for n in range(chat["KEPT"] + 5):
        room = say(room, str(n), ada)
    assert [each.text for each in room] == [str(n) for n in range(5, chat["KEPT"] + 5)]  # type: ignore[attr-defined]
    for text in ("", "x" * 1_001):
        with pytest.raises(Refused, match=str(len(text))):
            say(room, text, ada)


def test_a_client_of_the_chat_speaks_for_itself_alone() -> None:
    chat = runpy.run_path(str(EXAMPLES / "chat.py"))
    server = chat["make_server"]("a secret")
    with server:
        address = f"ws://127.0.0.1:{listen(server)}/live"
        stores = {"room:tea": chat["store"]}
        with Client(address, chat["serialiser"], stores) as nobody:
            nobody.wait_until(lambda client: client.is_closed)
            assert "sign in first" in str(nobody.state)
        with Client(address, chat["serialiser"], stores, token=sign_token("a secret", "Ada")) as client:
            client.wait_live()
            with pytest.raises(Refused) as refused:
                client.dispatch("room:tea", "").get(timeout=5)
            assert refused.value.code == "invalid"
            assert client.dispatch("room:tea", "hi").get(timeout=5) == 2
            assert client.model("room:tea")[-1] == chat["Line"]("Ada", "hi")
