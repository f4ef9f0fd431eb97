"""The names of targets."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nuphar.actors.words.target_names import fault_of_id, fault_of_target, topic_target


@pytest.mark.parametrize("target", ["session", "tree", "topic:t", "page:home", "topic:room:7", "topic:é", "topic:a b"])
def test_a_well_formed_target_has_no_fault(target: str) -> None:
    assert fault_of_target(target) is None


@pytest.mark.parametrize("target", ["", "topic", "topics:t", "Session", "session:", "room:7", " session"])
def test_what_is_no_target_says_what_was_expected(target: str) -> None:
    assert (fault_of_target(target) or "").startswith("expected session, topic:<id>, page:<name> or tree")


@pytest.mark.parametrize(
    ("topic_id", "fault"),
    [
        ("", "expected 1 to 255 bytes, got 0"),
        ("x" * 255, None),
        ("x" * 256, "expected 1 to 255 bytes, got 256"),
        ("é" * 127, None),
        ("é" * 128, "expected 1 to 255 bytes, got 256"),
        ("a\x00", "control characters are not allowed"),
        ("a\n", "control characters are not allowed"),
        ("a\x7f", "control characters are not allowed"),
        ("a\x85", "control characters are not allowed"),
        ("e\u0301", "expected Unicode normal form C"),
        ("\ud800", "expected UTF-8, got a lone surrogate"),
    ],
)
def test_the_bounds_of_an_id(topic_id: str, fault: str | None) -> None:
    assert fault_of_id(topic_id) == fault


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60))
def test_any_text_in_normal_form_is_an_id(text: str) -> None:
    topic_id = normalize("NFC", text)
    if len(topic_id.encode()) <= 255:
        assert fault_of_id(topic_id) is None
        assert fault_of_target(topic_target(topic_id)) is None
