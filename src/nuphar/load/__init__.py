"""``nuphar load``: simulated clients over real WebSockets, which check that nobody ever loses or doubles a message.

`add_topics` gives a server of your own the topics that ``nuphar load --url`` talks to.
"""

from .model import add_topics

__all__ = ["add_topics"]
