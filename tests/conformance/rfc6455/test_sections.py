"""A fast part of `make rfc6455`: each case once, under gevent's pywsgi and with the default limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gevent.hub import get_hub
from gevent.pywsgi import WSGIServer

from nuphar.transport.handler import WSGIHandler

from . import stock
from .echo import application
from .handshakes import SHAKES
from .run import shake, talk
from .talks import Talk, talks

TALKS = talks()
SECTIONS = sorted({case.section for case in TALKS})


@pytest.fixture
def port() -> Iterator[int]:
    server = WSGIServer(("127.0.0.1", 0), application, handler_class=WSGIHandler, log=None)
    server.start()
    yield int(server.server_port)
    server.stop(timeout=1)


def every(port: int, cases: list[Talk], chop: int, together: bool) -> list[str]:
    """Run cases in a real thread, and return what is wrong."""
    wrong = ((case, talk(port, case, chop, together)) for case in cases)
    return [f"{case.section} {case.rule}: {fault}" for case, fault in wrong if fault is not None]


def test_no_rule_is_there_twice() -> None:
    for cases in (TALKS, SHAKES):
        names = [(case.section, case.rule) for case in cases]  # type: ignore[attr-defined]
        assert len(set(names)) == len(names)


def test_opening_handshakes(port: int) -> None:
    def run() -> list[str]:
        wrong = ((case, shake(port, case)) for case in SHAKES)
        return [f"{case.section} {case.rule}: {fault}" for case, fault in wrong if fault is not None]

    assert get_hub().threadpool.apply(run) == []


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("together", [False, True], ids=["after the handshake", "with it"])
def test_a_section(port: int, section: str, together: bool) -> None:
    cases = [case for case in TALKS if case.section == section]
    assert get_hub().threadpool.apply(every, (port, cases, 0, together)) == []


def test_a_talk_in_single_bytes(port: int) -> None:
    cases = [case for case in TALKS if len(case.sent) < 100 and case.section in ("5.2", "5.4", "5.5.1")]
    assert get_hub().threadpool.apply(every, (port, cases, 1, False)) == []


def test_a_case_of_the_stock_suite_that_fails_is_told_and_so_is_a_limit_that_passes() -> None:
    good, bad = ("OK", "OK"), ("FAILED", "OK")
    results = dict.fromkeys(stock.DOCUMENTED, bad) | {"1.1.1": good, "2.11": bad, "6.4.1": ("NON-STRICT", "OK")}
    assert stock.judge(results) == []
    assert stock.judge(results | {"1.1.1": bad, "7.1.1": ("OK", "UNCLEAN")}) == [
        f"1.1.1: {bad}",
        "7.1.1: ('OK', 'UNCLEAN')",
    ]
    assert stock.judge(results | {"2.10": good}) == ["2.10 passes, and is listed as a limit"]
