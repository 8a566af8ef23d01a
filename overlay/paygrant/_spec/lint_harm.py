"""Rules that keep a spec from doing harm. They run before anything else looks at the data.

A reference could make a validator read other files or addresses. A text could leave the line that it is written into,
or look like another text.
"""

import re
from collections.abc import Iterator
from typing import Any

from paygrant._spec.document import Document, is_array, is_object
from paygrant._spec.errors import Fault
from paygrant._spec.names import UNSAFE_CHARACTERS
from paygrant._spec.pointer import pointer_to

RULES = {
    "references": "A $ref must lead to the schema TokenRequest, TokenResponse or TokenError. No other file and no address is read.",
    "texts": "A text must be one line without control characters and direction characters. A summary, a description and the texts of a deviation may have several lines.",
}

_REFERENCES = re.compile(r"#/components/schemas/Token(Request|Response|Error)")
_ANY_SCHEMA = re.compile(r"#/components/schemas/[A-Za-z0-9._-]+")
_PROSE = {"summary", "description", "upstream", "here", "reason"}


def harm_faults(document: Document) -> Iterator[Fault]:
    """Yield what breaks the rules above."""
    return _checked(document, _REFERENCES)


def harm_faults_of_short_spec(document: Document) -> Iterator[Fault]:
    """Yield what breaks the rules above. The schemas may have other names: they get the usual ones."""
    return _checked(document, _ANY_SCHEMA)


def _checked(document: Document, references: re.Pattern[str]) -> Iterator[Fault]:
    for rule, place, text in _faults(document.data, "", references):
        yield Fault(rule, place, f"{text}. {RULES[rule]}")


def _faults(value: Any, place: str, references: re.Pattern[str], name: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        text = re.sub(r"[\n\t]", "", value) if name in _PROSE else value
        if found := UNSAFE_CHARACTERS.search(text):
            yield "texts", place, f"the text contains {found.group()!a}"
    elif is_array(value):
        for index, item in enumerate(value):
            yield from _faults(item, pointer_to(place, index), references)
    elif is_object(value):
        for key, part in value.items():
            if found := UNSAFE_CHARACTERS.search(key):
                yield "texts", place, f"a key contains {found.group()!a}"
            elif key.startswith("$") and not (key == "$ref" and isinstance(part, str) and references.fullmatch(part)):
                yield "references", pointer_to(place, key), f"{key} is not allowed here"
            else:
                yield from _faults(part, pointer_to(place, key), references, key)
