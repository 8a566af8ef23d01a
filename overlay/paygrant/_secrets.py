"""What keeps our own objects from showing secrets: fingerprints, and classes that no failed assertion prints by field.

``_text.redact`` cuts secrets out of the texts of a server.
"""

import hashlib
from typing import Any, TypeVar

T = TypeVar("T", bound=type)


def fingerprint(text: str) -> str:
    """A short name for a secret. Equal secrets have equal names, and a name does not lead back to the secret."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]


def compared_as_a_whole(cls: T) -> T:
    """Decorate a dataclass so that a test runner shows two values that differ by their repr only.

    pytest compares two values field by field, and prints the fields, where a generated ``__eq__`` compares them, or none
    does. This one calls the one that there is, and is known not to be generated.
    """
    generated: Any = cls.__eq__

    def equals(self: object, other: object) -> bool:
        equal: bool = generated(self, other)  # NotImplemented passes through
        return equal

    cls.__eq__ = equals  # type: ignore[method-assign, assignment]
    return cls
