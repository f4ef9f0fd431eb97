"""For the tests of programs that use Nuphar: a client and a server in one process, without a socket between them.

>>> import nuphar
>>> from nuphar.testing import MemoryConnector
>>> counter = nuphar.Store(0, lambda count, message: count + message)
>>> with nuphar.Server() as server:
...     topic = server.topic("counter").with_store(counter)
...     line = MemoryConnector(server)
...     with nuphar.Client(line, stores={"counter": counter}) as client:
...         seq = client.wait_live().dispatch("counter", 5).get(timeout=5)
...         line.cut()
...         early = client.dispatch("counter", 2)
...         shown = client.model("counter"), client.confirmed("counter"), topic.model
...         line.restore()
...         seq, shown, early.get(timeout=5), topic.model
(1, (7, 5, 5), 2, 7)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazily import lazily
from .memory_connector import MemoryConnector as MemoryConnector

if TYPE_CHECKING:
    from . import contracts as contracts
    from . import logs as logs
else:
    # Contracts need pytest, which the line in memory does not.
    __getattr__, __dir__ = lazily(__name__, {}, {"contracts": ".contracts", "logs": ".logs"})

__all__ = ["MemoryConnector"]
