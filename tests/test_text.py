"""Text that others wrote, as it is shown: on one line, and no longer than it may be."""

import errno
import os

import pytest

from paygrant._text import one_line, os_error_words


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines", "two lines"),
        ("  many \t blanks\r\n", "many blanks"),
        ("\x1b[31mred\x07", "[31mred"),
        ("turned \u202eround", "turned round"),
        ("a\u2028line\u00a0break", "a line break"),
        ("half a pair \ud800", "half a pair"),
        ("Zoë", "Zoë"),
        ("", ""),
    ],
    ids=ascii,
)
def test_a_text_becomes_one_line_that_is_safe_to_print(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(("limit", "line"), [(None, "abcdef"), (6, "abcdef"), (5, "abcd…")])
def test_a_line_is_cut_at_its_limit(limit: int | None, line: str) -> None:
    assert one_line("abcdef", limit) == line


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/a/file"), os.strerror(errno.ENOENT)),
        (OSError("no numbers here"), "no numbers here"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("embedded null byte"), "embedded null byte"),
    ],
    ids=repr,
)
def test_an_error_of_the_operating_system_is_put_into_words(error: OSError, words: str) -> None:
    assert os_error_words(error) == words
