"""Rules that keep a spec from doing harm, which hold before anybody else looks at it.

A reference could make a validator read other files, or addresses; a text could break out of the line that it is
written into, or look like another one.
"""

import re
from collections.abc import Iterator
from typing import Any

from paygrant.generate._document import Fault, Spec, is_array, is_object, pointer

RULES = {
    "references": "The only $ref are those to the schemas TokenRequest, TokenResponse and TokenError; no other file and no address is read.",
    "texts": "A text is one line without control and direction characters; a summary, a description and the sentences of a deviation may have several lines.",
}

_REFERENCES = re.compile(r"#/components/schemas/Token(Request|Response|Error)")
_PROSE = {"summary", "description", "upstream", "here", "reason"}
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def harm_faults(spec: Spec) -> Iterator[Fault]:
    """What breaks the rules above."""
    for rule, place, text in _faults(spec.data, ""):
        yield Fault(rule, place, f"{text}. {RULES[rule]}")


def _faults(value: Any, place: str, name: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        text = re.sub(r"[\n\t]", "", value) if name in _PROSE else value
        if found := _UNFIT.search(text):
            yield "texts", place, f"the text holds {found.group()!a}"
    elif is_array(value):
        for index, item in enumerate(value):
            yield from _faults(item, pointer(place, index))
    elif is_object(value):
        for key, part in value.items():
            if found := _UNFIT.search(key):
                yield "texts", place, f"a key holds {found.group()!a}"
            elif key.startswith("$") and not (key == "$ref" and isinstance(part, str) and _REFERENCES.fullmatch(part)):
                yield "references", pointer(place, key), f"there is {key}"
            else:
                yield from _faults(part, pointer(place, key), key)
