"""The page applies messages as the server does: random messages through both, and the models are the same."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nuphar
from nuphar.demo import board, make_server, people

SERIALISER = make_server().codec.serialiser
IDS = st.sampled_from(["window", "ducks", "lemonade", "cake", "new", "newer", "", "x" * 41])
COLUMNS = st.sampled_from(["dreams", "plans", "packed", "nowhere"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(
    ["x" * 280, "x" * 281, "\N{DUCK}" * 280, "\N{DUCK}" * 281, "\N{DUCK}" * 24, "\N{DUCK}" * 25]
)
TINTS = st.integers(-1, 8)
BOARD_MESSAGES = st.one_of(
    st.builds(board.Add, IDS, COLUMNS, TEXTS, TINTS),
    st.builds(board.Edit, IDS, TEXTS),
    st.builds(board.Move, IDS, COLUMNS, st.none() | IDS),
    st.builds(board.Heart, IDS),
    st.builds(board.Delete, IDS),
    st.just(people.Leave("a")),
)
CLIENTS = st.sampled_from("abc")
PEOPLE_MESSAGES = st.one_of(
    st.builds(people.Arrive, CLIENTS),
    st.builds(people.Introduce, CLIENTS, TEXTS, TINTS),
    st.builds(people.Leave, CLIENTS),
    st.just(board.Delete("cake")),
)


class Page:
    """The page's update functions in node, in step with Python's."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, topic: str, model: Any, message: Any) -> Any:
        """Return the page's model after the message, as plain data; None if it refuses."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        plain = {"model": SERIALISER.encode_model(model), "message": SERIALISER.encode_message(message)}
        self._process.stdin.write(json.dumps({"topic": topic, **plain}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline()).get("model")

    def compare(self, topic: str, store: nuphar.Store, messages: list[Any]) -> Any:
        """Apply the messages here and there, and return the last model."""
        model = store.model
        for message in messages:
            try:
                after = store.update(model, message)
            except ValueError:
                assert self.ask(topic, model, message) is None
            else:
                assert self.ask(topic, model, message) == plain(after)
                model = after
        return model


def plain(value: Any) -> Any:
    """Write a model as the page holds it."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"_": type(value).__name__, **fields}
    return value


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    here = tmp_path_factory.mktemp("page")
    (here / "package.json").write_text('{"type": "module"}')  # the page's scripts are modules, to node as well
    for folder in ("nuphar.demo", "page"), ("nuphar.transport", "js/dist"):
        with as_file(files(folder[0]).joinpath(folder[1])) as path:
            for script in path.glob("*.js"):
                shutil.copy(script, here)
    replay = Path(__file__).with_name("replay.mjs")
    command = [node, str(replay), here.as_uri(), here.as_uri()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Page(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


@given(st.lists(BOARD_MESSAGES, max_size=12))
def test_board_messages_make_the_same_board_on_the_page(page: Page, messages: list[Any]) -> None:
    page.compare("board", nuphar.Store(board.FIRST_BOARD, board.update), messages)


@given(st.lists(PEOPLE_MESSAGES, max_size=12))
def test_people_messages_make_the_same_people_on_the_page(page: Page, messages: list[Any]) -> None:
    page.compare("people", nuphar.Store(people.People(), people.update), messages)


def test_the_page_counts_a_full_board_as_the_server_does(page: Page) -> None:
    adds = [board.Add(f"card {n}", "plans", "x", 0) for n in range(board.CARDS)]
    full = page.compare("board", nuphar.Store(board.FIRST_BOARD, board.update), adds)
    assert sum(len(column.cards) for column in full.columns) == board.CARDS


def test_the_page_counts_a_full_house_as_the_server_does(page: Page) -> None:
    crowd = people.People(tuple(people.Person(str(n), "", 0) for n in range(people.PEOPLE - 1)))
    arrivals: list[Any] = [people.Arrive("last"), people.Arrive("one more")]
    assert len(page.compare("people", nuphar.Store(crowd, people.update), arrivals).people) == people.PEOPLE
