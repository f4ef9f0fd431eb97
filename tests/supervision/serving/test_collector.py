import gc
import weakref

from nuphar.supervision.serving.collector import what_is_here_stays


class Node:
    """Refers to itself, so only the collector can free it."""

    def __init__(self) -> None:
        self.me = self


def test_what_was_there_is_left_out_and_what_comes_later_is_collected():
    with what_is_here_stays():
        assert gc.get_freeze_count() > 0
        node = weakref.ref(Node())
        gc.collect()
        assert node() is None


def test_in_the_end_everything_is_looked_at_again():
    with what_is_here_stays():
        pass
    assert gc.get_freeze_count() == 0
