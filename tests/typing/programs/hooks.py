"""A hook takes those of its parameters that it wants, by their names and in any order."""

from dataclasses import dataclass
from typing import Any

import nuphar


@dataclass(frozen=True)
class Line:
    text: str


@dataclass(frozen=True)
class Model:
    lines: tuple[Line, ...] = ()


class Hearer:
    def hear(self, client_id: str) -> None: ...

    def hear_wrongly(self, client: str) -> None: ...


hearer = Hearer()
server = nuphar.Server(Model())


@server.on_message
def all_three(message: Line, model: Model, client_id: str) -> None: ...


@server.on_message
def another_order(client_id: str, message: Line) -> None: ...


@server.on_message
def with_a_default(message: Line, log: str = "log") -> None: ...


@server.on_message
def nothing() -> None: ...


@server.on_message
def by_keyword(*, model: Model) -> None: ...


@server.on_message
def the_rest(**rest: Any) -> None: ...


all_three(Line(""), Model(), client_id="c")
all_three(5, Model(), client_id="c")  # refused


@server.on_message  # refused
def another_name(text: Line) -> None: ...


@server.on_message  # refused
def one_more(message: Line, model: Model, client_id: str, topic_id: str) -> None: ...


@server.on_message  # refused
def another_type(client_id: int) -> None: ...


server.on_message(lambda message, client_id: (client_id, message))
server.on_message(lambda *_: None)
server.on_message(lambda text: None)  # refused
server.on_message(5)  # refused
server.on_topic_message(lambda message, topic_id: (topic_id, message))
server.on_topic_message(lambda model: None)  # refused
server.on_connect(hearer.hear)
server.on_connect(hearer.hear_wrongly)  # refused
server.on_disconnect(lambda client_id: None)
server.on_disconnect(lambda client_id, topic_id: None)  # refused

topic = server.topic("chat")


@topic.can_subscribe
def may(client_id: str, session_model: Model) -> bool:
    return bool(session_model.lines)


@topic.can_subscribe  # refused
def says_nothing(client_id: str) -> None: ...


@topic.can_subscribe  # refused
def another_model(model: Model) -> bool:
    return True


@topic.on_join
def came(client_id: str, topic_id: str) -> list[Line]:
    return [Line(f"{client_id} came to {topic_id}")]


@topic.on_leave
def left(client_id: str) -> None: ...


@topic.on_join  # refused
def one_message(client_id: str) -> Line:
    return Line(client_id)


def keep(topic_id: str, model: Model) -> None: ...


def keep_wrongly(topic: str, model: Model) -> None: ...


@topic.can_subscribe
def may_be(member: nuphar.Member, session_model: Model) -> bool:
    return "staff" in member.roles and member.key is None and bool(session_model.lines)


@topic.can_subscribe  # refused
def may_be_wrongly(member: str) -> bool:
    return bool(member)


@topic.on_join
def came_as(member: nuphar.Member) -> list[Line]:
    return [Line(f"{member.user} came to {member.topic_id}")]


@server.on_message
def heard_of(member: nuphar.Member, message: Line, model: Model) -> None: ...


@server.on_topic_message
def heard_there(message: Line, member: nuphar.Member) -> None: ...


@server.on_topic_message  # refused
def heard_wrongly(message: Line, member: nuphar.Member, model: Model) -> None: ...


server.on_connect(lambda member: member.user)
server.on_disconnect(lambda member: member.key)
server.on_disconnect(lambda members: None)  # refused

rooms = server.topic_kind("room:", can_subscribe=may, on_join=came, on_leave=left, on_end=keep)
rooms.on_end(keep)
rooms.on_end(lambda model: None)
rooms.on_end(keep_wrongly)  # refused
server.topic_kind("room:", on_end=keep_wrongly)  # refused
server.topic_kind("room:", on_join=keep)  # refused


def who(request: nuphar.ConnectRequest) -> nuphar.Identity | None:
    user = request.cookies.get("user")
    return None if user is None else nuphar.Identity(user, roles=("staff",))


def who_wrongly(request: nuphar.ConnectRequest) -> str:
    return request.cookies["user"]


nuphar.Server(identify=who)
nuphar.Server(identify=lambda connecting: nuphar.Identity("ada"))
nuphar.Server(identify=lambda: None)
nuphar.Server(identify=nuphar.transport.identify.signed_token("a secret", max_age=60))
nuphar.Server(identify=nuphar.transport.identify.required(who))
nuphar.Server(identify=nuphar.transport.identify.required)  # refused
nuphar.transport.identify.signed_token("a secret", maximum=60)  # refused
nuphar.Server(identify=who_wrongly)  # refused
nuphar.Server(identify=lambda request: 5)  # refused
nuphar.Server(identity=who)  # refused
