"""A short address: what is here lives in ``nuphar.supervision.watch.live_tree``."""

from .watch.live_tree import Node, look

__all__ = ["Node", "look"]
