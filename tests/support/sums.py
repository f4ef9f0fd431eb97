"""A third kind of targets, as small as one can be: what a kind has to say that is neither topics nor own stores."""

from __future__ import annotations

from typing import Any

from nuphar import Refused, Server, Store
from nuphar.actors.runtime.mailbox import Mailbox
from nuphar.actors.sessions.kinds import Call, TargetKind
from nuphar.actors.sessions.membership_table import Grant
from nuphar.actors.sessions.messages import Request, Verdict
from nuphar.actors.targets.messages import Join
from nuphar.actors.targets.target import Target


def add(model: int, message: int) -> int:
    return model + message


class Sums(TargetKind):
    """``page:<name>``: a sum for whoever asks for it, but not for ``page:secret``; ``page:add`` is a call."""

    def __init__(self, server: Server) -> None:
        self._books = server.books
        self._mailboxes: dict[str, Mailbox] = {}
        self._numbers = server.codec.decoder(list[int])
        self.secrets = {"page:secret"}

    def judge(self, request: Request, hint: Any = None) -> Verdict | None:
        if request.target in self.secrets:
            return Verdict(request, "denied", "it is a secret")
        return Verdict(request)

    def open(self, verdict: Verdict) -> Grant | None:
        request, books = verdict.request, self._books
        if request.target not in self._mailboxes:
            mailbox = self._mailboxes[request.target] = Mailbox(naps=True, host=books.host)
            order = books.log.open(request.target, Store(0, add))
            books.host_target(Target(request.target, books.codec, order), mailbox)
        join = Join(request.session, request.ref, request.since, ())
        return Grant(self._mailboxes[request.target], join, request.leaves, request.trusted)

    def locate(self, session: Any, target: str) -> Mailbox | None:
        return self._mailboxes.get(target)

    def call(self, session: Any, call: Call) -> None:
        if call.name != "page:add":
            raise Refused("not_found", f"there is no call {call.name!r}")
        session.reply(call.ref, self._books.codec.encode_message(sum(self._numbers(call.arguments))))

    def reconsider(self, session: Any) -> list[str]:
        return [target for target in session.memberships if target in self._mailboxes]
