"""Writes the ``__init__`` of a generated package. It loads a name when the name is used, and no model before that."""

from collections.abc import Mapping

from paygrant.generate._docstring import docstring

_BODY = """
TYPE_CHECKING = False  # type checkers take it for true, and so the module typing is not needed here

if TYPE_CHECKING:
    {imports}

__all__ = {names}

if not TYPE_CHECKING:
    _MODULES = {modules}

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f"{{__name__}}.{{_MODULES[name]}}"), name)
        return value

    def __dir__():
        return [*__all__]
"""


def init_module(about: str, modules: Mapping[str, str]) -> str:
    """Return the text of a package's ``__init__``, not formatted yet.

    Args:
        about: What the package is, for its docstring.
        modules: The public names, each with the module in the package that has it.
    """
    names = sorted(modules)
    imports = "\n    ".join(f"from .{modules[name]} import {name} as {name}" for name in names)
    modules = {name: modules[name] for name in names}
    return docstring(about) + "\n" + _BODY.format(imports=imports, names=names, modules=modules)
