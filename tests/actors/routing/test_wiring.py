"""How one shared model is split into slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar import Slice, UsageError, Wiring
from nuphar.actors.routing.wiring import longest_prefix


@dataclass(frozen=True)
class Model:
    draft: str = "d"
    chat: tuple[str, ...] = ("c",)


def replace(model: Any, message: Any) -> Any:
    return message


def test_without_a_session_slice_the_session_has_the_whole_model_and_no_message_changes_it() -> None:
    store = Wiring().session_store(Model())
    assert store.model == Model()
    assert store.update(store.model, "x") is store.model


def test_a_session_slice_is_a_field_of_the_model() -> None:
    store = Wiring(session=Slice(replace, field="draft")).session_store(Model())
    assert store.model == "d"
    assert store.update("d", "e") == "e"


@pytest.mark.parametrize("model", [Model(), {"chat": ("c",)}])
def test_a_topic_s_slice_is_a_field_or_a_key(model: Any) -> None:
    assert Wiring(topics={"chat": Slice(replace, field="chat")}).topic_store("chat", model).model == ("c",)


def test_a_kind_s_slice_is_begun_for_each_key() -> None:
    wiring = Wiring(kinds={"room:": Slice(replace, initial=lambda key: [key])})
    assert wiring.topic_store("room:7", None, 7).model == [7]
    assert wiring.topic_store("room:7", None).model == ["7"]


def test_a_fixed_topic_goes_before_a_kind() -> None:
    wiring = Wiring(
        topics={"room:7": Slice(replace, initial=lambda key: "fixed")},
        kinds={"room:": Slice(replace, initial=lambda key: "kind")},
    )
    assert wiring.topic_store("room:7", None).model == "fixed"
    assert wiring.topic_store("room:8", None).model == "kind"


def test_the_longest_prefix_wins() -> None:
    assert longest_prefix({"a:": 1, "a:b:": 2, "b:": 3}, "a:b:c") == "a:b:"
    assert longest_prefix({"a:": 1, "a:b:": 2}, "a:b:") == "a:"
    assert longest_prefix({"a:": 1}, "a:") is None
    assert longest_prefix({}, "a") is None


@given(st.lists(st.text("ab:", min_size=1, max_size=4)), st.text("ab:", max_size=6))
def test_no_longer_prefix_fits_than_the_one_that_is_found(prefixes: list[str], topic_id: str) -> None:
    found = longest_prefix(dict.fromkeys(prefixes), topic_id)
    fitting = [each for each in prefixes if topic_id != each and topic_id.startswith(each)]
    assert (found or "") == max(fitting, key=len, default="")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Wiring(session=replace),  # type: ignore[arg-type]
        lambda: Wiring(topics={"chat": replace}),  # type: ignore[dict-item]
        lambda: Wiring(kinds={"room:": 5}),  # type: ignore[dict-item]
    ],
)
def test_a_slice_is_a_slice(make: Any) -> None:
    with pytest.raises(UsageError, match="expected a Slice"):
        make()


def test_a_field_that_does_not_exist_is_named() -> None:
    with pytest.raises(UsageError, match="the initial model Model has no field 'chap'"):
        Wiring(topics={"t": Slice(replace, field="chap")}).topic_store("t", Model())
    with pytest.raises(UsageError, match="the initial model dict has no field 'chap'"):
        Wiring(session=Slice(replace, field="chap")).session_store({"chat": 1})


def test_what_is_not_wired_says_what_is() -> None:
    wiring = Wiring(topics={"a": Slice(replace)}, kinds={"room:": Slice(replace)})
    with pytest.raises(UsageError, match=r"nothing is wired for topic 'b'; wired are \['a', 'room:…'\]"):
        wiring.topic_store("b", None)
    with pytest.raises(UsageError, match=r"nothing is wired for the topic kind 'b:'; wired are \['room:'\]"):
        wiring.kind_slice("b:")
