"""What type checkers take for a hook is what is taken at run time."""

from __future__ import annotations

from inspect import Parameter, signature
from itertools import combinations
from typing import Any, get_args

import pytest

from nuphar.actors.words import hook_types
from nuphar.actors.words.hook_types import CONTAINED, MADE, PARAMETERS

TYPES = {
    "on_message": hook_types.MessageHook,
    "on_topic_message": hook_types.TopicMessageHook,
    "on_connect": hook_types.ClientHook,
    "on_disconnect": hook_types.ClientHook,
    "can_subscribe": hook_types.SubscribeHook,
    "on_join": hook_types.MembershipHook,
    "on_leave": hook_types.MembershipHook,
    "on_end": hook_types.EndHook,
    "may_publish": hook_types.PublishHook,
}


def keywords(protocol: Any) -> list[str]:
    """Return what a protocol gives by name, and check that it gives nothing else."""
    given = list(signature(protocol.__call__).parameters.values())[1:]
    assert {each.kind for each in given} <= {Parameter.KEYWORD_ONLY}
    return [each.name for each in given]


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name != "identify"])  # of one value, by position
def test_a_hook_s_type_is_any_choice_of_its_parameters(name: str) -> None:
    """With a member goes what is not in it."""
    names = PARAMETERS[name]
    choices = [set(choice) for size in range(len(names) + 1) for choice in combinations(names, size)]
    choices = [choice for choice in choices if MADE not in choice or choice.isdisjoint(CONTAINED)]
    found = [set(keywords(each)) for each in get_args(TYPES[name])]
    assert len(found) == len(choices)
    assert [choice for choice in choices if choice not in found] == []
