"""Options are keywords with types: an editor completes them, and a type checker knows those that there are."""

import nuphar

nuphar.Server(history=10, hub_guard=None, limits=nuphar.Limits(), origins=nuphar.Origins())
nuphar.Live(nuphar.Server(), path="/live", lines=5)
nuphar.Live(5)  # refused
nuphar.Server(serialiser=nuphar.automatic(), wiring=nuphar.Wiring(), resume_window=float("inf"))
nuphar.Server(histroy=10)  # refused
nuphar.Server(history="ten")  # refused
nuphar.Server(history=None)  # refused
nuphar.Server(limits=5)  # refused
nuphar.Server(serialiser=5)  # refused
