from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from nuphar.actors.words.errors import RemoteProtocolError, UnregisteredType, UsageError
from nuphar.transport.serialiser import serialiser as module
from nuphar.transport.serialiser.serialiser import Serialiser, automatic, custom, register


@pytest.fixture(autouse=True)
def _fresh_registrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_registered", module._Registered())


@dataclass(frozen=True)
class Move:
    x: float
    y: float


@dataclass(frozen=True)
class Stop:
    at: Move


def another_type_named_move() -> type:
    @dataclass(frozen=True)
    class Move:
        z: int

    return Move


def decoder_that_raises(error: Exception) -> Any:
    def decode(plain: Any) -> Any:
        raise error

    return custom(encode_message=str, decode_message=decode, encode_model=str, decode_model=decode)


def test_a_custom_serialiser_uses_the_four_functions() -> None:
    words = custom(
        encode_message=lambda message: f"message {message}",
        decode_message=lambda plain: plain.removeprefix("message "),
        encode_model=lambda model: f"model {model}",
        decode_model=lambda plain: plain.removeprefix("model "),
    )
    assert words.encode_message("a") == "message a"
    assert words.decode_message("message a") == "a"
    assert words.encode_model("b") == "model b"
    assert words.decode_model("model b") == "b"


def test_custom_takes_keywords_only() -> None:
    with pytest.raises(TypeError):
        custom(str, str, str, str)  # type: ignore[misc]


@pytest.mark.parametrize("error", [ValueError("the password is hunter2"), KeyError("x"), ZeroDivisionError()])
@pytest.mark.parametrize("what", ["message", "model"])
def test_an_error_in_a_custom_decoder_is_malformed_and_keeps_its_text_to_itself(what: str, error: Exception) -> None:
    words = decoder_that_raises(error)
    with pytest.raises(RemoteProtocolError) as caught:
        getattr(words, f"decode_{what}")({})
    assert caught.value.code == "malformed"
    assert str(caught.value) == f"the {what} was refused by its decoder ({type(error).__name__})"
    assert caught.value.__cause__ is error


def test_a_custom_decoder_may_raise_the_protocol_error_itself() -> None:
    error = RemoteProtocolError("expected a move", code="unknown_type")
    with pytest.raises(RemoteProtocolError) as caught:
        decoder_that_raises(error).decode_message({})
    assert caught.value is error


def test_messages_and_models_travel_alike() -> None:
    serialiser = automatic(Move)
    assert serialiser.encode_message(Move(1.0, 2.0)) == {"_": "Move", "0": 1.0, "1": 2.0}
    assert serialiser.encode_model(Move(1.0, 2.0)) == {"_": "Move", "0": 1.0, "1": 2.0}
    assert serialiser.decode_message({"_": "Move", "0": 1.0, "1": 2.0}) == Move(1.0, 2.0)
    assert serialiser.decode_model({"_": "Move", "0": 1.0, "1": 2.0}) == Move(1.0, 2.0)


def test_a_registered_type_reaches_the_serialisers_to_come() -> None:
    register(Move)
    assert automatic().encode_message(Move(1.0, 2.0)) == {"_": "Move", "0": 1.0, "1": 2.0}


def test_a_registered_type_reaches_the_serialisers_already_made() -> None:
    serialiser = automatic()
    register(Stop)
    stop = Stop(Move(1.0, 2.0))
    assert serialiser.decode_message(serialiser.encode_message(stop)) == stop


def test_a_registered_type_reaches_a_function_taken_from_a_serialiser() -> None:
    encode = automatic().encode_message
    register(Move)
    assert encode(Move(1.0, 2.0)) == {"_": "Move", "0": 1.0, "1": 2.0}


def test_a_type_given_to_one_serialiser_is_unknown_to_the_others() -> None:
    kept = automatic(Move)
    with pytest.raises(UnregisteredType):
        automatic().encode_message(Move(1.0, 2.0))
    assert kept.encode_message(3) == 3


def test_registering_a_type_twice_changes_nothing() -> None:
    register(Move)
    register(Move)
    assert automatic(Move).encode_message(Move(1.0, 2.0))["_"] == "Move"


def test_two_registered_types_with_one_name_are_refused_with_both_modules() -> None:
    register(Move)
    with pytest.raises(UsageError, match=r"named Move: .*test_serialiser\.Move and .*<locals>\.Move"):
        register(another_type_named_move())


def test_a_registered_type_and_a_given_one_with_one_name_are_refused() -> None:
    register(Move)
    with pytest.raises(UsageError, match="two types are named Move"):
        automatic(another_type_named_move())


def test_a_type_that_an_existing_serialiser_cannot_take_is_registered_nowhere() -> None:
    holder = automatic(Move)
    other = automatic()
    clash = another_type_named_move()
    with pytest.raises(UsageError, match="two types are named Move"):
        register(clash)
    with pytest.raises(UnregisteredType):
        other.encode_message(clash(1))
    with pytest.raises(UnregisteredType):
        automatic().encode_message(clash(1))
    assert holder.encode_message(Move(1.0, 2.0))["_"] == "Move"


def test_a_serialiser_that_nobody_holds_does_not_object() -> None:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        cycle: list[Any] = [automatic(Move)]
        cycle.append(cycle)
        del cycle
        clash = another_type_named_move()
        register(clash)
    finally:
        if was_enabled:
            gc.enable()
    assert automatic().encode_message(clash(1)) == {"_": "Move", "0": 1}


def test_types_registered_from_several_threads_are_all_known() -> None:
    def make(index: int) -> type:
        return dataclass(frozen=True)(type(f"Kind{index}", (), {"__annotations__": {"n": int}}))

    kinds = [make(index) for index in range(24)]
    serialiser = automatic(Move)
    start = threading.Barrier(4)

    def register_some(part: list[type]) -> None:
        start.wait(5)
        for kind in part:
            register(kind)
            assert serialiser.decode_message({"_": kind.__name__, "0": 1}) == kind(1)

    threads = [threading.Thread(target=register_some, args=(kinds[index::4],)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [serialiser.decode_message(serialiser.encode_message(kind(7))) for kind in kinds] == [
        kind(7) for kind in kinds
    ]


@pytest.mark.parametrize(
    "serialiser", [automatic(Stop), custom(encode_message=str, decode_message=int, encode_model=str, decode_model=int)]
)
def test_a_decoder_of_an_annotation_is_strict_and_needs_no_registered_type(serialiser: Serialiser) -> None:
    decode = serialiser.decoder(list[Move])
    assert decode([{"_": "Move", "0": 1.5, "1": 2}]) == [Move(1.5, 2.0)]
    with pytest.raises(RemoteProtocolError, match=r"\[0\]: expected Move, got"):
        decode([5])
    with pytest.raises(RemoteProtocolError, match="expected list, got"):
        decode({"_": "Move", "0": 1.5, "1": 2.0})
    assert serialiser.decoder(int | None)(None) is None


def test_a_decoder_of_what_cannot_be_carried_is_refused_when_it_is_made() -> None:
    with pytest.raises(UsageError, match="cannot be carried"):
        automatic().decoder(Callable[[], int])
