"""The part of a server with which an application hears what happens on it."""

from __future__ import annotations

from typing import TypeVar

from ...actors.runtime.hooks import Hook, ServerHooks, check_hook

H = TypeVar("H", bound=Hook)


class Hooked:
    """Decorators that add to ``hooks``; each list is called in order, and what a hook raises hurts nobody."""

    hooks: ServerHooks

    def on_message(self, hook: H) -> H:
        """Decorate ``hook(message, model, client_id)``, called after a session message was applied."""
        self.hooks.message.append(check_hook(hook))
        return hook

    def on_topic_message(self, hook: H) -> H:
        """Decorate ``hook(message, topic_id, client_id)``, called for a client's topic message before it is applied."""
        self.hooks.topic_message.append(check_hook(hook))
        return hook

    def on_connect(self, hook: H) -> H:
        """Decorate ``hook(client_id)``, called after a client has connected."""
        self.hooks.connect.append(check_hook(hook))
        return hook

    def on_disconnect(self, hook: H) -> H:
        """Decorate ``hook(client_id)``, called once after a client has gone."""
        self.hooks.disconnect.append(check_hook(hook))
        return hook
