"""The options of a server: names, kinds and bounds."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

import pytest

from nuphar import Limits, Origins, UnknownOption, UsageError
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
        ("hook_timeout", 0.5),
        ("retry_after", 0),
        ("resume_window", 0),
        ("max_detached", 1),
        ("identity", None),
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
        ("hook_timeout", 0),
        ("retry_after", "soon"),
        ("retry_after", -1),
        ("retry_after", float("nan")),
        ("resume_window", -1),
        ("max_detached", 0),
        ("hub_guard", 0),
    ],
)
def test_an_option_of_the_wrong_kind_is_named(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"option {name}: expected"):
        Options.of({name: value})


def test_unknown_options_are_listed_with_the_known_ones() -> None:
    with pytest.raises(UnknownOption, match=r"unknown option \['historie', 'limit'\]; there are .*'history'"):
        Options.of({"limit": 1, "historie": 2})


def test_what_an_editor_completes_are_the_options_with_their_types() -> None:
    assert get_type_hints(ServerOptions) == get_type_hints(Options)
