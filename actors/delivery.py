"""A short address: what is here lives in ``nuphar.actors.words.delivery``."""

from .words.delivery import (
    ALL,
    All,
    Conflate,
    DropOldest,
    Latest,
    Rule,
    Sample,
    conflate,
    drop_oldest,
    latest,
    less,
    of,
    sample,
)

__all__ = [
    "ALL",
    "All",
    "Conflate",
    "DropOldest",
    "Latest",
    "Rule",
    "Sample",
    "conflate",
    "drop_oldest",
    "latest",
    "less",
    "of",
    "sample",
]
