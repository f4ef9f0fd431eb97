"""Python's collector of cycles, told that what a server begins with is there for good."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def what_is_here_stays() -> Iterator[None]:
    """Keep the collector away from everything that there is now: modules, functions, the tree.

    A full collection stops the process while it looks at every object. Measured: 24 ms for an idle server's 38 MiB,
    nearly all of it modules; 3 ms when it is left out.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
