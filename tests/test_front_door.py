"""The front doors: what they offer, that each name is one object everywhere, and that they load nothing too much."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys

import pytest
from support.doors import CONFIGURATIONS, DOORS, PAGES, ROOT, addresses

import nuphar

WRITTEN = addresses(*PAGES, imports=False)
"""What works after ``import nuphar`` alone."""
ADDRESSES = addresses(*PAGES, *CONFIGURATIONS)


def is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@pytest.mark.parametrize("name", DOORS)
def test_a_front_door_only_re_exports(name: str) -> None:
    allowed = (ast.ImportFrom, ast.Assign, ast.Expr)
    body = ast.parse((ROOT / DOORS[name]).read_text()).body
    assert [ast.unparse(node) for node in body if not isinstance(node, allowed) and not is_for_types(node)] == []


def offered(block: ast.If) -> set[str]:
    """Return the names and modules that a front door imports on demand."""
    (otherwise,) = block.orelse
    assert isinstance(otherwise, ast.Assign)
    assert isinstance(otherwise.value, ast.Call)
    tables = [ast.literal_eval(argument) for argument in otherwise.value.args[1:]]
    return {name for table in tables for name in table}


@pytest.mark.parametrize("name", DOORS)
def test_what_a_type_checker_sees_is_what_is_imported_on_demand(name: str) -> None:
    door = importlib.import_module(name)
    (block,) = [node for node in ast.parse((ROOT / DOORS[name]).read_text()).body if is_for_types(node)]
    assert isinstance(block, ast.If)
    seen: set[str] = set()
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        package = importlib.import_module("." * node.level + (node.module or ""), name)
        for alias in node.names:
            try:
                expected = importlib.import_module(f"{package.__name__}.{alias.name}")
            except ModuleNotFoundError:
                expected = getattr(package, alias.name)
            assert getattr(door, alias.name) is expected
            seen.add(alias.name)
    assert seen == offered(block)
    assert set(door.__all__) <= seen
    assert seen <= set(dir(door))
    assert [public for public in door.__all__ if not hasattr(door, public)] == []
    assert sorted(set(door.__all__)) == sorted(door.__all__)


@pytest.mark.parametrize("name", DOORS)
def test_a_name_that_is_not_there_is_an_attribute_error_that_says_so(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'no_such_thing'"):
        _ = importlib.import_module(name).no_such_thing


def test_there_are_addresses_to_look_at() -> None:
    assert len(ADDRESSES) > 10


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_in_the_docs_is_one_object_by_attribute_and_by_import(address: str) -> None:
    names = address.split(".")
    module = nuphar
    for at in range(2, len(names) + 1):
        try:
            module = importlib.import_module(".".join(names[:at]))
        except ModuleNotFoundError:
            break
    found = nuphar
    for name in names[1:]:
        found = getattr(found, name)
    rest = names[len(module.__name__.split(".")) :]
    imported = module
    for name in rest:
        imported = getattr(imported, name)
    assert found is imported


def test_the_handler_is_still_found_under_its_first_name() -> None:
    assert nuphar.transport.handler.Handler is nuphar.transport.handler.WSGIHandler


def test_what_is_written_in_the_docs_works_after_importing_nuphar_alone() -> None:
    code = """
import sys, nuphar
for address in sys.argv[1:]:
    found = nuphar
    for name in address.split(".")[1:]:
        found = getattr(found, name)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *WRITTEN], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import nuphar", "gevent pykka cbor2 nuphar.actors.words nuphar.transport.wire"),
        (
            "import nuphar.transport.wire.codec",
            "gevent pykka geventwebsocket nuphar.actors.runtime nuphar.actors.targets nuphar.transport.server"
            " nuphar.transport.client nuphar.supervision",
        ),
        (
            "import nuphar; nuphar.AsyncClient",
            "gevent greenlet pykka geventwebsocket nuphar.supervision nuphar.transport.server",
        ),
        ("import nuphar; nuphar.Client", "nuphar.supervision nuphar.transport.server geventwebsocket"),
    ],
)
def test_what_is_not_asked_for_is_not_loaded(statement: str, absent: str) -> None:
    code = f"{statement}\nimport sys; print([name for name in {absent.split()!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_codec_loads_no_room_above_its_own() -> None:
    code = (
        "import nuphar.transport.wire.codec, sys; print(*[name for name in sys.modules if name.startswith('nuphar.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    rooms = {".".join(name.split(".")[1:3]) for name in done.stdout.split() if name.count(".") > 1}
    assert rooms == {"actors.words", "transport.serialiser", "transport.wire"}


def test_an_asyncio_client_works_without_gevent() -> None:
    """Also over `http://`, where its connectors work in threads: nothing on the way may load it."""
    code = """
import asyncio, socket, sys
sys.modules["gevent"] = sys.modules["pykka"] = None  # who imports them fails
import nuphar
async def main():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{nobody.getsockname()[1]}/live"
        for scheme in ("ws://", "http://"):
            async with nuphar.AsyncClient(scheme + place, stores={"n": nuphar.Store(0, max)}) as client:
                await client.wait_until(lambda client: "Errno" in str(client.state), 20)
                print(client.state)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.count("offline"), done.stderr) == (2, "")
