"""The facts of a page: a flat mapping of places to what stands there, small enough to be kept and easy to compare.

Which places matter, openapi.py and prose.py know; here what they find is kept within bounds and fit to be printed.
"""

from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from typing import TypeAlias

from paygrant._text import one_line
from scripts.upstream.pages import PageError

Pairs: TypeAlias = Iterator[tuple[str, str]]
"""Places, and what stands there; a place may come more than once."""
Facts: TypeAlias = dict[str, str]
"""Places, and all that stands there."""

MOST = 1 << 20
"""Characters of all facts of a page; a schema that refers to itself in many ways has more, without end."""
LONGEST = 200
"""Characters of a place or a value; of a longer one the rest is a hash."""


def gather(pairs: Pairs) -> Facts:
    """The facts, sorted.

    Raises:
        PageError: There are more than anyone wants to look at.
    """
    values = defaultdict[str, set[str]](set)
    room = MOST
    for place, value in pairs:
        room -= len(place) + len(value)
        if room < 0:
            raise PageError(f"its facts have more than {MOST} characters")
        values[line(place)].add(line(value))
    return {place: " | ".join(sorted(values[place] - {""})) for place in sorted(values)}


def line(text: str) -> str:
    """A stranger's text as one line that no terminal takes for a command."""
    shown = one_line(text)
    if len(shown) <= LONGEST:
        return shown
    return f"{shown[:LONGEST]}... ({sha256(shown.encode()).hexdigest()[:12]})"
