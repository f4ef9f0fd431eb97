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

`contracts` are tests for ports: for a log, a connector or an encoding of your own. `logs` has a log that does what a
test says.
"""

from typing import TYPE_CHECKING

from ..lazily import lazily

__all__ = ["MemoryConnector", "contracts", "logs"]

if TYPE_CHECKING:
    from . import contracts, logs
    from .memory_connector import MemoryConnector
else:  # not for type checkers, which would believe any name
    __getattr__, __dir__ = lazily(
        __name__, {"MemoryConnector": ".memory_connector"}, {"contracts": ".contracts", "logs": ".logs"}
    )
