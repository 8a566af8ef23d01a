"""The facts of a page: a flat mapping from places to values, small enough to keep and easy to compare.

openapi.py and prose.py extract the facts. This module limits their number and makes them safe to print.
"""

from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from typing import TypeAlias

from paygrant._text import one_line
from scripts.upstream.pages import PageError

Pairs: TypeAlias = Iterator[tuple[str, str]]
"""Places and values; a place can occur more than once."""
Facts: TypeAlias = dict[str, str]
"""Each place, with all its values."""

MAX_TOTAL = 1 << 20
"""Characters of all facts of a page. The limit ends a schema that refers to itself many times."""
MAX_LENGTH = 200
"""Characters of a place or a value. A hash replaces the rest of a longer one."""


def gather(pairs: Pairs) -> Facts:
    """Return the facts, sorted.

    Raises:
        PageError: There are too many.
    """
    values = defaultdict[str, set[str]](set)
    room = MAX_TOTAL
    for place, value in pairs:
        room -= len(place) + len(value)
        if room < 0:
            raise PageError(f"its facts have more than {MAX_TOTAL} characters")
        values[line(place)].add(line(value))
    return {place: " | ".join(sorted(values[place] - {""})) for place in sorted(values)}


def line(text: str) -> str:
    """A text from a page as one line without control characters."""
    shown = one_line(text)
    if len(shown) <= MAX_LENGTH:
        return shown
    return f"{shown[:MAX_LENGTH]}... ({sha256(shown.encode()).hexdigest()[:12]})"
