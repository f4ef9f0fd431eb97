"""What a hook of a server may take, for type checkers: some of the parameters of its kind, by name, in any order. Pure.

Each protocol is one choice of parameters, and each hook's type is the union of them all: so a function that takes less
fits, and one that takes something else does not. At run time `nuphar.actors.words.parameters` does the same. Whoever
takes a ``member`` needs no ``client_id`` and no ``topic_id`` beside it, so there are no types for all three: each
parameter that a member makes superfluous would double the choices.
"""

from __future__ import annotations

from typing import Any, Protocol

from .member import Member

PARAMETERS = {
    "on_message": ("message", "model", "client_id", "member"),
    "on_topic_message": ("message", "topic_id", "client_id", "member"),
    "on_connect": ("client_id", "member"),
    "on_disconnect": ("client_id", "member"),
    "can_subscribe": ("client_id", "topic_id", "session_model", "member"),
    "on_join": ("client_id", "topic_id", "member"),
    "on_leave": ("client_id", "topic_id", "member"),
    "may_publish": ("message", "member"),
    "on_end": ("topic_id", "model"),
    "identify": ("request",),
}
"""What each hook may take, in the order in which it is called."""

MADE = "member"
"""The parameter whose value, a `Member`, is only made for a hook that takes it."""

CONTAINED = ("client_id", "topic_id")
"""What a member has in it: type checkers take these or a member, as all choices of both would be too many."""


class HearsNothing(Protocol):
    def __call__(self) -> object: ...


class HearsMessage(Protocol):
    def __call__(self, *, message: Any) -> object: ...


class HearsModel(Protocol):
    def __call__(self, *, model: Any) -> object: ...


class HearsClient(Protocol):
    def __call__(self, *, client_id: str) -> object: ...


class HearsMessageModel(Protocol):
    def __call__(self, *, message: Any, model: Any) -> object: ...


class HearsMessageClient(Protocol):
    def __call__(self, *, message: Any, client_id: str) -> object: ...


class HearsModelClient(Protocol):
    def __call__(self, *, model: Any, client_id: str) -> object: ...


class HearsMessageModelClient(Protocol):
    def __call__(self, *, message: Any, model: Any, client_id: str) -> object: ...


class HearsTopic(Protocol):
    def __call__(self, *, topic_id: str) -> object: ...


class HearsMessageTopic(Protocol):
    def __call__(self, *, message: Any, topic_id: str) -> object: ...


class HearsTopicClient(Protocol):
    def __call__(self, *, topic_id: str, client_id: str) -> object: ...


class HearsMessageTopicClient(Protocol):
    def __call__(self, *, message: Any, topic_id: str, client_id: str) -> object: ...


class HearsTopicModel(Protocol):
    def __call__(self, *, topic_id: str, model: Any) -> object: ...


class HearsMember(Protocol):
    def __call__(self, *, member: Member) -> object: ...


class HearsMessageMember(Protocol):
    def __call__(self, *, message: Any, member: Member) -> object: ...


class HearsModelMember(Protocol):
    def __call__(self, *, model: Any, member: Member) -> object: ...


class HearsMessageModelMember(Protocol):
    def __call__(self, *, message: Any, model: Any, member: Member) -> object: ...


class JudgesNothing(Protocol):
    def __call__(self) -> bool: ...


class JudgesClient(Protocol):
    def __call__(self, *, client_id: str) -> bool: ...


class JudgesTopic(Protocol):
    def __call__(self, *, topic_id: str) -> bool: ...


class JudgesSessionModel(Protocol):
    def __call__(self, *, session_model: Any) -> bool: ...


class JudgesClientTopic(Protocol):
    def __call__(self, *, client_id: str, topic_id: str) -> bool: ...


class JudgesClientSessionModel(Protocol):
    def __call__(self, *, client_id: str, session_model: Any) -> bool: ...


class JudgesTopicSessionModel(Protocol):
    def __call__(self, *, topic_id: str, session_model: Any) -> bool: ...


class JudgesClientTopicSessionModel(Protocol):
    def __call__(self, *, client_id: str, topic_id: str, session_model: Any) -> bool: ...


class JudgesMember(Protocol):
    def __call__(self, *, member: Member) -> bool: ...


class JudgesSessionModelMember(Protocol):
    def __call__(self, *, session_model: Any, member: Member) -> bool: ...


class JudgesMessage(Protocol):
    def __call__(self, *, message: Any) -> bool: ...


class JudgesMessageMember(Protocol):
    def __call__(self, *, message: Any, member: Member) -> bool: ...


class TellsNothing(Protocol):
    def __call__(self) -> list[Any] | tuple[Any, ...] | None: ...


class TellsClient(Protocol):
    def __call__(self, *, client_id: str) -> list[Any] | tuple[Any, ...] | None: ...


class TellsTopic(Protocol):
    def __call__(self, *, topic_id: str) -> list[Any] | tuple[Any, ...] | None: ...


class TellsClientTopic(Protocol):
    def __call__(self, *, client_id: str, topic_id: str) -> list[Any] | tuple[Any, ...] | None: ...


class TellsMember(Protocol):
    def __call__(self, *, member: Member) -> list[Any] | tuple[Any, ...] | None: ...


MessageHook = (
    HearsNothing
    | HearsMessage
    | HearsModel
    | HearsClient
    | HearsMessageModel
    | HearsMessageClient
    | HearsModelClient
    | HearsMessageModelClient
    | HearsMember
    | HearsMessageMember
    | HearsModelMember
    | HearsMessageModelMember
)
"""``on_message``: after a message was applied to a client's own store; ``model`` is the new one."""

TopicMessageHook = (
    HearsNothing
    | HearsMessage
    | HearsTopic
    | HearsClient
    | HearsMessageTopic
    | HearsMessageClient
    | HearsTopicClient
    | HearsMessageTopicClient
    | HearsMember
    | HearsMessageMember
)
"""``on_topic_message``: before a client's message to a topic is applied."""

ClientHook = HearsNothing | HearsClient | HearsMember
"""``on_connect`` and ``on_disconnect``."""

EndHook = HearsNothing | HearsTopic | HearsModel | HearsTopicModel
"""``on_end``: before a topic of a kind ends that nobody uses."""

SubscribeHook = (
    JudgesNothing
    | JudgesClient
    | JudgesTopic
    | JudgesSessionModel
    | JudgesClientTopic
    | JudgesClientSessionModel
    | JudgesTopicSessionModel
    | JudgesClientTopicSessionModel
    | JudgesMember
    | JudgesSessionModelMember
)
"""``can_subscribe``: may this client, with this model of its own store?"""

PublishHook = JudgesNothing | JudgesMessage | JudgesMember | JudgesMessageMember
"""``may_publish``: may this client write this message?"""

MembershipHook = TellsNothing | TellsClient | TellsTopic | TellsClientTopic | TellsMember
"""``on_join`` and ``on_leave``; they return messages for the topic, or None."""
