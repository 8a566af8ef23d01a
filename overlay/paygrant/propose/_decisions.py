"""Collects what a person must decide, and orders it by its weight."""

from paygrant._text import one_line

_FIRST = ("/x-token-endpoint/client_authentication", "/x-token-endpoint/token_use", "/servers", "/paths")
"""Places that decide who gets the secret, and how. Their decisions come first, and none of them is left out."""

_MAX_OTHERS = 100
"""Decisions about other places. With more of them, a person should start from another document."""


def clean(text: object, most: int = 300) -> str:
    """A text from the document as one line that is safe on a terminal and not too long."""
    return one_line(str(text), most)


class Decisions:
    """The decisions, each once: those that concern the secret, then the rest of the draft, then the document."""

    def __init__(self) -> None:
        self._places = dict[str, str]()

    def add(self, place: str, text: str) -> None:
        """Add what is to be decided about a place."""
        self._places[clean(f"{place}: {text}", 600)] = place

    @property
    def lines(self) -> tuple[str, ...]:
        """The decisions. Of too many, the last line gives the number of those left out."""
        ranked = sorted(self._places, key=lambda line: _rank(self._places[line]))
        most = _MAX_OTHERS + sum(place in _FIRST for place in self._places.values())
        more = [f"and {len(ranked) - most} more"] if len(ranked) > most else []
        return (*ranked[:most], *more)


def _rank(place: str) -> int:
    """The position of a place's decisions among all."""
    return _FIRST.index(place) if place in _FIRST else len(_FIRST) + place.startswith("upstream ")
