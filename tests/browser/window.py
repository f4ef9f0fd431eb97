"""What a test does with a browser: windows on the demo, what they show, and hands that drag."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

WAIT = 20.0
"""Seconds that any single wait may take: a client comes back within seconds of its server, but not at once."""

LOST = "ERR_CONNECTION_REFUSED"
"""What the browser itself notes while a server is down, whatever the page does."""

SHOWN = """
return Object.fromEntries([...document.querySelectorAll(".column")].map(
  (column) => [column.dataset.column, [...column.querySelectorAll(".card")].map((card) => card.dataset.card)]))
"""
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
"""


class Site(Protocol):
    """Something that has an address, if only for a time."""

    url: str


class Window:
    """A window on the demo. Whatever is done with it brings it to the front first."""

    def __init__(self, driver: Chrome, handle: str) -> None:
        self.driver = driver
        self._handle = handle

    def front(self) -> Chrome:
        """Bring the window to the front."""
        if self.driver.current_window_handle != self._handle:
            self.driver.switch_to.window(self._handle)
        return self.driver

    def find(self, selector: str) -> WebElement:
        """Return the first element that matches."""
        return self.front().find_element(By.CSS_SELECTOR, selector)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page, and return what it returns."""
        return self.front().execute_script(script, *arguments)

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until ``condition()`` holds, and return what it gave."""
        waiting = WebDriverWait(self.front(), WAIT, 0.05, [StaleElementReferenceException])
        try:
            return waiting.until(lambda _: condition())
        except TimeoutException:
            raise AssertionError(f"this never became true: {what}; the page says {self.text('body')!r}") from None

    def wait_for_text(self, selector: str, text: str) -> None:
        """Wait until an element has this text."""
        self.wait(lambda: self.text(selector) == text, f"{selector} says {text!r}")

    def wait_for_state(self, state: str) -> None:
        """Wait until the page is connecting, live, offline or closed, and shows a board."""
        self.wait(lambda: self.run("return document.documentElement.dataset.state") == state, f"the page is {state}")
        self.wait(self.cards, "there is a board")

    def wait_for_cards(self, column: str, cards: list[str]) -> None:
        """Wait until a column has these cards in this order."""
        self.wait(lambda: self.cards()[column] == cards, f"{column} has {cards}")

    def text(self, selector: str) -> str:
        """Return the text of an element, shown or not."""
        return str(self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector))

    def cards(self) -> dict[str, list[str]]:
        """Return the ids of the cards by column, from top to bottom."""
        return dict(self.run(SHOWN))

    def card(self, card: str, inside: str = "") -> WebElement:
        """Return the element of a card, or something in it."""
        return self.find(f'[data-card="{card}"] {inside}')

    def place(self, selector: str) -> tuple[float, float]:
        """Return a point of the window a little inside an element."""
        x, y = self.run(
            "const {x, y} = document.querySelector(arguments[0]).getBoundingClientRect(); return [x, y]", selector
        )
        return x + 10, y + 8

    def lift(self, card: str, onto: str) -> None:
        """Take a card with the mouse and hold it over another element."""
        actions = ActionChains(self.front(), duration=50)
        actions.click_and_hold(self.card(card)).move_by_offset(20, 8).move_to_element(self.find(onto)).perform()

    def drop(self) -> None:
        """Let go."""
        ActionChains(self.front()).release().perform()

    def touch(self, kind: str, x: float = 0, y: float = 0) -> None:
        """Put a finger down, move it, or lift it."""
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        self.front().execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def be_a_phone(self) -> None:
        """Have the size and the fingers of a phone."""
        metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        self.front().execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.front().execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def close(self) -> None:
        """Close the window."""
        self.front().close()


class Browser:
    """A browser, and its windows on a site."""

    def __init__(self, driver: Chrome, site: Site) -> None:
        self.windows: list[Window] = []
        self._driver = driver
        self._site = site

    def open(self, kind: str = "window") -> Window:
        """Open the demo in another window or tab, and wait until it is live."""
        if self.windows:
            self._driver.switch_to.window(self._driver.window_handles[0])
            self._driver.switch_to.new_window(kind)
        window = Window(self._driver, self._driver.current_window_handle)
        self.windows.append(window)
        self._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self._driver.get(self._site.url)
        window.wait_for_state("live")
        return window

    def close(self, window: Window) -> None:
        """Close a window, as its user does."""
        self.windows.remove(window)
        window.close()
        self._driver.switch_to.window(self._driver.window_handles[0])

    def complaints(self) -> list[Any]:
        """Return what the console of any window has noted, and every breach of the Content-Security-Policy."""
        found: list[Any] = []
        for window in self.windows:
            found += window.run("return window.violations")
            found += [entry for entry in window.front().get_log("browser") if LOST not in entry["message"]]
        return found

    def take_pictures(self, folder: Path) -> None:
        """Keep what the windows show."""
        for number, window in enumerate(self.windows):
            window.front().save_screenshot(str(folder / f"window-{number}.png"))
