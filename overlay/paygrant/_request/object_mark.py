"""A mark of an object that distinguishes it from all others, in other processes too. It is part of cache keys."""

from secrets import token_hex
from weakref import finalize

_marks: dict[int, str] = {}
"""The marks of objects, by id."""

_immortal: list[object] = []


def mark_of(thing: object) -> str:
    """The mark of an object, whether it has a hash or not: the same text as long as it lives.

    An equal object has another mark.
    """
    known = _marks.get(id(thing))
    if known:
        return known
    mark = _marks[id(thing)] = token_hex()
    try:
        finalize(thing, _marks.pop, id(thing), None).atexit = False
    except TypeError:  # nothing says when it ends, so it never ends
        _immortal.append(thing)
    return mark
