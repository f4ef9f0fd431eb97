"""Tracebacks with a bound, whatever made them."""

from __future__ import annotations

from collections.abc import Callable

from nuphar.actors.runtime.short_traceback import FRAMES_SHOWN, LINES, LONGEST_LINE, short_traceback


def caught(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it did not raise")


def frames(text: str) -> int:
    return text.count('  File "')


def even(levels: int) -> None:
    odd(levels - 1)


def odd(levels: int) -> None:
    if levels <= 0:
        raise ValueError("at the bottom")
    even(levels - 1)


def test_a_short_one_is_written_whole() -> None:
    text = short_traceback(caught(lambda: odd(0)))
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("ValueError: at the bottom")
    assert frames(text) == 3


def test_of_a_long_one_the_end_is_left_where_it_was_raised() -> None:
    text = short_traceback(caught(lambda: odd(300)))
    assert frames(text) == FRAMES_SHOWN
    assert 'raise ValueError("at the bottom")' in text


def test_causes_count_towards_the_same_frames() -> None:
    def chain(links: int) -> None:
        try:
            if links:
                chain(links - 1)
            odd(8)
        except Exception as error:
            raise KeyError(links) from error

    text = short_traceback(caught(lambda: chain(40)))
    assert frames(text) <= FRAMES_SHOWN
    assert text.endswith("KeyError: 40")


def test_an_error_that_quotes_a_message_is_cut() -> None:
    def quote() -> None:
        raise ValueError("x" * 1_000_000)

    def quote_lines() -> None:
        raise ValueError("x\n" * 1_000_000)

    for function in (quote, quote_lines):
        text = short_traceback(caught(function))
        assert len(text.split("\n")) <= LINES + 1
        assert max(map(len, text.split("\n"))) <= LONGEST_LINE


def test_a_group_of_errors_is_named_without_its_members() -> None:
    def many() -> None:
        raise ExceptionGroup("many things went wrong", [caught(lambda: odd(30)) for _ in range(50)])

    text = short_traceback(caught(many))
    assert "many things went wrong (50 sub-exceptions)" in text
    assert frames(text) <= FRAMES_SHOWN
