"""Tests for adapters of Nuphar's ports, as classes: subclass one, and give it what it tests. They need pytest.

class TestMyLog(LogContract):
    @pytest.fixture
    def log(self):
        return MyLog(...)
"""

from .log import LogContract
from .target_kind import Scene, TargetKindContract

__all__ = ["LogContract", "Scene", "TargetKindContract"]
