"""Mutants: faults put into our own code, one at a time, to see that the simulation finds them. All of it is data."""

from __future__ import annotations

from .of_clients import OF_CLIENTS
from .of_coming_back import OF_COMING_BACK
from .of_greetings import OF_GREETINGS
from .of_identities import OF_IDENTITIES
from .of_orders import OF_ORDERS
from .of_publishing import OF_PUBLISHING
from .of_rates import OF_RATES
from .of_rights import OF_RIGHTS
from .of_sessions import OF_SESSIONS
from .of_targets import OF_TARGETS
from .of_the_way import OF_THE_WAY

MUTANTS = (
    *OF_ORDERS,
    *OF_RATES,
    *OF_TARGETS,
    *OF_SESSIONS,
    *OF_GREETINGS,
    *OF_PUBLISHING,
    *OF_RIGHTS,
    *OF_COMING_BACK,
    *OF_IDENTITIES,
    *OF_CLIENTS,
    *OF_THE_WAY,
)
"""Every one, by where it sits."""
