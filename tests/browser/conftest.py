"""A demo in a process of its own, and a headless Chromium with as many windows on it as a test opens."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from support.serving import Program, program

from .window import Browser

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1280,800",
    "--lang=en",
]

failed = pytest.StashKey[bool]()


class Demo:
    """``nuphar demo``, which can be stopped and started again on the same port."""

    def __init__(self, stack: ExitStack) -> None:
        self.url = ""
        self._stack = stack
        self._program: Program | None = None

    def start(self) -> None:
        """Start it and wait for its URL."""
        port = self.url.rpartition(":")[2] or "0"
        command = f"from nuphar.demo import run; run(port={port})"
        self._program = self._stack.enter_context(program("-c", command))
        self.url = self._program.wait_for(r"http://\S+")[0]

    def stop(self) -> None:
        """Stop it, and see that it ends well and had nothing to complain of."""
        running, self._program = self._program, None
        if running is None:
            return
        running.signal(signal.SIGTERM)
        assert running.wait() == 0, running.output
        assert "Traceback" not in running.output, running.output

    def crash(self) -> None:
        """Have it gone without a word."""
        assert self._program is not None
        self._program.signal(signal.SIGKILL)
        self._program.wait()
        self._program = None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note on the test whether it has failed, so that its browser can take a picture."""
    report = yield
    if report.failed:
        item.stash[failed] = True
    return report


@pytest.fixture
def demo() -> Iterator[Demo]:
    """A running demo."""
    with ExitStack() as stack:
        running = Demo(stack)
        running.start()
        yield running
        running.stop()


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """A headless Chromium with one empty window."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(chromedriver))
    try:
        yield driver
    finally:
        driver.quit()
        # selenium leaves the pool of its HTTP client to the garbage collector.
        driver.command_executor.close()


@pytest.fixture
def browser(demo: Demo, driver: webdriver.Chrome, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A browser without a window on the demo yet. After a failure there are pictures of its windows."""
    browser = Browser(driver, demo)
    yield browser
    if request.node.stash.get(failed, False):
        browser.take_pictures(tmp_path)
    else:
        assert browser.complaints() == []
