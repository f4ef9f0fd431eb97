"""Random scenarios for a supervisor: what it is given, and what then happens to it. Pure, and the same for a seed.

A scenario is plain data, so that it can be recorded: the options of a supervisor, its children, and commands. What a
child does is scripted. ``starts`` is what its starts return, one after the other, the last one again and again: ``ok``,
``error`` or ``ignore``; ``error`` may carry a request, which reaches the supervisor while it tries to start this child,
so it is handled before the next try. ``answer`` is how it answers a shutdown.

With the strategy ``simple_one_for_one`` all children share a restart, a shutdown, a type and a significance.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any

STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")
RESTARTS = ("permanent", "transient", "temporary")
REASONS = ("normal", "shutdown", "detail", "abnormal", "killed")
IDS = "cabfdeg"  # not in the order of the alphabet: order has to come from the specs

TINY = 3
"""Milliseconds of the shutdown of a child that ignores it."""


@dataclass(frozen=True)
class Spec:
    """``shutdown``: milliseconds, ``brutal_kill`` or ``infinity``."""

    id: str
    restart: str = "permanent"
    shutdown: int | str = "infinity"
    significant: bool = False
    type: str = "worker"
    answer: str = "shutdown"
    starts: tuple[Any, ...] = ("ok",)


@dataclass(frozen=True)
class Scenario:
    """A command is a word and its argument: ``exit`` also takes a reason, ``start_child`` a `Spec`."""

    strategy: str = "one_for_one"
    intensity: int = 1
    auto_shutdown: str = "never"
    children: tuple[Spec, ...] = ()
    commands: tuple[tuple[Any, ...], ...] = ()
    template: Spec | None = None
    end: str = "shutdown"

    @property
    def is_simple(self) -> bool:
        return self.strategy == "simple_one_for_one"


def scenario(seed: int, number: int) -> Scenario:
    """Return scenario ``number`` of ``seed``."""
    return _Generator(random.Random(f"{seed}:{number}")).scenario()


def to_json(scenario: Scenario) -> dict[str, Any]:
    """Return ``scenario`` as JSON can hold it."""
    return asdict(scenario)


def from_json(data: dict[str, Any]) -> Scenario:
    """Return the scenario that `to_json` was given."""

    def start(item: Any) -> Any:
        return item if isinstance(item, str) else (item[0], command(item[1]))

    def spec(item: dict[str, Any]) -> Spec:
        return Spec(**{**item, "starts": tuple(start(each) for each in item["starts"])})

    def command(item: list[Any]) -> tuple[Any, ...]:
        return tuple(spec(each) if isinstance(each, dict) else each for each in item)

    return Scenario(
        **{
            **data,
            "children": tuple(spec(each) for each in data["children"]),
            "commands": tuple(command(each) for each in data["commands"]),
            "template": None if data["template"] is None else spec(data["template"]),
        }
    )


class _Generator:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._count = 0
        self._may_ignore = chance.random() < 0.08
        self._auto_shutdown = "never"
        self._template: Spec | None = None
        self._labels: list[str] = []

    def scenario(self) -> Scenario:
        chance = self._chance
        is_simple = chance.random() < 0.2
        self._auto_shutdown = chance.choice(("never", "never", "any_significant", "all_significant"))
        if is_simple:
            self._template = self._spec("template", may_fail=False)
        self._count = chance.randint(1, 6)
        children = () if is_simple else tuple(self._spec(id, is_first=True) for id in IDS[: self._count])
        if chance.random() < 0.005 and children:
            children += (children[0],)  # the same id twice
        commands = [self._start_child() for _ in range(chance.randint(1, 4))] if is_simple else []
        commands += [self._command() for _ in range(chance.randint(1, 8))]
        return Scenario(
            strategy="simple_one_for_one" if is_simple else chance.choice(STRATEGIES),
            intensity=chance.choice((0, 1, 2, 3, 5, 8)),
            auto_shutdown=self._auto_shutdown,
            children=children,
            commands=tuple(commands),
            template=self._template,
            end=chance.choice(("shutdown", "shutdown", "shutdown", "normal")),
        )

    def _spec(self, id: str, is_first: bool = False, may_fail: bool = True) -> Spec:
        chance = self._chance
        common = self._template
        if common is None:
            common = Spec(
                id,
                restart=chance.choice(RESTARTS),
                shutdown=chance.choice(("brutal_kill", 5000, "infinity", 5000, "infinity")),
                type=chance.choice(("worker", "worker", "worker", "supervisor")),
            )
            if self._auto_shutdown == "never" or common.restart == "permanent":
                is_significant = chance.random() < 0.003  # a mistake
            else:
                is_significant = chance.random() < 0.5
            answer = chance.choice(("shutdown",) * 6 + ("normal", "detail", "abnormal"))
            shutdown = common.shutdown
            if self._may_ignore and chance.random() < 0.4:
                answer = "never"
                shutdown = TINY if shutdown != "brutal_kill" else shutdown
            common = Spec(id, common.restart, shutdown, is_significant, common.type, answer)
        return Spec(
            id,
            common.restart,
            common.shutdown,
            common.significant,
            common.type,
            common.answer,
            self._starts(id, is_first) if may_fail else ("ok",),
        )

    def _starts(self, id: str, is_first: bool) -> tuple[Any, ...]:
        chance = self._chance
        if is_first and chance.random() < 0.95:
            first: Any = "ok"
        else:
            first = chance.choice(("ok", "ok", "ok", "error", "ignore"))
        starts: list[Any] = [first]
        for _ in range(chance.choice((0, 1, 2, 3, 4, 5))):
            how: Any = chance.choice(("ok", "ok", "error", "error", "ignore"))
            if self._template is not None and how == "ignore":
                how = "ok"  # OTP keeps a child without a pid then, which nobody can reach
            if how == "error" and chance.random() < 0.6:
                request = self._command(is_inner=True)
                # OTP then counts one child too few for ever: count_children says active -1.
                is_miscounted = self._template is not None and request == ("terminate_child", id)
                how = how if is_miscounted else (how, request)
            starts.append(how)
        if not isinstance(starts[-1], str):
            starts.append(chance.choice(("ok", "error")))  # what repeats must not ask to be started again
        return tuple(starts)

    def _command(self, is_inner: bool = False) -> tuple[Any, ...]:
        chance = self._chance
        id = chance.choice(IDS if chance.random() < 0.1 else IDS[: self._count])
        simple = self._template is not None
        if simple:  # its children have no ids, so these are labels of ours, each used once
            id = chance.choice(self._labels)
        words = ["terminate_child", "which_children", "count_children"]
        if not simple:
            words += ["terminate_child", "restart_child", "restart_child", "delete_child", "delete_child"]
        if not is_inner:
            words += ["start_child", "which_children"] + ["exit"] * 8
        elif not simple:
            words += ["start_child"]
        word = chance.choice(words)
        if word == "exit":
            return ("exit", id, chance.choice(REASONS))
        if word == "start_child":
            if is_inner:
                return ("start_child", Spec(id, restart=chance.choice(RESTARTS)))
            return self._start_child()
        return (word,) if word in ("which_children", "count_children") else (word, id)

    def _start_child(self) -> tuple[Any, ...]:
        if self._template is None:
            return ("start_child", self._spec(self._chance.choice(IDS)))
        self._labels.append(f"x{len(self._labels)}")
        return ("start_child", self._spec(self._labels[-1]))
