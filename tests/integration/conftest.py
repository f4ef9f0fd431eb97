"""What every test over real sockets needs."""

from __future__ import annotations

import pytest
from support.raw import close_all


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Close the raw clients that a test left open, before its servers stop: they would wait for their close frames."""
    close_all()
