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

from .tab import Page
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
        command = f"from nuphar.demo import run_demo; run_demo(port={port})"
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


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless Chromium, which takes a second to start: all tests share it, one after the other."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if binary is None or chromedriver is None:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chromium = webdriver.Chrome(options, Service(chromedriver))
    try:
        yield chromium
    finally:
        chromium.quit()
        # selenium leaves the pool of its HTTP client to the garbage collector.
        chromium.command_executor.close()


@pytest.fixture
def driver(chromium: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    """A browser with one empty window, which forgets afterwards what it saw."""
    yield chromium
    seen, handles = set(), chromium.window_handles
    for handle in handles:
        chromium.switch_to.window(handle)
        seen.add(chromium.execute_script("return origin"))
    chromium.switch_to.window(handles[0])
    chromium.switch_to.new_window("tab")  # in the first window, which has its size
    empty = chromium.current_window_handle
    for handle in handles:
        chromium.switch_to.window(handle)
        chromium.close()
    chromium.switch_to.window(empty)
    # A later site may be given the same port.
    for origin in seen - {"null"}:
        chromium.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    chromium.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chromium.execute_cdp_cmd("Network.clearBrowserCache", {})
    chromium.get_log("browser")


@pytest.fixture
def browser(demo: Demo, driver: webdriver.Chrome, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A browser without a window on the demo yet. After a failure there are pictures of its windows."""
    browser = Browser(driver, demo)
    yield browser
    if request.node.stash.get(failed, False):
        browser.take_pictures(tmp_path)
    else:
        assert browser.complaints() == []


@pytest.fixture
def page(driver: webdriver.Chrome) -> Iterator[Page]:
    """An empty tab; the site of `page.py` runs, and no policy of it is broken."""
    with program("-m", "browser.page") as site:
        page = Page(driver, site.wait_for(r"http://\S+")[0].rstrip("/"))
        yield page
        for handle in driver.window_handles:
            driver.switch_to.window(handle)
            assert driver.execute_script("return window.violations ?? []") == []
        site.signal(signal.SIGTERM)
        assert site.wait() == 0, site.output
