"""The part of a server with which an application hears what happens on it."""

from __future__ import annotations

from typing import TypeVar

from ...actors.runtime.hooks import ServerHooks, check_hook
from ...actors.words.hook_types import ClientHook, MessageHook, TopicMessageHook

M = TypeVar("M", bound=MessageHook)
T = TypeVar("T", bound=TopicMessageHook)
C = TypeVar("C", bound=ClientHook)


class HookDecorators:
    """Decorators that add to ``hooks``; each list is called in order, and what a hook raises hurts nobody.

    Where it says so, a Refused is an answer, and the hooks behind are not called.

    A hook takes those of its parameters that it wants, by their names and in any order (docs/typing.md). Each raises
    UsageError for one that takes others.
    """

    hooks: ServerHooks

    def on_message(self, hook: M) -> M:
        """Decorate ``hook(message, model, member)``, called after a session message was applied."""
        self.hooks.message.append(check_hook("on_message", hook))
        return hook

    def on_topic_message(self, hook: T) -> T:
        """Decorate ``hook(message, member)``, called for a client's topic message before it is applied.

        A Refused that it raises is the client's answer, and the message is not applied.
        """
        self.hooks.topic_message.append(check_hook("on_topic_message", hook))
        return hook

    def on_connect(self, hook: C) -> C:
        """Decorate ``hook(member)``, called after a client has connected.

        A Refused that it raises ends the session: the client is told why, and closed with 4401 (``unauthorised``) or
        4403. It may have been served until then; `identify` says no before.
        """
        self.hooks.connect.append(check_hook("on_connect", hook))
        return hook

    def on_disconnect(self, hook: C) -> C:
        """Decorate ``hook(member)``, called once after a client has gone, also one that was refused."""
        self.hooks.disconnect.append(check_hook("on_disconnect", hook))
        return hook
