"""docs/server.md has every option of a server, a topic and a kind, and every hook, as they are in the code."""

from __future__ import annotations

import dataclasses
import re
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from nuphar import KindHandle, Member, Server, TopicHandle
from nuphar.actors.words.hook_types import PARAMETERS
from nuphar.supervision.root.hook_decorators import HookDecorators
from nuphar.supervision.root.options import Options

PAGE = (Path(__file__).parents[1] / "docs" / "server.md").read_text()


def table(head: str) -> dict[str, list[str]]:
    """Return the rows of the table that begins with ``head``, by the first name in their first cell."""
    rows = PAGE.split(f"| {head} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {re.findall(r"`(\w+)`", first)[0]: rest for first, *rest in cells}


def tables_of_options() -> list[dict[str, list[str]]]:
    """Return both: that of topics and kinds, and that of the server."""
    found = []
    for part in PAGE.split("\n## ")[1:]:
        if "| option | default | is |" in part:
            rows = part.split("| option | default | is |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
            cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
            found.append({re.findall(r"`(\w+)`", first)[0]: [first, *rest] for first, *rest in cells})
    return found


def test_every_option_of_a_server_is_there_and_no_other() -> None:
    [_, of_server] = tables_of_options()
    assert sorted(of_server) == sorted(field.name for field in dataclasses.fields(Options))


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Options)])
def test_a_number_that_is_the_default_is_the_one_that_is_said(name: str) -> None:
    default: Any = getattr(Options(), name)
    said = tables_of_options()[1][name][1]
    if isinstance(default, bool) or not isinstance(default, int | float):
        assert not re.match(r"\d", said)
        return
    number, _, unit = said.replace(",", "").partition(" ")
    assert float(number) * {"": 1, "s": 1, "MiB": 1 << 20}[unit] == default


def test_every_option_of_topics_and_kinds_is_there_and_no_other() -> None:
    [of_topics, _] = tables_of_options()
    topic = set(signature(Server.topic).parameters) - {"self", "topic_id"}
    kind = set(signature(Server.topic_kind).parameters) - {"self", "prefix"}
    assert topic < kind
    assert set(of_topics) == kind
    assert {name for name, cells in of_topics.items() if "(kind)" not in cells[0]} == topic


def test_every_hook_is_there_with_what_it_may_take() -> None:
    rows = table("hook | may take | is called")
    assert {name: tuple(re.findall(r"`(\w+)`", cells[0])) for name, cells in rows.items()} == PARAMETERS


def test_every_hook_that_can_be_registered_is_one_of_them() -> None:
    decorators = {
        name
        for holder in (HookDecorators, TopicHandle, KindHandle)
        for name, made in vars(holder).items()
        if callable(made) and (name.startswith("on_") or name in ("can_subscribe", "may_publish"))
    }
    assert decorators | {"identify"} == set(PARAMETERS)


def test_every_field_of_a_member_is_there() -> None:
    rows = PAGE.split("| field | is |", 1)[1].split("\n\n", 1)[0]
    said = {name for row in rows.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert said == {*Member._fields, "user", "roles"}
