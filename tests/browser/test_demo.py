"""The demo as people meet it: in several windows of a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from .conftest import Demo
from .window import Browser, Window

DREAMS = ["window", "ducks", "raft", "stars"]
PLANS = ["lemonade", "blanket", "ukulele"]
PACKED = ["cake", "boat"]


def see(window: Window, card: str, text: str) -> None:
    """Wait until a card says ``text``."""
    window.wait_for_text(f'[data-card="{card}"] .text', text)


def see_hearts(window: Window, card: str, hearts: int) -> None:
    """Wait until a card has so many hearts."""
    window.wait_for_text(f'[data-card="{card}"] .number', str(hearts))


# The board.


@pytest.mark.parametrize("kind", ["window", "tab"])
def test_a_drag_is_seen_in_the_other_window(browser: Browser, kind: str) -> None:
    first, second = browser.open(), browser.open(kind)
    first.lift("ducks", '[data-card="boat"] .text')
    first.drop()
    for window in first, second:
        window.wait_for_cards("packed", ["cake", "ducks", "boat"])
        window.wait_for_cards("dreams", ["window", "raft", "stars"])


def test_a_drag_that_is_given_up_moves_nothing(browser: Browser) -> None:
    window = browser.open()
    window.lift("ducks", '[data-card="boat"] .text')
    window.wait_for_cards("packed", ["cake", "ducks", "boat"])
    window.find("body").send_keys(Keys.ESCAPE)
    window.wait_for_cards("dreams", DREAMS)
    window.drop()
    assert window.cards() == {"dreams": DREAMS, "plans": PLANS, "packed": PACKED}


def test_a_card_that_somebody_deletes_falls_out_of_the_hand_that_drags_it(browser: Browser) -> None:
    first, second = browser.open(), browser.open()
    first.lift("ducks", '[data-card="boat"] .text')
    second.run("document.querySelector('[data-card=ducks] .delete').click()")
    first.wait_for_cards("packed", PACKED)
    first.wait_for_cards("dreams", ["window", "raft", "stars"])
    assert first.run("return document.querySelectorAll('.lifted').length") == 0


def test_who_drags_a_card_is_shown_to_the_others(browser: Browser) -> None:
    first, second = browser.open(), browser.open()
    first.wait_for_text("#present", "2 people are here")
    name = first.find("#name").get_attribute("value")
    first.lift("ducks", '[data-card="boat"] .text')
    second.wait_for_text('[data-card="ducks"] .holder', f"{name} moves this")
    second.wait_for_text(".hand .carried", "Learn the names of all the ducks")
    first.drop()
    second.wait_for_text('[data-card="ducks"] .holder', "")


def test_an_edit_is_seen_in_the_other_window(browser: Browser) -> None:
    first, second = browser.open(), browser.open()
    first.card("lemonade", ".text").click()
    field = first.card("lemonade", "textarea")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("Tea", Keys.ENTER)
    for window in first, second:
        see(window, "lemonade", "Tea")


def test_an_edit_that_is_given_up_changes_nothing(browser: Browser) -> None:
    window = browser.open()
    window.card("lemonade", ".text").click()
    window.card("lemonade", "textarea").send_keys(" and more", Keys.ESCAPE)
    window.wait(lambda: not window.run("return document.querySelector('textarea')"), "the field is closed")
    see(window, "lemonade", "Lemonade, the cloudy kind")


def test_a_move_by_somebody_else_does_not_disturb_who_is_writing(browser: Browser) -> None:
    first, second = browser.open(), browser.open()
    first.card("lemonade", ".text").click()
    first.card("lemonade", "textarea").send_keys(", iced")
    second.card("lemonade").send_keys(Keys.ARROW_RIGHT)
    first.wait_for_cards("packed", ["lemonade", *PACKED])
    first.front().switch_to.active_element.send_keys(" and sweet", Keys.ENTER)
    see(second, "lemonade", "Lemonade, the cloudy kind, iced and sweet")


def test_a_new_card_is_text_whatever_it_says(browser: Browser) -> None:
    first, second = browser.open(), browser.open()
    markup = "<img src=x onerror=alert(1)><b>bold</b>"
    first.find('[data-column="packed"] .add').click()
    first.find('[data-column="packed"] textarea').send_keys(markup, Keys.ENTER, Keys.ESCAPE)
    second.wait_for_text('[data-column="packed"] .card:last-child .text', markup)
    assert second.run("return document.querySelectorAll('.card img, .card b').length") == 0


def test_a_heart_is_seen_in_the_other_window_and_in_the_tallies(browser: Browser) -> None:
    first, second = browser.open(), browser.open()
    first.card("cake", ".heart").click()
    for window in first, second:
        see_hearts(window, "cake", 13)
        window.wait_for_text('[data-column="packed"] .loved', "19")
        window.wait_for_text("#total", "9 cards, 50 hearts")


def test_a_deleted_card_is_gone_from_the_other_window(browser: Browser) -> None:
    first, second = browser.open(), browser.open()
    first.card("cake").send_keys(Keys.DELETE)
    second.wait_for_cards("packed", ["boat"])
    assert first.cards() == second.cards()
    assert first.run("return document.activeElement.dataset.card") == "boat"


def test_arrow_keys_move_a_card_and_say_where_it_is(browser: Browser) -> None:
    first, second = browser.open(), browser.open()
    first.card("window").send_keys(Keys.ARROW_DOWN)
    second.wait_for_cards("dreams", ["ducks", "window", "raft", "stars"])
    first.card("window").send_keys(Keys.ARROW_RIGHT)
    second.wait_for_cards("plans", ["lemonade", "window", "blanket", "ukulele"])
    first.wait_for_text("#announcer", "Moved to We bring, place 2 of 4.")
    assert first.run("return document.activeElement.dataset.card") == "window"


def test_a_finger_that_rests_on_a_card_drags_it(browser: Browser) -> None:
    phone = browser.open()
    phone.be_a_phone()
    x, y = phone.place('[data-card="window"] .text')
    _, end = phone.place('[data-column="dreams"] .add')
    phone.touch("touchStart", x, y)
    phone.wait(lambda: phone.run("return document.querySelector('.lifted')"), "the card is lifted")
    for step in range(1, 11):
        phone.touch("touchMove", x, y + (end - y) * step / 10)
    phone.touch("touchEnd")
    phone.wait_for_cards("dreams", ["ducks", "raft", "stars", "window"])


def test_a_finger_that_moves_at_once_scrolls(browser: Browser) -> None:
    phone = browser.open()
    phone.be_a_phone()
    x, y = phone.place('[data-card="raft"] .text')
    phone.run("window.setTimeout = () => 0")  # the page's clock stands still: however slow this is, it is at once
    phone.touch("touchStart", x + 250, y)
    for step in range(1, 11):  # farther than half a column, which is enough for a slow finger, too
        phone.touch("touchMove", x + 250 - 25 * step, y)
    phone.touch("touchEnd")
    phone.wait(lambda: phone.run("return document.querySelector('#board').scrollLeft") > 200, "the board has scrolled")
    assert phone.cards() == {"dreams": DREAMS, "plans": PLANS, "packed": PACKED}


# The people.


def test_everybody_is_here_until_his_window_is_closed(browser: Browser) -> None:
    first, second = browser.open(), browser.open()
    for window in first, second:
        window.wait_for_text("#present", "2 people are here")
        assert window.run("return document.querySelectorAll('#faces .face').length") == 2
    browser.close(second)
    first.wait_for_text("#present", "Only you are here")
    assert first.run("return document.querySelectorAll('#faces .face').length") == 1


def test_a_new_name_is_seen_by_the_others_and_kept_over_a_reload(browser: Browser) -> None:
    first, second = browser.open(), browser.open()
    name = first.find("#name")
    name.send_keys(Keys.CONTROL, "a")
    name.send_keys("Ada", Keys.ENTER)
    second.wait_for_text(".face:not(.me) .name", "Ada")
    first.front().refresh()
    first.wait_for_text(".face.me .name", "Ada (you)")
    second.wait_for_text(".face:not(.me) .name", "Ada")
    second.wait_for_text("#present", "2 people are here")


# The connection.


def test_the_page_says_that_it_is_offline_and_comes_back_by_itself(browser: Browser, demo: Demo) -> None:
    first, second = browser.open(), browser.open()
    demo.stop()
    for window in first, second:
        window.wait_for_state("offline")
        window.wait(window.find("#banner").is_displayed, "the banner is shown")  # it fades in
        assert window.text("#banner strong").startswith("Offline since ")
    demo.start()
    for window in first, second:
        window.wait_for_state("live")
        assert not window.find("#banner").is_displayed()
        window.wait_for_text("#present", "2 people are here")
    first.lift("ducks", '[data-card="boat"] .text')
    first.drop()
    second.wait_for_cards("packed", ["cake", "ducks", "boat"])


@pytest.mark.parametrize("end", [Demo.stop, Demo.crash])
def test_what_is_done_offline_shows_at_once_and_reaches_the_server_later(
    browser: Browser, demo: Demo, end: Any
) -> None:
    first = browser.open()
    end(demo)
    first.wait_for_state("offline")
    first.card("cake", ".heart").click()
    first.card("ducks").send_keys(Keys.ARROW_RIGHT)
    first.wait_for_text("#waiting", "2 changes wait")
    see_hearts(first, "cake", 13)
    first.wait_for_cards("plans", ["lemonade", "ducks", "blanket", "ukulele"])
    demo.start()
    first.wait_for_state("live")
    second = browser.open()
    see_hearts(second, "cake", 13)
    second.wait_for_cards("plans", ["lemonade", "ducks", "blanket", "ukulele"])
    first.wait_for_text("#waiting", "")


# The policy.


def test_the_policy_stops_what_a_page_of_somebody_else_would_do(browser: Browser) -> None:
    window = browser.open()
    window.run("new Image().src = 'http://192.0.2.1/'; document.body.setAttribute('style', 'color: red')")
    window.wait(lambda: set(window.run("return violations")) == {"img-src", "style-src-attr"}, "both are stopped")
    window.run("violations.length = 0")
    window.front().get_log("browser")  # the browser has noted the two
