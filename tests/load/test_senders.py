from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nuphar.load.rising import Rising
from nuphar.load.senders import Senders


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(2, 9))))
def test_each_sender_is_a_rising_of_its_own(numbers: list[tuple[int, int]]) -> None:
    senders = Senders(1)
    risings = {sender: Rising(1) for sender in range(3)}

    assert [senders.see(*pair) for pair in numbers] == [risings[sender].see(number) for sender, number in numbers]

    for sender, rising in risings.items():
        assert senders.never_came(sender, 9, {4}) == rising.never_came(9, {4})


def test_all_messages_of_a_sender_that_was_never_seen_did_not_come() -> None:
    assert Senders(1).never_came(5, 4, {3}) == 2
    assert Senders(1).never_came(5, 1, set()) == 0
