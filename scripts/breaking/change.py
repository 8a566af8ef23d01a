"""One difference between two versions, as a user meets it."""

from dataclasses import dataclass
from enum import IntEnum


class Weight(IntEnum):
    """How much a change matters to users. The heaviest weight is the first."""

    SECRET = 0
    """A secret or a token is sent to another place. Look at it before anything else."""
    BREAKING = 1
    """Code, configuration or mocks stop working."""
    FINE = 2
    """Nobody has to do anything."""


@dataclass(frozen=True, order=True, slots=True)
class Change:
    """A change: its weight, its place, what it is, and why it matters or does not matter."""

    weight: Weight
    where: str
    what: str
    why: str

    @property
    def breaking(self) -> bool:
        """Whether users have to act."""
        return self.weight < Weight.FINE

    def __str__(self) -> str:
        return f"{'BREAKING' if self.breaking else 'fine    '}  {self.where}: {self.what} ({self.why})"
