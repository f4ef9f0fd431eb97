"""What a test does with the page of `page.py`: tabs that load it, say things and wait for the list."""

from __future__ import annotations

from typing import Any

from selenium.webdriver import Chrome

from .window import Window


class Page(Window):
    """A tab with the page of `page.py`."""

    def __init__(self, driver: Chrome, url: str) -> None:
        super().__init__(driver, driver.current_window_handle)
        self.url = url

    def load(self, path: str = "/") -> None:
        """Load the page, or load it again."""
        self.front().get(self.url + path)
        self.wait(lambda: self.run("return 'list' in window"), "the page has a client")

    def wait_until(self, script: str, value: Any) -> None:
        """Wait until a script gives a value."""
        self.wait(lambda: self.run(script) == value, f"{script} gives {value}; it gives {self.run(script)}")

    def say(self, *messages: str) -> None:
        """Send messages without waiting for their answers."""
        self.run("for (const message of arguments) list.dispatch(message).catch(() => {})", *messages)

    def wait_for_list(self, *items: str) -> None:
        """Wait until the list has these items, confirmed."""
        self.wait_until("return list.confirmed", list(items))

    def another(self, how: str = "window.open('/')") -> Page:
        """Open another tab; from a script it has a copy of this one's sessionStorage, as a duplicated tab has."""
        before = set(self.front().window_handles)
        if how:
            self.run(how)
        else:
            self.driver.switch_to.new_window("tab")
        (handle,) = set(self.driver.window_handles) - before
        self.driver.switch_to.window(handle)
        page = Page(self.driver, self.url)
        page.load()
        return page
