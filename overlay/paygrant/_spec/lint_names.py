"""The rule on the name of the provider's class, which is generated from the spec. It relies on all other rules."""

import keyword
import re
from collections.abc import Iterator

from paygrant._spec.document import Document
from paygrant._spec.errors import Fault
from paygrant._spec.names import CLASS_NAMES
from paygrant._spec.reader import CLASS_NAME, TITLE, NormalizedSpec

RULES = {
    "class-name": "The provider's class has the name in info/x-class-name, else one that is made from the title. It must begin with a capital letter and hold letters and digits only. It must not mean something else in Python or in a generated package.",
}


def name_faults(document: Document) -> Iterator[Fault]:
    """Yield what breaks the rule above."""
    spec = NormalizedSpec(document.path.stem, document.data)
    name = spec.class_name
    if name in CLASS_NAMES or keyword.iskeyword(name):
        fault = f"{name!r} is taken"
    elif not re.fullmatch("[A-Z][A-Za-z0-9]*", name):
        fault = f"the name is {name!r}"
    else:
        return
    place = CLASS_NAME if spec.states_class_name else TITLE
    yield Fault("class-name", place, f"{fault}. {RULES['class-name']}")
