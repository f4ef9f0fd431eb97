"""The options of a server: names, kinds and bounds."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from nuphar import Limits, Origins, Server, UnknownOption, UsageError
from nuphar.supervision.root.options import Options, ServerOptions


def test_every_option_has_a_default_that_passes() -> None:
    options = Options.of({})
    assert Options.of({field.name: getattr(options, field.name) for field in dataclasses.fields(options)}) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("origins", Origins.any()),
        ("limits", Limits(hello=1.0)),
        ("history", 5),
        ("max_topics", 1),
        ("max_subscriptions", 1),
        ("mailbox", 1),
        ("log_timeout", 0.5),
        ("hook_timeout", 0.5),
        ("retry_after", 0),
        ("resume_window", 0),
        ("max_detached", 1),
        ("identify", None),
        ("hub_guard", None),
    ],
)
def test_a_given_option_is_taken(name: str, value: Any) -> None:
    assert getattr(Options.of({name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("origins", ["https://a.example"]),
        ("limits", {"hello": 1.0}),
        ("history", 0),
        ("history", -1),
        ("history", True),
        ("max_topics", "many"),
        ("max_subscriptions", None),
        ("mailbox", 0),
        ("log_timeout", 0),
        ("hook_timeout", 0),
        ("retry_after", "soon"),
        ("retry_after", -1),
        ("retry_after", float("nan")),
        ("resume_window", -1),
        ("max_detached", 0),
        ("hub_guard", 0),
        ("inspect", 5),
        ("inspect", b"127.0.0.1:0"),
        ("debug", 1),
    ],
)
def test_an_option_of_the_wrong_kind_is_named(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"option {name}: expected"):
        Options.of({name: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), True, "1", b"1", [1], 1j, -1])
@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Options)])
def test_nothing_that_is_no_finite_number_passes_for_one(name: str, value: Any) -> None:
    if (name, value) in (("topic_window", float("inf")), ("inspect", "1"), ("debug", True)):
        assert Options.of({name: value}) is not None
        return
    with pytest.raises(UsageError, match=rf"(option )?{name}: expected .*, got {re.escape(repr(value))}"):
        Options.of({name: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0, -1, True, "1", None])
@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
def test_a_limit_is_a_finite_number_above_zero(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"limit '{name}': expected .* above 0, got {value!r}"):
        Limits(**{name: value})


def test_the_size_of_a_message_is_whole() -> None:
    with pytest.raises(UsageError, match=r"limit 'message': expected bytes as an integer above 0, got 1\.5"):
        Limits(message=1.5)  # type: ignore[arg-type]


def test_unknown_options_are_listed_with_the_known_ones() -> None:
    with pytest.raises(UnknownOption, match=r"unknown option \['historie', 'limit'\]; there are .*'history'"):
        Options.of({"limit": 1, "historie": 2})


def test_what_an_editor_completes_are_the_options_with_their_types() -> None:
    assert get_type_hints(ServerOptions) == get_type_hints(Options)


def test_the_option_that_identify_took_the_place_of_is_named(make_server: Callable[..., Server]) -> None:
    with pytest.raises(UsageError, match=r"^option identity: expected identify, which takes its place"):
        make_server(identity=lambda environ: "ada")
