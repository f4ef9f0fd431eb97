"""The import graph is part of the design, so it is a test."""

from __future__ import annotations

import ast
import doctest
import functools
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WINGS = ["actors", "transport", "supervision"]  # low to high
ROOMS = {
    "actors": ["words", "runtime", "targets", "sessions", "routing"],
    "transport": ["serialiser", "wire", "server", "identify", "client/core", "client/connectors", "client"],
    "supervision": ["otp", "processes", "watch", "root", "serving"],
}
"""The rooms of each wing, low to high: a room imports itself and lower ones. What is in no room is above them all."""

UPWARDS: set[tuple[str, str]] = set()
"""Imports that go up to a higher room: there are none, and this list stays empty."""

CIRCLES: list[set[str]] = []
"""Modules that import each other: there are none, and this list stays empty."""

BELOW = {"nuphar.lazily"}
"""What stands below all wings."""
COMPOSITION_ROOT = {"supervision/root/tree.py", "supervision/root/server.py"}
LONGEST = 250
"""Lines of a module, as ``wc -l`` counts them: past this it is two ideas."""

PURE = {
    "actors/sessions/answers.py",
    "actors/targets/carrying.py",
    "actors/targets/catch_up.py",
    "actors/words/close_codes.py",
    "actors/words/delivery.py",
    "actors/targets/effects.py",
    "actors/targets/appends.py",
    "actors/targets/flushing.py",
    "actors/targets/held.py",
    "actors/targets/log.py",
    "actors/targets/tentative.py",
    "actors/words/errors.py",
    "actors/runtime/turns.py",
    "actors/words/exit_reasons.py",
    "actors/targets/lane.py",
    "actors/targets/lanes.py",
    "actors/targets/messages.py",
    "actors/targets/order.py",
    "actors/targets/outcomes.py",
    "actors/targets/pace.py",
    "actors/targets/patience.py",
    "actors/words/hook_types.py",
    "actors/words/guard.py",
    "actors/words/identity.py",
    "actors/words/member.py",
    "actors/words/parameters.py",
    "transport/client/target_handle.py",
    "transport/client/hook_types.py",
    "actors/words/type_variables.py",
    "actors/sessions/flow.py",
    "actors/sessions/meter.py",
    "actors/words/rates.py",
    "actors/words/token_bucket.py",
    "transport/wire/peer_address.py",
    "actors/words/ports.py",
    "actors/words/quantities.py",
    "actors/sessions/membership.py",
    "actors/sessions/standing.py",
    "actors/sessions/messages.py",
    "actors/sessions/asker.py",
    "actors/targets/subscriber.py",
    "actors/sessions/membership_table.py",
    "actors/sessions/session_book.py",
    "actors/sessions/unnamed.py",
    "actors/sessions/weight.py",
    "actors/words/fingerprints.py",
    "actors/words/meta.py",
    "actors/words/store.py",
    "actors/targets/subscribers.py",
    "actors/targets/target.py",
    "actors/words/target_names.py",
    "actors/sessions/tokens.py",
    "actors/routing/wiring.py",
    "transport/serialiser/annotations.py",
    "transport/serialiser/automatic.py",
    "transport/client/connectors/backoff.py",
    "transport/wire/batches.py",
    "transport/wire/chunked.py",
    "transport/wire/entity_tags.py",
    "transport/wire/http_head.py",
    "transport/server/pace.py",
    "transport/serialiser/bodies.py",
    "transport/serialiser/unions.py",
    "transport/client/core/core.py",
    "transport/client/core/cursors.py",
    "transport/client/core/events.py",
    "transport/client/core/exchange.py",
    "transport/client/core/keeping.py",
    "transport/client/core/pacing.py",
    "transport/client/core/target_states.py",
    "transport/client/connectors/credentials.py",
    "transport/client/connectors/ended.py",
    "transport/client/connectors/fields.py",
    "transport/client/connectors/proxies.py",
    "transport/client/connectors/reconnecting.py",
    "transport/client/connectors/refusal.py",
    "transport/client/connectors/url_options.py",
    "transport/client/connectors/urls.py",
    "transport/client/connectors/websocket_machine.py",
    "transport/wire/codec.py",
    "transport/serialiser/decoding.py",
    "transport/serialiser/distinct.py",
    "transport/serialiser/in_turns.py",
    "transport/wire/large.py",
    "transport/serialiser/encoding.py",
    "transport/wire/event_stream.py",
    "transport/client/core/replicas.py",
    "transport/wire/extra.py",
    "transport/wire/field_checks.py",
    "transport/wire/frame_table.py",
    "transport/wire/frames.py",
    "transport/server/framing.py",
    "transport/server/protocol.py",
    "transport/server/wsgi_types.py",
    "transport/server/browser_cookie.py",
    "transport/server/connect_request.py",
    "transport/server/http/judge.py",
    "transport/wire/secret_names.py",
    "transport/server/limits.py",
    "transport/client/core/local_fields.py",
    "transport/wire/masking.py",
    "transport/wire/origin.py",
    "transport/client/core/outgoing.py",
    "transport/wire/packets.py",
    "transport/serialiser/plain.py",
    "transport/wire/plain_data.py",
    "transport/client/core/queue_records.py",
    "transport/serialiser/records.py",
    "transport/client/core/replica.py",
    "transport/wire/sequences.py",
    "transport/serialiser/serialiser.py",
    "transport/serialiser/shapes.py",
    "transport/client/core/states.py",
    "transport/wire/strict.py",
    "transport/wire/strict_json.py",
    "transport/client/connectors/transport_choice.py",
    "transport/wire/upgrade.py",
    "transport/wire/websocket_frames.py",
    "transport/wire/websocket_reader.py",
    "supervision/otp/policy.py",
}
"""Modules without gevent, Pykka, sockets, clocks."""

PURE_MAY_IMPORT = {
    "__future__", "array", "base64", "binascii", "collections", "contextlib", "contextvars", "copy", "dataclasses",
    "datetime", "decimal", "enum", "functools", "hashlib", "hmac", "inspect", "io", "ipaddress", "itertools", "json",
    "math", "operator", "re", "struct", "sys", "types", "typing", "unicodedata", "uuid", "cbor2",
}  # fmt: skip

EXCEPTIONS = {
    ("transport/wire/strict.py", "secrets"): "one secret for the whole process, to see where an item ends",
    ("transport/wire/masking.py", "websockets.speedups"): "a C function, if it is there",
    ("transport/client/connectors/proxies.py", "ipaddress"): "whether an address is of this machine",
    ("transport/client/connectors/proxies.py", "urllib.parse"): "cuts a URL apart",
    ("transport/client/connectors/refusal.py", "email.utils"): "reads a date of HTTP",
    ("transport/client/connectors/urls.py", "urllib.parse"): "cuts a URL apart",
    ("transport/server/connect_request.py", "urllib.parse"): "cuts a query apart",
    ("transport/wire/secret_names.py", "urllib.parse"): "reads a name in percent form",
    ("transport/serialiser/serialiser.py", "gc"): "forgets serialisers that nobody holds",
    ("transport/serialiser/serialiser.py", "threading"): "a lock around the process-wide table of types",
    ("transport/serialiser/serialiser.py", "weakref"): "the serialisers that have to hear of new types",
}
"""What pure modules may import besides, and why."""


@functools.cache
def modules() -> list[str]:
    """Return every module of the three wings, as a path from the root."""
    return sorted(
        path.relative_to(ROOT).as_posix()
        for wing in WINGS
        for path in (ROOT / wing).rglob("*.py")
        if "js" not in path.relative_to(ROOT).parts
    )


@functools.cache
def every_module() -> list[str]:
    """Return every module of the package, the front door's included."""
    front = sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "src" / "nuphar").rglob("*.py")
        if path.relative_to(ROOT / "src" / "nuphar").parts[0] not in WINGS
    )
    return modules() + front


@functools.cache
def dotted(module: str) -> str:
    """Return a module's name: ``actors/targets/order.py`` is ``nuphar.actors.targets.order``."""
    path = Path(module)
    parts = list((path.relative_to("src") if path.parts[0] == "src" else Path("nuphar") / path).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(module: str, level: int, name: str | None) -> str:
    """Return the full name of what a relative import in ``module`` names."""
    package = dotted(module).split(".")
    if not module.endswith("__init__.py"):
        package = package[:-1]
    base = package[: len(package) - (level - 1)]
    return ".".join([*base, *(name.split(".") if name else [])])


@functools.cache
def known() -> frozenset[str]:
    """Return the names of every module of the package."""
    return frozenset(map(dotted, every_module()))


@functools.cache
def imports(module: str, *, types_too: bool = True) -> list[str]:
    """Return the names of the modules that ``module`` imports, at any depth of its code."""
    return list(_imports(module, types_too))


def _imports(module: str, types_too: bool) -> Iterator[str]:
    tree = ast.parse((ROOT / module).read_text())
    skipped = set() if types_too else _for_types_only(tree)
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(module, node.level, node.module) if node.level else node.module or ""
            for alias in node.names:
                yield f"{source}.{alias.name}" if f"{source}.{alias.name}" in known() else source


def _for_types_only(tree: ast.AST) -> set[ast.AST]:
    """Return what stands below ``if TYPE_CHECKING``: it is never run."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            found.update(child for statement in node.body for child in ast.walk(statement))
    return found


def test_there_are_modules_to_look_at() -> None:
    assert len(modules()) > 40
    assert {Path(module).parts[0] for module in modules()} == set(WINGS)
    assert set(modules()) >= PURE
    assert set(modules()) >= COMPOSITION_ROOT


@pytest.mark.parametrize("module", [each for each in modules() if each not in COMPOSITION_ROOT])
def test_a_module_imports_its_own_wing_or_a_lower_one(module: str) -> None:
    mine = WINGS.index(Path(module).parts[0])
    ours = [name.split(".") for name in imports(module) if name.split(".")[0] == "nuphar" and name not in BELOW]
    above = [".".join(name) for name in ours if len(name) < 2 or name[1] not in WINGS[: mine + 1]]
    assert above == []


def room(module: str) -> int:
    """Return the place of ``module``'s room among those of its wing."""
    wing, _, rest = module.partition("/")
    rooms = ROOMS[wing]
    own = [each for each in rooms if rest.startswith(f"{each}/")]
    return rooms.index(max(own, key=len)) if own else len(rooms)


def test_a_module_imports_its_own_room_or_a_lower_one() -> None:
    paths = {dotted(module): module for module in modules()}
    found = set()
    for module in modules():
        for name in imports(module):
            other = paths.get(name)
            if other and other.split("/")[0] == module.split("/")[0] and room(other) > room(module):
                found.add((module, other))
    assert found == UPWARDS


def test_no_modules_import_each_other() -> None:
    """Not for types only, either: a circle of types is a circle of ideas."""
    paths = {dotted(module): module for module in every_module()}
    graph = {module: {paths[name] for name in imports(module) if name in paths} for module in every_module()}
    assert sorted(map(sorted, circles(graph))) == sorted(map(sorted, CIRCLES))


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of nodes that reach each other."""
    reached = {node: closure(graph, node) for node in graph}
    found = {frozenset({other for other in reached[node] if node in reached[other]}) for node in graph}
    return [set(each) for each in sorted(found, key=sorted) if each]


def closure(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return what can be reached from ``start``."""
    found: set[str] = set()
    todo = [*graph[start]]
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo.extend(graph[node])
    return found


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_imports_nothing_that_can_block(module: str) -> None:
    pure = {dotted(each) for each in PURE} | {"nuphar.transport", "nuphar.actors"}
    outside = [
        name
        for name in imports(module, types_too=False)
        if name not in pure and name.split(".")[0] not in PURE_MAY_IMPORT and (module, name) not in EXCEPTIONS
    ]
    assert outside == []


def test_no_exception_is_out_of_use() -> None:
    assert [(module, name) for module, name in EXCEPTIONS if name not in imports(module)] == []


@pytest.mark.parametrize("module", every_module())
def test_imports_within_the_package_are_relative(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text())
    froms = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert [name for name in [*froms, *plain] if name and name.split(".")[0] in ("nuphar", *WINGS)] == []


@pytest.mark.parametrize("module", every_module())
def test_a_module_fits_in_view(module: str) -> None:
    lines = (ROOT / module).read_text().count("\n")
    assert lines <= LONGEST, f"{module} has {lines} lines"


@pytest.mark.parametrize("module", every_module())
def test_a_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / module).read_text()))


def test_nothing_but_the_door_subclasses_pykka_s_actor() -> None:
    users = [module for module in modules() if "pykka.Actor)" in (ROOT / module).read_text()]
    assert [module for module in users if "(pykka.Actor)" in (ROOT / module).read_text()] == ["actors/runtime/door.py"]


def test_one_module_touches_pykka_s_private_names() -> None:
    private = [
        (module, name) for module in modules() for name in imports(module) if re.match(r"pykka(\.\w+)*\._", name)
    ]
    assert {module for module, _ in private} == {"actors/runtime/pykka_names.py"}


def has_doctests(module: str) -> bool:
    """Say whether ``module`` has any, without importing it."""
    return ">>>" in (ROOT / module).read_text()


@pytest.mark.parametrize("module", [each for each in every_module() if has_doctests(each)])
def test_the_examples_in_the_docstrings_are_true(module: str) -> None:
    results = doctest.testmod(importlib.import_module(dotted(module)), optionflags=doctest.ELLIPSIS)
    assert results.attempted > 0
    assert results.failed == 0
