"""The types that generic classes are generic over. Pure.

Each stands for any type until something says more, so ``Store`` without brackets is ``Store[Any, Any]``. Type checkers
bring the default of a type variable (PEP 696) with them; Python has it from 3.13 on, and does not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Model = TypeVar("Model", default=Any)
    Message = TypeVar("Message", default=Any)
    Message_contra = TypeVar("Message_contra", default=Any, contravariant=True)
    NewModel = TypeVar("NewModel", default=Any)
    NewMessage = TypeVar("NewMessage", default=Any)
    Value = TypeVar("Value", default=Any)
    Answer = TypeVar("Answer", default=Any)
    Answer_co = TypeVar("Answer_co", default=Any, covariant=True)
else:
    from typing import TypeVar

    Model = TypeVar("Model")
    Message = TypeVar("Message")
    Message_contra = TypeVar("Message_contra", contravariant=True)
    NewModel = TypeVar("NewModel")
    NewMessage = TypeVar("NewMessage")
    Value = TypeVar("Value")
    Answer = TypeVar("Answer")
    Answer_co = TypeVar("Answer_co", covariant=True)
