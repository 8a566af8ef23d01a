"""Reads the spec of a provider. What is wrong with it becomes a ConfigurationError."""

import functools
import keyword
from contextlib import suppress
from hashlib import sha256
from os import PathLike, fspath
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from paygrant._arguments import check_type, invalid_argument, is_framing
from paygrant._errors import ConfigurationError
from paygrant._spec.description import TokenEndpoint, header_names
from paygrant._spec.misfit import misfit
from paygrant._spec.reader import NormalizedSpec, endpoint_of

if TYPE_CHECKING:
    from paygrant._spec.errors import SpecError
    from paygrant._spec.files import SpecCache

_EXPECTED = "the path of a spec, or of a package that was generated from one"
_UNCHANGED = "what paygrant generate made, unchanged"
_SUFFIXES = frozenset({".json", ".yaml", ".yml"})
_LONGEST_SHOWN = 20
"""Characters of a word that an error repeats, whatever it is."""

_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


class ReadSpec(PathLike[str]):
    """The path of a spec that has been read already, with its description."""

    def __init__(self, path: Path, endpoint: TokenEndpoint) -> None:
        self.path = path
        self.endpoint = endpoint

    def __fspath__(self) -> str:
        return str(self.path)


def read_checked(
    spec: "str | PathLike[str] | ModuleType", cache: "SpecCache | None" = None
) -> TokenEndpoint | ReadSpec:
    """Read the description in a spec, and check what no lint rule has checked.

    Args:
        spec: The path of a spec, or a generated package.
        cache: Where specs are kept that have been read.

    Raises:
        ConfigurationError: There is no spec, or it breaks a rule.
        ImportError: The spec is a file, and ``paygrant[generate]`` is not installed to read it.
    """
    if isinstance(spec, ReadSpec):
        return spec
    check_type("spec", spec, str | PathLike | ModuleType, "the path of a spec, or a package that was generated")
    if isinstance(spec, ModuleType):
        return _checked(_description_of(spec.__name__))
    path = Path(fspath(spec))
    return ReadSpec(path, read_spec(path, cache).endpoint)


def read_once(spec: "str | PathLike[str] | ModuleType") -> tuple[TokenEndpoint, str]:
    """Read a spec: its description, and a digest that no other description has. A package is read once.

    Raises what ``read_checked`` raises.
    """
    if isinstance(spec, ModuleType):
        return _read_package(spec)
    description = description_of(read_checked(spec))
    return description, _digest_of(description)


def description_of(read: TokenEndpoint | ReadSpec) -> TokenEndpoint:
    """The description in what ``read_checked`` returns."""
    return read if isinstance(read, TokenEndpoint) else read.endpoint


@functools.lru_cache(maxsize=256)
def _read_package(package: ModuleType) -> tuple[TokenEndpoint, str]:
    description = description_of(read_checked(package))
    return description, _digest_of(description)


def _digest_of(description: TokenEndpoint) -> str:
    return sha256(repr(description).encode()).hexdigest()


def read_spec(path: Path, cache: "SpecCache | None" = None) -> NormalizedSpec:
    """The spec at a path, with its name and with all parts of a normalized spec.

    Args:
        path: A spec, or the folder of a generated package.
        cache: Where specs are kept that have been read.

    Raises:
        ConfigurationError: There is no spec, or it breaks a rule.
        ImportError: The spec is a file, and ``paygrant[generate]`` is not installed to read it.
    """
    from paygrant._spec.errors import SpecError  # a generated package needs none of these
    from paygrant._spec.files import spec_at

    try:
        spec = spec_at(path, cache)
        endpoint = spec.endpoint
    except SpecError as error:
        refusal = _refusal(error, path)
    except _UNREADABLE as error:
        where = repr(str(path)) if _is_harmless(path) else "this path"
        refusal = invalid_argument("spec", f"cannot be read at {where} ({type(error).__name__})", _EXPECTED)
    else:
        _check_names(_checked(endpoint))
        return spec
    raise refusal


def _check_names(description: TokenEndpoint) -> None:
    """Check the names of a description's arguments. They become options and variables.

    Raises:
        ConfigurationError: A name is taken, or is none in Python.
    """
    from paygrant._spec.names import RESERVED_ARGUMENTS

    for each in description.arguments:
        name = str(each.argument)
        if name in RESERVED_ARGUMENTS or not name.isidentifier() or keyword.iskeyword(name):
            raise invalid_argument("spec", "has an argument whose name cannot be used", _UNCHANGED)


def _is_harmless(path: Path) -> bool:
    """Whether an error may repeat a path. A long one that is neither a spec nor in a folder may be a secret."""
    in_folder = False
    with suppress(OSError):  # a name that is too long
        in_folder = bool(path.parent.name) and path.parent.is_dir()
    return path.suffix in _SUFFIXES or len(str(path)) <= _LONGEST_SHOWN or in_folder


def _refusal(error: "SpecError", path: Path) -> ConfigurationError:
    """The error for a spec that cannot be used, with a line for each finding. A missing file is one line."""
    from paygrant._spec.errors import FILE

    for each in error.findings:
        if each.fault.rule == FILE:
            fault = str(error) if _is_harmless(path) else f"this path: {each.fault.text}"
            return invalid_argument("spec", fault, _EXPECTED)
    return ConfigurationError(
        f"spec: cannot be used; expected the path of a spec without these faults:\n{error}", argument="spec"
    )


def _description_of(package: str) -> TokenEndpoint:
    """The description in a generated package.

    Raises:
        ConfigurationError: The module is something else.
    """
    try:
        return endpoint_of(package)
    except (ImportError, *_UNREADABLE) as error:  # an ImportError: the module was made by hand
        kind = "LookupError" if isinstance(error, ImportError) else type(error).__name__
        fault = f"cannot be read at {package!r} ({kind})"
    raise invalid_argument("spec", fault, _EXPECTED)


def _checked(description: TokenEndpoint) -> TokenEndpoint:
    """A description whose values have the right types.

    Raises:
        ConfigurationError: They do not.
    """
    if (field_name := misfit(description)) or description.path.startswith("//"):
        fault = f"has {field_name or 'path'} without a value, with one of another type, or with a control character"
        raise invalid_argument("spec", fault, _UNCHANGED)
    if name := next(filter(is_framing, header_names(description)), None):
        raise invalid_argument("spec", f"puts a value into {name!r}, a header that HTTP itself sets", "another header")
    return description
