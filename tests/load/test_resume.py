from __future__ import annotations

from nuphar.load.resume import SUBSCRIBE, Resumption
from nuphar.transport.wire.frames import ClientMessage, Hello, Subscribe, Welcome

TOPIC = "topic:load:0"
FIRST = SUBSCRIBE + 1


def welcome(token: str = "t", *, resumed: bool = False) -> Welcome:
    return Welcome("c", "s", token, resumed, {}, 20.0, "")


def welcomed() -> Resumption:
    resumption = Resumption(TOPIC)
    assert resumption.welcome(welcome())
    return resumption


def test_a_new_client_subscribes() -> None:
    assert Resumption(TOPIC).greeting(None) == [Hello(1, None, None, {}, {}), Subscribe(SUBSCRIBE, TOPIC, None, None)]


def test_one_that_comes_back_says_who_it_is_and_how_far_it_got() -> None:
    resumption = welcomed()
    resumption.lose()

    assert resumption.greeting(("e", 7)) == [Hello(1, "s", "t", {TOPIC: ("e", 7)}, {})]


def test_each_welcome_brings_another_token() -> None:
    resumption = welcomed()

    assert resumption.welcome(welcome("u", resumed=True))
    assert resumption.greeting(("e", 7)) == [Hello(1, "s", "u", {TOPIC: ("e", 7)}, {})]


def test_nothing_is_said_between_a_loss_and_the_next_welcome() -> None:
    resumption = Resumption(TOPIC)
    lives = [resumption.is_live]
    for resumed in (False, True):
        resumption.welcome(welcome(resumed=resumed))
        lives.append(resumption.is_live)
        resumption.lose()
        lives.append(resumption.is_live)

    assert lives == [False, True, False, True, False]


def test_another_session_is_not_the_one_that_was_asked_for() -> None:
    resumption = welcomed()
    resumption.lose()

    assert not resumption.welcome(welcome("u"))
    assert not resumption.is_live


def test_only_what_was_said_before_is_repeated() -> None:
    resumption = welcomed()
    assert resumption.say(FIRST, b"m") == ClientMessage(FIRST, TOPIC, b"m")
    resumption.lose()

    assert resumption.repeats({FIRST: b"m", FIRST + 1: b"n"}) == {FIRST}
