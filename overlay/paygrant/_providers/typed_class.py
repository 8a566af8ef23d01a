"""What a generated class gets in addition: checks around its constructor, and the fields of a dataclass."""

import copy
import inspect
from dataclasses import MISSING, Field
from typing import Any

from paygrant._arguments import checked
from paygrant._providers.base import choices_first


def checked_members(cls: type[Any]) -> dict[str, Any]:
    """Members that replace those of a generated class, by name.

    No error of the constructor or of ``from_env`` shows their arguments. ``dataclasses.replace`` and
    ``dataclasses.fields`` know the arguments of the constructor.
    """
    init, from_env = cls.__init__, vars(cls)["from_env"].__func__
    taken = {name: each for name, each in inspect.signature(init).parameters.items() if name != "self"}
    some = cls.__dataclass_fields__["environment"]
    return {
        "__init__": checked(choices_first(init, taken)),
        "from_env": classmethod(checked(from_env)),
        "__dataclass_fields__": {name: _as_field(each, some) for name, each in taken.items()},
    }


def _as_field(parameter: inspect.Parameter, some: "Field[Any]") -> "Field[Any]":
    """A dataclass's field for a parameter of the constructor, made from some other field."""
    made = copy.copy(some)
    made.name, made.type = parameter.name, parameter.annotation
    made.default = MISSING if parameter.default is parameter.empty else parameter.default
    return made
